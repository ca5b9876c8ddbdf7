//! Collecting now and then, so that what has been unpinned gives its room back.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{ContentStore, StoreError};

/// How often the streamer collects.
pub const EACH: Duration = Duration::from_secs(600);

/// Collects again and again, until it is told to stop. Not for Kubo, whose collections are its operator's affair.
pub async fn tidy(store: Arc<dyn ContentStore>, each: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(each) => {}
        }
        match store.gc().await {
            Ok(collected) if collected.blocks == 0 => {}
            Ok(collected) => {
                tracing::info!(
                    blocks = collected.blocks,
                    bytes = collected.bytes,
                    "collected what nothing pinned needs"
                );
            }
            Err(StoreError::Busy(why)) => tracing::debug!(why, "did not collect"),
            Err(error) => tracing::error!(%error, "the store cannot be collected"),
        }
    }
}
