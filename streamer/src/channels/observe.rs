//! What a look at the chain means for a channel. Pure.

use crate::bitcoin::{Output, Place};

use super::record::{Record, Stage};

/// A close is watched until so many blocks confirm it.
pub const SETTLED: u32 = 6;

/// What the node shows of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The funding output, if it is unspent.
    pub output: Option<Output>,
    /// Where the closing transaction is.
    pub closing: Place,
}

/// What is to be done about a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Stay,
    /// Move to this stage.
    Move(Stage),
    /// Broadcast the closing transaction (again).
    Broadcast,
    /// Close with the payment at hand.
    Close,
}

/// Decides by what the node shows.
#[must_use]
pub fn observe(record: &Record, seen: &Observation) -> Action {
    match (&record.stage, &seen.output, seen.closing) {
        (Stage::AwaitingFunding, _, _) => Action::Stay,
        (
            Stage::Funded {
                funding,
                confirmations,
            },
            Some(output),
            _,
        ) => {
            if output.confirmations == *confirmations {
                Action::Stay
            } else {
                Action::Move(Stage::Funded {
                    funding: funding.clone(),
                    confirmations: output.confirmations,
                })
            }
        }
        (Stage::Funded { funding, .. } | Stage::Ended { funding }, None, _) => {
            Action::Move(Stage::Lost {
                funding: funding.clone(),
            })
        }
        (Stage::Ended { .. }, Some(_), _) => Action::Stay,
        (
            Stage::Closing {
                funding,
                transaction,
            },
            _,
            Place::Chain(confirmations),
        ) => Action::Move(Stage::Closed {
            funding: funding.clone(),
            transaction: transaction.clone(),
            confirmations,
        }),
        (Stage::Closing { .. }, _, Place::Mempool) => Action::Stay,
        (Stage::Closing { .. }, Some(_), Place::Unknown) => Action::Broadcast,
        (Stage::Closing { funding, .. }, None, Place::Unknown) => Action::Move(Stage::Lost {
            funding: funding.clone(),
        }),
        (
            Stage::Closed {
                funding,
                transaction,
                confirmations,
            },
            _,
            Place::Chain(count),
        ) => {
            if count == *confirmations {
                Action::Stay
            } else {
                let (funding, transaction) = (funding.clone(), transaction.clone());
                Action::Move(Stage::Closed {
                    funding,
                    transaction,
                    confirmations: count,
                })
            }
        }
        (
            Stage::Closed {
                funding,
                transaction,
                ..
            },
            _,
            Place::Mempool | Place::Unknown,
        ) => Action::Move(Stage::Closing {
            funding: funding.clone(),
            transaction: transaction.clone(),
        }),
        (Stage::Lost { .. }, Some(output), _)
            if output.confirmations > 0 && record.payment.is_some() =>
        {
            Action::Close
        }
        (Stage::Lost { .. }, _, _) => Action::Stay,
    }
}

/// Whether a channel is still looked after.
#[must_use]
pub fn is_watched(record: &Record, tip: u32) -> bool {
    match &record.stage {
        Stage::AwaitingFunding => false,
        Stage::Funded { .. } | Stage::Ended { .. } | Stage::Closing { .. } => true,
        Stage::Closed { confirmations, .. } => *confirmations < SETTLED,
        // Before the expiry the output can come back only by a reorganisation; after it, the viewer's refund is final.
        Stage::Lost { .. } => record.payment.is_some() && tip <= record.terms.expiry_height,
    }
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
