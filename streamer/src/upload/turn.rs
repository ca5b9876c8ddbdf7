//! One at a time writes to an upload: whoever came last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::Uploads;
use crate::library::ItemId;

/// Who holds an upload, so that there is one at a time.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    present: Mutex<CancellationToken>,
}

/// The right to write to an upload, until a newer request takes it.
pub(super) struct Turn {
    pub(super) interrupted: CancellationToken,
    _turn: OwnedMutexGuard<()>,
}

impl Uploads {
    /// Ends all receiving, and keeps what came until then: the streamer stops.
    pub fn interrupt(&self) {
        for slot in self.slots().values() {
            let present = slot.present.lock().unwrap_or_else(PoisonError::into_inner);
            present.cancel();
        }
    }

    /// Cuts off who holds an upload, waits until they have written what they have, and takes their place.
    pub(super) async fn turn(&self, item_id: ItemId) -> Turn {
        let slot = Arc::clone(self.slots().entry(item_id).or_default());
        let interrupted = CancellationToken::new();
        let before = std::mem::replace(
            &mut *slot.present.lock().unwrap_or_else(PoisonError::into_inner),
            interrupted.clone(),
        );
        before.cancel();
        Turn {
            interrupted,
            _turn: Arc::clone(&slot.turn).lock_owned().await,
        }
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, HashMap<ItemId, Arc<Slot>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
