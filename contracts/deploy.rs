//! How the contracts get onto a chain, at addresses that follow from their code.
//!
//! Each contract is made by CREATE2 through the deterministic deployer, so its address is known before anything is sent, is
//! the same on every chain, and can hold nothing but this code. That makes a deployment easy to go on with: what is in place
//! is left alone, what is missing is sent, and the record is written only when everything has been seen on the chain.
//!
//! - [`Plan`]: what this build deploys, and where. Pure.
//! - [`survey`] and [`deploy`]: look at the chain, and send what is missing.
//! - [`Record`]: the file `deployments/<chain id>.json`.
//! - [`Network`]: where it may be deployed to; never the main network.

mod chain;
mod error;
mod network;
mod plan;
mod record;
mod runtime;

use alloy::primitives::{Address, TxHash};

pub use chain::{Placed, Placement, Waiting, chain_id, deploy, survey};
pub use error::DeployError;
pub use network::{NETWORKS, Network};
pub use plan::{CREATE2_DEPLOYER, Compiler, Plan, PlannedContract, SALT};
pub use record::{Record, Source, check_record, record_block_is_early_enough, recorded};
pub use runtime::{Difference, RuntimeCode};

/// What a deployment tells while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many earlier transactions of the account wait for a block.
    Pending(u64),
    /// A contract is in place already.
    InPlace(&'static str, Address),
    /// A contract is on its way.
    Sent(&'static str, TxHash),
    /// A contract is in a block.
    Mined(&'static str, Address),
    /// Everything is in blocks, and waits until so many lie above.
    Confirming(u64),
}
