use bitcoin::{Amount, ScriptBuf};

use crate::state::ChannelState;

/// Why terms, a funding, a payment or a signature is refused. Nothing here is cured by a retry of the same input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A value is not written as the protocol says.
    #[error("{field} is malformed: {reason}")]
    Malformed {
        /// The field's name on the wire.
        field: &'static str,
        /// What is expected instead.
        reason: &'static str,
    },
    /// A script is not one of the standard ones that its place allows.
    #[error("{field} is not a standard script that is allowed there: {script:x}")]
    UnsupportedScript {
        /// The field's name on the wire.
        field: &'static str,
        /// The script.
        script: ScriptBuf,
    },
    /// The content has no price in bitcoin.
    #[error("the content has no Bitcoin price")]
    NoPrice,
    /// The funding is under ten closing fees.
    #[error("the capacity of {capacity} is under the minimum of {minimum}")]
    CapacityTooLow {
        /// What the outputs add up to.
        capacity: Amount,
        /// What they have to add up to.
        minimum: Amount,
    },
    /// The funding output does not pay the channel's script.
    #[error("the output does not pay the channel's script")]
    WrongScript,
    /// The payment names another channel.
    #[error("the payment is for another channel")]
    WrongChannel,
    /// The channel takes no payments in its state.
    #[error("the channel is {0}")]
    NotOpen(ChannelState),
    /// The tip is too near to the expiry height.
    #[error("the tip {tip} is at or beyond {limit}, after which the channel takes no payments")]
    Expired {
        /// Height of the best block.
        tip: u32,
        /// First height at which no payment is accepted, `H - 72`.
        limit: u32,
    },
    /// The sequence is not the one that comes next.
    #[error(
        "the sequence is {got} where {expected} is expected, or an exact repeat of the last payment"
    )]
    SequenceMismatch {
        /// The last accepted one plus 1.
        expected: u64,
        /// The payment's.
        got: u32,
    },
    /// The amount does not rise.
    #[error("the payment of {got} is not above the last accepted, {last}")]
    AmountNotRising {
        /// The last accepted cumulative amount.
        last: Amount,
        /// The payment's.
        got: Amount,
    },
    /// The amount leaves too little for the fee and the viewer's change.
    #[error("the payment of {got} is over the channel's bound of {max}")]
    AmountExceedsCapacity {
        /// The highest amount that can be paid.
        max: Amount,
        /// The payment's.
        got: Amount,
    },
    /// A signature does not verify, or has a high `s`.
    #[error("signature {index} does not verify")]
    BadSignature {
        /// Its place in the list of signatures; 0 where there is one.
        index: usize,
    },
    /// A fee leaves nothing that may be sent back.
    #[error("a fee of {fee} leaves an output of {value}, under its limit of {dust}")]
    FeeTooHigh {
        /// The fee asked for.
        fee: Amount,
        /// What would be left (zero when the fee exceeds the input).
        value: Amount,
        /// The least that may be left.
        dust: Amount,
    },
    /// An amount does not fit into the range of money.
    #[error("an amount overflows")]
    Overflow,
}

impl ChannelError {
    /// The code of section 11 of the protocol.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::Overflow | Self::FeeTooHigh { .. } => "malformed",
            Self::UnsupportedScript { .. } => "unsupported_script",
            Self::NoPrice => "rail_unavailable",
            Self::CapacityTooLow { .. } => "capacity_too_low",
            Self::WrongScript => "wrong_script",
            Self::WrongChannel => "wrong_channel",
            Self::NotOpen(_) => "channel_not_open",
            Self::Expired { .. } => "channel_expired",
            Self::SequenceMismatch { .. } => "sequence_mismatch",
            Self::AmountNotRising { .. } => "amount_not_rising",
            Self::AmountExceedsCapacity { .. } => "amount_exceeds_capacity",
            Self::BadSignature { .. } => "bad_signature",
        }
    }
}
