use bitcoin::Amount;

use crate::error::ChannelError;

/// The price is in millisatoshis a second and media in milliseconds: this many of their product are one satoshi.
const MSAT_MS_PER_SAT: u128 = 1_000_000;

/// The cumulative amount that pays for the session's media up to `covers_ms` (section 5.2), rounded up:
/// `base + ceil((covers_ms - credit_ms) * msat_per_second / 1000000)`. Media within the credit costs nothing.
///
/// # Errors
/// `Overflow` when it exceeds all money.
pub fn due_paid(
    base: Amount,
    covers_ms: u64,
    credit_ms: u64,
    msat_per_second: u64,
) -> Result<Amount, ChannelError> {
    let chargeable_ms = u128::from(covers_ms.saturating_sub(credit_ms));
    add_price_rounded_up(base, chargeable_ms, msat_per_second)
}

/// The most that a viewer signs: the price of what it saw by its own clock and of two ticks more, on top of `base`, rounded up.
///
/// # Errors
/// `Overflow` when it exceeds all money.
pub fn viewer_limit(
    base: Amount,
    gate_open_ms: u64,
    tick_ms: u64,
    msat_per_second: u64,
) -> Result<Amount, ChannelError> {
    let allowed_ms = u128::from(gate_open_ms) + 2 * u128::from(tick_ms);
    add_price_rounded_up(base, allowed_ms, msat_per_second)
}

/// The media that `paid` covers in a session that began at `base` with `credit_ms`, in whole milliseconds, rounded down.
///
/// `due_paid` of the result never exceeds `paid` (when `paid` is at least `base`).
#[must_use]
pub fn media_paid_ms(base: Amount, paid: Amount, credit_ms: u64, msat_per_second: u64) -> u64 {
    let paid_here = u128::from(paid.to_sat().saturating_sub(base.to_sat())) * MSAT_MS_PER_SAT;
    let ms = paid_here
        .checked_div(u128::from(msat_per_second))
        .unwrap_or(u128::MAX);
    u64::try_from(ms)
        .unwrap_or(u64::MAX)
        .saturating_add(credit_ms)
}

fn add_price_rounded_up(
    base: Amount,
    ms: u128,
    msat_per_second: u64,
) -> Result<Amount, ChannelError> {
    let price = ms
        .checked_mul(u128::from(msat_per_second))
        .ok_or(ChannelError::Overflow)?
        .div_ceil(MSAT_MS_PER_SAT);
    let total = price
        .checked_add(u128::from(base.to_sat()))
        .and_then(|total| u64::try_from(total).ok())
        .ok_or(ChannelError::Overflow)?;
    let total = Amount::from_sat(total);
    if total > Amount::MAX_MONEY {
        Err(ChannelError::Overflow)
    } else {
        Ok(total)
    }
}
