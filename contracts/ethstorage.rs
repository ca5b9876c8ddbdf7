//! Files stored on chain, in a `FlatDirectory` of EthStorage: anybody can read them at `web3://<contract>:<chain id>/<name>`
//! (ERC-4804), from any node, for as long as the chain lives.
//!
//! A file is written in chunks, whose data becomes code on the chain, one transaction each ([`Mode::Calldata`]), or travels in
//! blobs, six in a transaction, of which the chain keeps the hashes and EthStorage's nodes the data ([`Mode::Blobs`], EIP-4844).
//! The contract answers the hash of every chunk that it has, so that an interrupted upload goes on where it was, whoever asks:
//! nothing about it is kept here. Each chunk is read back and compared before anything is called stored; a blob can be read from
//! EthStorage's nodes alone, and is compared by its hash where there is none to ask.
//!
//! - [`FileName`] and [`chunks`]: what is written. Pure.
//! - [`Directory`]: one `FlatDirectory`, whose owner signs. It has to be that account's alone while it writes.
//!
//! Only the contract's version 1.1.0 is spoken to. Deploying one is left to EthStorage's own tools.

mod blob;
mod directory;
mod error;
mod file;

pub use blob::{BLOB_CHUNK_SIZE, decode as decode_blob, encode as encode_blob};
pub use directory::{Directory, Estimate, Stored};
pub use error::EthStorageError;
pub use file::{CHUNK_SIZE, FileName, MAX_NAME, Mode, chunks};
