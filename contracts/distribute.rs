//! How earnings get to whom they belong: somebody pushes them, and pays the gas for all.
//!
//! Anybody may call `claimFor` and `distribute`; both send money only to its owner. What is owed stands on the chain alone:
//! a claim empties its row of the ledger, so what was paid is not owed any more, and paying it twice is impossible. What
//! this module adds is that no gas is wasted, and that nothing is forgotten, wherever a run was interrupted: every
//! transaction is in a journal, signed, before it is sent ([`Journal`]), and the next run goes on with exactly those.
//!
//! - [`discover`]: who ever earned something, and which splits exist, from the contracts' events.
//! - [`survey`]: what each is owed now.
//! - [`Policy`]: what is worth paying. Pure.
//! - [`Payer`]: sends claims and distributions in batches.
//! - [`table`] and [`csv`]: what is shown of it. Pure.

mod discover;
mod error;
mod journal;
mod pay;
mod policy;
mod report;
mod survey;

use alloy::primitives::{Address, TxHash, U256};
use serde::{Deserialize, Serialize};

pub use discover::{Known, discover};
pub use error::DistributeError;
pub use journal::{Ended, Journal, Outcome, Sent};
pub use pay::{Fees, Payer};
pub use policy::{Policy, Reason, Tokens};
pub use report::{Line, State, csv, line_of, table};
pub use survey::{TokenNames, amount_in_units, claims, splits_of};

/// Ether, where a token is named.
pub const ETHER: Address = Address::ZERO;

/// By which call an account gets its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `claimFor` of the splitter, to an account that earned.
    Claim,
    /// `distribute` of a split, to its recipients.
    Distribute,
}

/// What an account (of a split: its recipients) is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// How it is paid.
    pub kind: Kind,
    /// In what.
    pub token: Address,
    /// The account that earned, or the split.
    pub account: Address,
    /// How much, in the token's smallest unit.
    pub amount: U256,
}

/// What happens during a run, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The events up to this block have been read, of so many.
    Scanned(u64, u64),
    /// So many transactions of an interrupted run are taken up again.
    Resumed(usize),
    /// A transaction is on its way.
    Sent(Due, TxHash),
}
