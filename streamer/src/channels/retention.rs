//! When a finished channel leaves the journal. Pure.
//!
//! | stage | is finished when |
//! |---|---|
//! | `AwaitingFunding`, `Funded`, `Closing` | never |
//! | `Ended` | the expiry has passed: what is there is the viewer's |
//! | `Closed` | the closing transaction has [`SETTLED`] confirmations |
//! | `Lost` | there was no payment, or the expiry has passed |
//!
//! From then on it is kept for the time that the operator chose, and in any case until [`BURIED`] more blocks have come.

use std::time::Duration;

use super::observe::SETTLED;
use super::record::{Finished, Record, Stage};

/// Blocks on top of a finished channel before it may be forgotten. No reorganisation of a public network ever went near.
pub const BURIED: u32 = 100;

/// Whether nothing more is awaited of a channel.
#[must_use]
pub fn is_finished(record: &Record, tip: u32) -> bool {
    let expired = tip > record.terms.expiry_height;
    match &record.stage {
        Stage::AwaitingFunding | Stage::Funded { .. } | Stage::Closing { .. } => false,
        Stage::Ended { .. } => expired,
        Stage::Closed { confirmations, .. } => *confirmations >= SETTLED,
        Stage::Lost { .. } => record.payment.is_none() || expired,
    }
}

/// Whether a finished channel has been kept for long enough.
#[must_use]
pub fn may_be_forgotten(finished: Finished, now: i64, tip: u32, keep: Duration) -> bool {
    let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    now.saturating_sub(finished.at) >= keep && tip >= finished.height.saturating_add(BURIED)
}
