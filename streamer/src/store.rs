//! Content by its CID: the boundary [`ContentStore`], and what stands behind it.
//!
//! Two stores give the same CIDs for the same bytes (UnixFS version 1, raw leaves, chunks of 256 KiB, 174 links): [`Embedded`], files in
//! a folder, and [`Kubo`], a node of IPFS over its RPC. Whatever comes out of a store has been checked against its CID here, so a damaged disk or a
//! lying node is noticed and never served. Files are read through [`dag`]: any UnixFS file, whatever made it.
//!
//! An addition is whole or nothing: when [`ContentStore::add`] has answered, the file is durable and pinned; when it fails, or the machine does,
//! nothing of it is pinned.

pub mod block;
pub mod command;
pub mod dag;
mod embedded;
mod error;
mod hash;
mod kubo;
mod layout;
mod options;
mod tidy;
mod transfer;
mod walk;

use std::fmt::Debug;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use cid::Cid;
use tokio::io::AsyncRead;

pub use embedded::Embedded;
pub use error::{Result, StoreError};
pub use hash::only_hash;
pub use kubo::Kubo;
pub use options::{StoreKind, StoreOptions};
pub use tidy::{SOON, Tidy};
pub use transfer::{Fault, Gateways, export, import, verify};
pub use walk::{blocks, blocks_once, document, read, size};

/// What is added: read to its end, once.
pub type Source<'a> = Pin<Box<dyn AsyncRead + Send + 'a>>;
/// Told how many bytes have been taken so far.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// Nobody is told.
pub const QUIET: Progress<'static> = &|_| {};

/// Where content is kept.
#[async_trait]
pub trait ContentStore: Debug + Send + Sync {
    /// Adds a file, and pins it. Memory is bounded, whatever its size. When this is dropped, nothing is added.
    ///
    /// # Errors
    /// `Full`, `Source`; when the store fails. Nothing is added then.
    async fn add(&self, source: Source<'_>, progress: Progress<'_>) -> Result<Added>;

    /// A block, checked against its CID. `None` when it is not here.
    ///
    /// # Errors
    /// `Damaged`, `Unsupported`; when the store fails.
    async fn block(&self, cid: &Cid) -> Result<Option<Bytes>>;

    /// Stores blocks, which are checked against their CIDs first. They are durable when this returns, and not pinned.
    ///
    /// # Errors
    /// `Mismatched`, `TooLarge`, `Unsupported`, `Full`; when the store fails. Some of the blocks may be stored then.
    async fn put(&self, blocks: Vec<(Cid, Bytes)>) -> Result<()>;

    /// Keeps a file, all of which is here (or, in Kubo, comes from other nodes), from being collected. `progress` is told of blocks.
    ///
    /// # Errors
    /// `Missing`, `Unsound`; when the store fails.
    async fn pin(&self, root: &Cid, progress: Progress<'_>) -> Result<()>;

    /// Lets a file be collected. Nothing happens when it was not pinned.
    ///
    /// # Errors
    /// When the store fails.
    async fn unpin(&self, root: &Cid) -> Result<()>;

    /// Whether a file is pinned itself.
    ///
    /// # Errors
    /// When the store fails.
    async fn is_pinned(&self, root: &Cid) -> Result<bool>;

    /// All pinned files.
    ///
    /// # Errors
    /// When the store fails.
    async fn pins(&self) -> Result<Vec<Cid>>;

    /// How full the store is.
    ///
    /// # Errors
    /// When the store fails.
    async fn usage(&self) -> Result<Usage>;

    /// Whether the store can be written and read now.
    ///
    /// # Errors
    /// When it cannot.
    async fn health(&self) -> Result<()>;

    /// Removes the blocks that no pinned file needs.
    ///
    /// # Errors
    /// `Busy` when another process uses the store; `Damaged` or `Missing` when a pinned file is not whole, for then nobody can tell what
    /// it needs.
    async fn gc(&self) -> Result<Collected>;
}

/// A file that has been added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The root.
    pub cid: Cid,
    /// Bytes of the file.
    pub size: u64,
    /// Blocks of its DAG, those that occur twice counted twice.
    pub blocks: u64,
}

/// How full a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all blocks.
    pub used_bytes: u64,
    /// The most that is stored.
    pub quota_bytes: u64,
}

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blocks.
    pub blocks: u64,
    /// Their bytes; 0 when the store does not tell.
    pub bytes: u64,
}
