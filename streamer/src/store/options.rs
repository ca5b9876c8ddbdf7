//! Which store, as it is told on the command line.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use url::Url;

use super::{ContentStore, Embedded, Kubo, Result};

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// Files in the data folder.
    Embedded,
    /// A Kubo node.
    Kubo,
}

/// Where content is kept.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Where content is kept: embedded (in the data folder) or kubo (a node of IPFS).
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_STORE",
        value_enum,
        default_value = "embedded"
    )]
    pub store: StoreKind,
    /// RPC of the Kubo node. It may do anything with the node: keep it private.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_KUBO_RPC",
        default_value = "http://127.0.0.1:5001"
    )]
    pub kubo_rpc: Url,
    /// Bytes of content that the embedded store keeps, in all: videos, posters, announcements.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_MAX_STORE_BYTES",
        default_value_t = 107_374_182_400
    )]
    pub max_store_bytes: u64,
}

impl StoreOptions {
    /// Opens the store. Kubo does not need to be up yet.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(&self, data_dir: &Path) -> Result<Arc<dyn ContentStore>> {
        match self.store {
            StoreKind::Embedded => Ok(Arc::new(Embedded::open(
                data_dir.join("blocks"),
                self.max_store_bytes,
            )?)),
            StoreKind::Kubo => Ok(Arc::new(Kubo::new(self.kubo_rpc.clone())?)),
        }
    }
}
