use bitcoin::Amount;

use crate::{
    error::ChannelError, funding::Funding, payment::Payment, state::ChannelState,
    terms::ChannelTerms,
};

/// What became of a payment that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It takes the place of the last one: write it to disk, then acknowledge it.
    New,
    /// It is the last one again: acknowledge it again, nothing changes.
    Repeat,
}

/// Decides about a payment (section 4.3). Pure: the caller keeps the last accepted payment and replaces it after `New`.
///
/// An exact repeat is answered in every state, since it asks for nothing. The order of the checks is: channel, repeat, state, expiry,
/// sequence, rise, bound, signatures; the first that fails is the reason.
///
/// # Errors
/// `WrongChannel`, `NotOpen`, `Expired`, `SequenceMismatch`, `AmountNotRising`, `AmountExceedsCapacity`, `Malformed` for the wrong number of
/// signatures, `BadSignature`.
pub fn accept(
    terms: &ChannelTerms,
    funding: &Funding,
    state: ChannelState,
    tip: u32,
    last: Option<&Payment>,
    payment: &Payment,
) -> Result<Accepted, ChannelError> {
    if payment.channel_id != terms.channel_id() {
        return Err(ChannelError::WrongChannel);
    }
    if last == Some(payment) {
        return Ok(Accepted::Repeat);
    }
    if !state.takes_payments() {
        return Err(ChannelError::NotOpen(state));
    }
    let limit = terms.stop_height();
    if tip >= limit {
        return Err(ChannelError::Expired { tip, limit });
    }
    let (last_sequence, last_paid) =
        last.map_or((0, Amount::ZERO), |last| (last.sequence, last.paid));
    let expected = u64::from(last_sequence) + 1;
    if u64::from(payment.sequence) != expected {
        return Err(ChannelError::SequenceMismatch {
            expected,
            got: payment.sequence,
        });
    }
    if payment.paid <= last_paid {
        return Err(ChannelError::AmountNotRising {
            last: last_paid,
            got: payment.paid,
        });
    }
    payment.verify(terms, funding)?;
    Ok(Accepted::New)
}
