//! A channel as the provider knows it.
//!
//! | stage | on the wire | goes to |
//! |---|---|---|
//! | `AwaitingFunding` | `awaiting_funding` | `Funded` (the node shows the output); forgotten after an hour |
//! | `Funded` | `unconfirmed`, `open` | `Closing` (a payment is held), `Ended` (none is), `Lost` |
//! | `Ended` | `closing` | `Lost` (the viewer's refund) |
//! | `Closing` | `closing` | `Closed` (confirmed), `Lost` |
//! | `Closed` | `closed` | `Closing` (a reorganisation took the close out of the chain) |
//! | `Lost` | `lost` | `Closing` (the output is back and a payment is held) |
//!
//! Forbidden: a payment in any stage but `Funded`; a transaction broadcast that is not in the journal's `Closing`.

use bitcoin::Transaction;
use paystream_channel::{ChannelId, ChannelState, ChannelTerms, Funding, Payment};
use serde::{Deserialize, Serialize};

/// Where a channel is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Nothing seen on our node.
    AwaitingFunding,
    /// The funding output is there, unspent.
    Funded {
        /// The output.
        funding: Funding,
        /// Blocks that confirm it, as last seen.
        confirmations: u32,
    },
    /// It ended without a payment: there is nothing to broadcast.
    Ended {
        /// The output.
        funding: Funding,
    },
    /// The closing transaction is to be broadcast until it confirms.
    Closing {
        /// The output.
        funding: Funding,
        /// The transaction, complete.
        #[serde(with = "bitcoin::consensus::serde::With::<bitcoin::consensus::serde::Hex>")]
        transaction: Transaction,
    },
    /// The closing transaction is in the chain.
    Closed {
        /// The output.
        funding: Funding,
        /// The transaction.
        #[serde(with = "bitcoin::consensus::serde::With::<bitcoin::consensus::serde::Hex>")]
        transaction: Transaction,
        /// Blocks that confirm it, as last seen.
        confirmations: u32,
    },
    /// The funding was spent by another transaction, or vanished.
    Lost {
        /// The output.
        funding: Funding,
    },
}

impl Stage {
    /// The funding, where there is one.
    #[must_use]
    pub fn funding(&self) -> Option<&Funding> {
        match self {
            Self::AwaitingFunding => None,
            Self::Funded { funding, .. }
            | Self::Ended { funding }
            | Self::Closing { funding, .. }
            | Self::Closed { funding, .. }
            | Self::Lost { funding } => Some(funding),
        }
    }

    /// The closing transaction, where there is one.
    #[must_use]
    pub fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Closing { transaction, .. } | Self::Closed { transaction, .. } => {
                Some(transaction)
            }
            Self::AwaitingFunding
            | Self::Funded { .. }
            | Self::Ended { .. }
            | Self::Lost { .. } => None,
        }
    }
}

/// When a channel was seen to be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// In seconds since 1970.
    pub at: i64,
    /// The height of the chain's tip then.
    pub height: u32,
}

/// A channel and its last payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The channel's id, a hash of the terms.
    pub id: ChannelId,
    /// The index of the provider's key.
    pub key_index: u32,
    /// What was agreed.
    pub terms: ChannelTerms,
    /// Where it stands.
    pub stage: Stage,
    /// The last accepted payment.
    pub payment: Option<Payment>,
    /// Media that was paid for and not delivered.
    pub credit_ms: u64,
    /// Media that was delivered before the funding was confirmed.
    pub preview_used_ms: u64,
    /// When it was opened, in seconds since 1970.
    pub created_at: i64,
    /// When nothing more was awaited of it.
    pub finished: Option<Finished>,
}

impl Record {
    /// The state on the wire.
    #[must_use]
    pub fn state(&self, min_confirmations: u32) -> ChannelState {
        match &self.stage {
            Stage::AwaitingFunding => ChannelState::AwaitingFunding,
            Stage::Funded { confirmations, .. } if *confirmations < min_confirmations => {
                ChannelState::Unconfirmed
            }
            Stage::Funded { .. } => ChannelState::Open,
            Stage::Ended { .. } | Stage::Closing { .. } => ChannelState::Closing,
            Stage::Closed { .. } => ChannelState::Closed,
            Stage::Lost { .. } => ChannelState::Lost,
        }
    }

    /// What has been paid in all, in satoshis.
    #[must_use]
    pub fn paid_sat(&self) -> u64 {
        self.payment
            .as_ref()
            .map_or(0, |payment| payment.paid.to_sat())
    }
}
