//! Files stored on chain, in a `FlatDirectory` of EthStorage: anybody can read them at `web3://<contract>:<chain id>/<name>`
//! (ERC-4804), from any node, for as long as the chain lives.
//!
//! A file is written in chunks, one transaction each, whose data becomes code on the chain (calldata mode). The contract answers
//! the hash of every chunk that it has, so that an interrupted upload goes on where it was, whoever asks: nothing about it
//! is kept here. Each chunk is read back and compared before anything is called stored.
//!
//! - [`FileName`] and [`chunks`]: what is written. Pure.
//! - [`Directory`]: one `FlatDirectory`, whose owner signs. It has to be that account's alone while it writes.
//!
//! Only the contract's version 1.1.0 is spoken to. Deploying one is left to EthStorage's own tools, and blobs (EIP-4844), which
//! need EthStorage's network to be kept, are not written.

mod directory;
mod error;
mod file;

pub use directory::{Directory, Estimate, Stored};
pub use error::EthStorageError;
pub use file::{CHUNK_SIZE, FileName, MAX_NAME, chunks};
