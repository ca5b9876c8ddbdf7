//! What nobody goes on with, and what a crash left, is removed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Uploads;
use crate::error::{Error, Result};
use crate::library::{Item, State};

/// What failed is told for so long.
const KEEP_FAILED: Duration = Duration::from_secs(7 * 86_400);

impl Uploads {
    /// Removes what was abandoned, from time to time, until it is cancelled.
    pub async fn clean(self: Arc<Self>, stop: CancellationToken) {
        let every = (self.bounds.abandoned_after / 4)
            .clamp(Duration::from_millis(250), Duration::from_secs(60));
        let mut rounds = tokio::time::interval(every);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            if let Err(error) = self.clean_once(Timestamp::now()).await {
                error.log();
            }
            self.preparer.let_go().await;
        }
    }

    async fn clean_once(self: &Arc<Self>, now: Timestamp) -> Result<()> {
        let ended = ["uploading", "failed", "cancelled"];
        let items = self.library.in_states(&ended).await?;
        let has_failed = |item: &Item| matches!(item.state, State::Failed(_));
        let failed = items.iter().filter(|item| has_failed(item)).count() as u64;
        // The oldest come first.
        let mut too_many = failed.saturating_sub(self.bounds.items);
        for item in items {
            let kept = match item.state {
                State::Uploading => self.bounds.abandoned_after,
                // Somebody was just ending it when the streamer ended.
                State::Cancelled => Duration::ZERO,
                _ => KEEP_FAILED,
            };
            let at_work = self
                .slots()
                .get(&item.item_id)
                .is_some_and(|slot| slot.turn.try_lock().is_err());
            let over = item
                .touched_at
                .checked_add(kept)
                .is_ok_and(|until| until < now);
            let surplus = too_many > 0 && has_failed(&item);
            if surplus {
                too_many -= 1;
            }
            if (over || surplus) && !at_work {
                tracing::info!(item = %item.item_id, state = item.state.as_str(), "an item that nobody needs any more is removed");
                self.discard(item.item_id).await?;
            }
        }
        // A slot that nobody holds is made anew when somebody comes.
        self.slots()
            .retain(|_, slot| Arc::strong_count(slot) > 1 || Arc::strong_count(&slot.turn) > 1);
        Ok(())
    }

    /// Removes uploads of which nobody knows, and those that cannot be gone on with.
    pub(super) async fn tidy(&self) -> Result<()> {
        let open = ["uploading", "queued", "preparing", "adding"];
        let mut kept = Vec::new();
        for item in self.library.in_states(&open).await? {
            if item.length.is_none() {
                self.library.remove(item.item_id).await?;
            } else if item.state == State::Uploading && item.length == Some(item.received) {
                kept.push(item.item_id.to_string());
                self.complete(item).await?;
            } else {
                kept.push(item.item_id.to_string());
            }
        }
        let folder = self.folder.clone();
        let work = move || {
            std::fs::create_dir_all(&folder)?;
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if !kept.iter().any(|name| entry.file_name() == name.as_str()) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Internal(error.to_string()))?
            .map_err(|error| self.failed(error))
    }
}
