//! Paystream's indexer: it follows the contracts' events into PostgreSQL and serves them as an API.
//!
//! Data walks one way: [`source`] asks Ethereum nodes, [`chain`] decides what their blocks mean for the chain that is
//! mirrored, [`event`] decodes logs, [`projection`] makes rows of them, [`store`] writes all of it in one transaction,
//! [`api`] serves it. `chain`, `event` and `projection` are pure. [`follow`] is the loop around them.
//!
//! Invariants
//! - A row of the chain is there exactly once, and only while its block is on the chain that the node follows.
//! - The rows and the head are written in one transaction: a crash at any point leaves a whole block or none of it.
//! - Nothing that was final is ever taken back.
//!
//! Deliberately absent: any write to the chain, any key, any trust in one node's word about what it said before.

#![forbid(unsafe_code)]

pub mod api;
pub mod chain;
pub mod config;
pub mod error;
pub mod event;
pub mod follow;
pub mod liveness;
pub mod projection;
pub mod serve;
pub mod source;
pub mod status;
pub mod store;
