//! The stores: one suite that both pass, files that go from one to the other, and the commands.

mod commands;
mod conformance;
mod exchange;
mod fetching;
mod footage;
mod hostile;
mod killed;
mod kubo;

use std::sync::Arc;

use futures::TryStreamExt;
use paystream_streamer::store::{ContentStore, Embedded, Result, StoreError, read};

pub use commands::command;
pub use kubo::KuboNode;

/// A store in a folder of its own.
pub fn embedded() -> (tempfile::TempDir, Arc<dyn ContentStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path().join("blocks"), u64::MAX).unwrap();
    (folder, Arc::new(store))
}

/// All bytes of a range.
pub async fn bytes(
    store: &Arc<dyn ContentStore>,
    cid: cid::Cid,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>, StoreError> {
    let parts: Vec<bytes::Bytes> = read(Arc::clone(store), cid, range).try_collect().await?;
    Ok(parts.concat())
}
