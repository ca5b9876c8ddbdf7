//! Collecting by itself, so that what was unpinned gives its room back while the streamer runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{ContentStore, StoreError};

/// After something was unpinned, more may follow.
pub const SOON: Duration = Duration::from_secs(60);
/// When somebody else uses the store; and after the start, for what an earlier process left.
const LATER: Duration = Duration::from_secs(600);
/// When nothing was unpinned here: other processes may have left blocks of files that they did not finish.
const SELDOM: Duration = Duration::from_secs(6 * 3600);

/// Collects now and then. Not for Kubo, whose collections are its operator's affair.
#[derive(Debug, Default)]
pub struct Tidy {
    fault: Mutex<Option<String>>,
}

impl Tidy {
    /// Why nothing can be collected, when that is so: a pinned file is damaged, and any block could be one of its own.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Collects `soon` after it is told that something was unpinned, and from time to time in any case, until it is stopped.
    pub async fn run(
        self: Arc<Self>,
        store: Arc<dyn ContentStore>,
        unpinned: Arc<Notify>,
        soon: Duration,
        stop: CancellationToken,
    ) {
        let mut wait = LATER;
        loop {
            let told = async {
                unpinned.notified().await;
                tokio::time::sleep(soon).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = told => {}
                () = tokio::time::sleep(wait) => {}
            }
            wait = self.collect(&*store).await;
        }
    }

    /// Collects; answers when to do so again.
    async fn collect(&self, store: &dyn ContentStore) -> Duration {
        let fault = match store.gc().await {
            Err(StoreError::Busy(why)) => {
                tracing::debug!(why, "nothing was collected");
                return LATER;
            }
            Ok(collected) => {
                if collected.blocks > 0 {
                    tracing::info!(
                        blocks = collected.blocks,
                        bytes = collected.bytes,
                        "collected what nothing pinned needs"
                    );
                }
                None
            }
            Err(error) => {
                tracing::error!(%error, "nothing is collected until this is mended: any block could belong to the damaged file");
                Some(error.public_detail())
            }
        };
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        SELDOM
    }
}
