//! Collecting by itself, so that what was unpinned gives its room back while the streamer runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{ContentStore, StoreError};
use crate::error::Result;

/// After something was unpinned, more may follow.
pub const SOON: Duration = Duration::from_secs(60);
/// When somebody else uses the store, or nothing could be collected; and after the start, for what an earlier process left.
const LATER: Duration = Duration::from_secs(600);
/// When nothing was unpinned here: other processes may have left blocks of files that they did not finish.
const SELDOM: Duration = Duration::from_secs(6 * 3600);

/// Collects now and then. Not for Kubo, whose collections are its operator's affair.
#[derive(Debug, Default)]
pub struct Tidy {
    fault: Mutex<Option<String>>,
}

impl Tidy {
    /// Why nothing can be collected, when that is so: a file that is needed is damaged or missing, and any block could be one of its own.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Collects `soon` after it is told that something was unpinned, and from time to time in any case, until it is stopped. `keep` sees to it
    /// each time before that all that is needed is pinned; when it fails nothing is collected.
    pub async fn run<F>(
        self: Arc<Self>,
        store: Arc<dyn ContentStore>,
        keep: impl Fn() -> F + Send + Sync,
        unpinned: Arc<Notify>,
        soon: Duration,
        stop: CancellationToken,
    ) where
        F: Future<Output = Result<()>> + Send,
    {
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
            wait = match keep().await {
                Ok(()) => self.collect(&*store).await,
                // Whoever could not keep it has said so.
                Err(error) => self.cannot(error.public_detail()),
            };
        }
    }

    /// Collects; answers when to do so again.
    async fn collect(&self, store: &dyn ContentStore) -> Duration {
        match store.gc().await {
            Err(StoreError::Busy(why)) => {
                tracing::debug!(why, "nothing was collected");
                LATER
            }
            Ok(collected) => {
                if collected.blocks > 0 {
                    tracing::info!(
                        blocks = collected.blocks,
                        bytes = collected.bytes,
                        "collected what nothing pinned needs"
                    );
                }
                self.set(None);
                SELDOM
            }
            Err(error) => {
                tracing::error!(%error, "nothing is collected until this is mended: any block could belong to the damaged file");
                self.cannot(error.public_detail())
            }
        }
    }

    /// Nothing can be collected; answers when to look whether that has been mended.
    fn cannot(&self, why: String) -> Duration {
        self.set(Some(why));
        LATER
    }

    fn set(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}
