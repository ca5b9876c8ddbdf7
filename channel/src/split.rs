use bitcoin::{Amount, Script};

use crate::{error::ChannelError, terms::ChannelTerms};

/// What the closing transaction pays to whom (section 4.2). A zero means that the output is not made; the change is always made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payouts {
    /// To the provider's script.
    pub provider: Amount,
    /// To the creator's script.
    pub creator: Amount,
    /// Back to the viewer.
    pub change: Amount,
}

/// The highest amount that a channel of this capacity can pay: `V - F - dust(change)`; zero when it can pay nothing.
#[must_use]
pub fn max_paid(terms: &ChannelTerms, capacity: Amount) -> Amount {
    capacity
        .checked_sub(terms.fee)
        .and_then(|rest| rest.checked_sub(dust_limit(&terms.change_script)))
        .unwrap_or(Amount::ZERO)
}

/// Splits the cumulative amount `paid` of a channel of `capacity`, by the rules of section 4.2.
///
/// # Errors
/// `AmountNotRising` for zero, `AmountExceedsCapacity` over [`max_paid`].
pub fn split(
    terms: &ChannelTerms,
    capacity: Amount,
    paid: Amount,
) -> Result<Payouts, ChannelError> {
    if paid == Amount::ZERO {
        return Err(ChannelError::AmountNotRising {
            last: Amount::ZERO,
            got: paid,
        });
    }
    let max = max_paid(terms, capacity);
    if paid > max {
        return Err(ChannelError::AmountExceedsCapacity { max, got: paid });
    }
    let creator_part = creator_part_rounded_up(paid, terms.creator_share_bps);
    let provider_part = paid - creator_part;
    let provider_dust = dust_limit(&terms.provider_script);
    let creator_dust = dust_limit(&terms.creator_script);
    let reaches = |part: Amount, dust: Amount| part == Amount::ZERO || part >= dust;

    let (provider, creator) =
        if reaches(provider_part, provider_dust) && reaches(creator_part, creator_dust) {
            (provider_part, creator_part)
        } else if provider_part >= provider_dust {
            (paid, Amount::ZERO)
        } else if creator_part != Amount::ZERO && creator_part >= creator_dust {
            (Amount::ZERO, paid)
        } else if paid >= provider_dust {
            (paid, Amount::ZERO)
        } else {
            (Amount::ZERO, Amount::ZERO)
        };
    Ok(Payouts {
        provider,
        creator,
        change: capacity - terms.fee - provider - creator,
    })
}

/// Bitcoin Core's dust limit for an output to the script at 3 sat/vB.
#[must_use]
pub fn dust_limit(script: &Script) -> Amount {
    script.minimal_non_dust()
}

fn creator_part_rounded_up(paid: Amount, share_bps: u16) -> Amount {
    let part = (u128::from(paid.to_sat()) * u128::from(share_bps)).div_ceil(10_000);
    Amount::from_sat(
        u64::try_from(part).expect("a share of at most 10000/10000 is no more than the whole"),
    )
}
