//! Preparation: from an upload to a video in the content store.
//!
//! ```text
//! queued -> look (ffprobe) -> convert (ffmpeg) -> index, poster -> synced on disk -> adding -> metadata, poster, video in the store -> ready
//! ```
//!
//! At most so many items at a time, oldest first. What runs when the streamer ends is begun anew by the next one: from the upload, or, once
//! the prepared file is safe on disk, from that, so that the same bytes are added twice and not two films. Cancelling drops the work
//! at whatever it awaits: programs are ended, files are removed, and what was added is let go.

mod confine;
mod index;
mod plan;
mod probe;
mod run;
mod work;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cid::Cid;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::run::PrepareError;
use crate::error::{Error, Result};
use crate::library::{Failure, Item, ItemId, Library, State};
use crate::store::ContentStore;

/// The pause after the library could not be written.
const RETRY: Duration = Duration::from_secs(10);

/// How preparation is bounded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Items at a time.
    pub at_a_time: usize,
    /// Bytes of memory for each program that runs.
    pub memory: u64,
}

/// Prepares what is queued.
pub struct Preparer {
    library: Arc<Library>,
    store: Arc<dyn ContentStore>,
    /// Where uploads lie, each under its item's id.
    uploads: PathBuf,
    /// Where prepared files lie, in a folder for each item.
    folder: PathBuf,
    bounds: Bounds,
    running: Mutex<HashMap<ItemId, Work>>,
    queued: Notify,
}

#[derive(Clone)]
struct Work {
    cancelled: CancellationToken,
    done: CancellationToken,
    permille: Arc<AtomicU32>,
    /// What it has put into the store so far.
    added: Arc<Mutex<Vec<Cid>>>,
}

impl Preparer {
    /// A preparer that has not begun. What an earlier one left half-written is removed.
    ///
    /// # Errors
    /// When a folder cannot be made or emptied, or the library cannot be read.
    pub async fn open(
        library: Arc<Library>,
        store: Arc<dyn ContentStore>,
        uploads: PathBuf,
        folder: PathBuf,
        bounds: Bounds,
    ) -> Result<Self> {
        let preparer = Self {
            library,
            store,
            uploads,
            folder,
            bounds,
            running: Mutex::default(),
            queued: Notify::new(),
        };
        preparer.tidy().await?;
        Ok(preparer)
    }

    /// Prepares what is queued, until it is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.bounds.at_a_time));
        let tracker = TaskTracker::new();
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let queued = self.queued.notified();
            match self.next().await {
                Ok(Some(item)) => {
                    let work = self.begin(item.item_id);
                    let preparer = Arc::clone(&self);
                    let stop = stop.clone();
                    tracker.spawn(async move {
                        preparer.prepare(&item, &work, &stop).await;
                        lock(&preparer.running).remove(&item.item_id);
                        work.done.cancel();
                        drop(place);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => error.log(),
            }
            drop(place);
            tokio::select! {
                () = stop.cancelled() => break,
                () = queued => {}
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Tells that something is queued.
    pub fn wake(&self) {
        self.queued.notify_one();
    }

    /// How far the present stage of an item is, in thousandths.
    #[must_use]
    pub fn permille(&self, item_id: ItemId) -> u32 {
        lock(&self.running)
            .get(&item_id)
            .map_or(0, |work| work.permille.load(Ordering::Relaxed))
    }

    /// Ends the work on an item, if there is any, and waits until nothing of it is left.
    pub async fn cancel(&self, item_id: ItemId) {
        let work = lock(&self.running).get(&item_id).cloned();
        if let Some(work) = work {
            work.cancelled.cancel();
            work.done.cancelled().await;
        }
    }

    fn begin(&self, item_id: ItemId) -> Work {
        let work = Work {
            cancelled: CancellationToken::new(),
            done: CancellationToken::new(),
            permille: Arc::default(),
            added: Arc::default(),
        };
        lock(&self.running).insert(item_id, work.clone());
        work
    }

    async fn next(&self) -> Result<Option<Item>> {
        let waiting = self.library.in_states(&["queued", "adding"]).await?;
        let running = lock(&self.running);
        Ok(waiting
            .into_iter()
            .find(|item| !running.contains_key(&item.item_id)))
    }

    async fn prepare(&self, item: &Item, work: &Work, stop: &CancellationToken) {
        let id = item.item_id;
        let result = tokio::select! {
            () = stop.cancelled() => return,
            () = work.cancelled.cancelled() => {
                self.give_up(id, work).await;
                return;
            }
            result = self.work(item, work) => result,
        };
        let failure = match result {
            Ok(true) => None,
            // Somebody cancelled it between two steps.
            Ok(false) => {
                self.give_up(id, work).await;
                return;
            }
            Err(Trouble::Video(error)) => {
                match &error {
                    PrepareError::Missing(_) | PrepareError::Io(_) | PrepareError::NoRoom => {
                        tracing::error!(item = %id, %error, "an item could not be prepared");
                    }
                    PrepareError::Store(store) if store.is_ours() => {
                        tracing::error!(item = %id, %error, "an item could not be stored");
                    }
                    other => tracing::info!(item = %id, error = %other, "an item was refused"),
                }
                Some(error.failure())
            }
            Err(Trouble::Library(error)) => {
                error.log();
                Some(Failure {
                    code: error.code(),
                    detail: error.public_detail(),
                })
            }
        };
        let Some(failure) = failure else {
            self.forget_files(id).await;
            return;
        };
        {
            let from = ["queued", "preparing", "adding"];
            let to = State::Failed(failure);
            if let Err(error) = self.library.advance(id, &from, &to, Timestamp::now()).await {
                // It stays where it is, and is begun anew; not at once, for the disk fails.
                error.log();
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(RETRY) => {}
                }
                return;
            }
        }
        self.give_up(id, work).await;
    }

    /// Leaves nothing behind of an item that is not made ready.
    async fn give_up(&self, item_id: ItemId, work: &Work) {
        self.forget_files(item_id).await;
        let added = std::mem::take(&mut *work.added.lock().unwrap_or_else(PoisonError::into_inner));
        lock(&self.running).remove(&item_id);
        self.let_go(&added).await;
    }

    /// Lets the store collect these files, but for those that another video, or another item's work, needs too.
    pub async fn let_go(&self, files: &[Cid]) {
        for cid in files {
            let at_work = lock(&self.running).values().any(|work| {
                let added = work.added.lock().unwrap_or_else(PoisonError::into_inner);
                added.contains(cid)
            });
            if at_work || self.library.needs(cid) {
                continue;
            }
            if let Err(error) = self.store.unpin(cid).await {
                tracing::warn!(%cid, %error, "a file could not be let go; it takes room until it is unpinned");
            }
        }
    }

    /// Puts back what had begun, and removes what is nobody's.
    async fn tidy(&self) -> Result<()> {
        let now = Timestamp::now();
        for item in self.library.in_states(&["preparing"]).await? {
            self.library
                .advance(item.item_id, &["preparing"], &State::Queued, now)
                .await?;
        }
        let adding = self.library.in_states(&["adding"]).await?;
        let kept: Vec<String> = adding.iter().map(|item| item.item_id.to_string()).collect();
        let folder = self.folder.clone();
        on_disk(move || {
            std::fs::create_dir_all(&folder)?;
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if !kept.iter().any(|name| entry.file_name() == name.as_str()) {
                    std::fs::remove_dir_all(entry.path())?;
                }
            }
            Ok(())
        })
        .await
        .map_err(|source| Error::File {
            path: self.folder.clone(),
            source,
        })
    }

    /// Removes an item's upload and what was made of it.
    async fn forget_files(&self, item_id: ItemId) {
        let upload = self.uploads.join(item_id.to_string());
        let prepared = self.folder.join(item_id.to_string());
        for removed in [
            tokio::fs::remove_file(upload).await,
            tokio::fs::remove_dir_all(prepared).await,
        ] {
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(item = %item_id, %error, "a file could not be removed");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// Why an item was not made ready.
enum Trouble {
    Video(PrepareError),
    Library(Error),
}

impl<E: Into<PrepareError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Video(error.into())
    }
}

fn lock(table: &Mutex<HashMap<ItemId, Work>>) -> std::sync::MutexGuard<'_, HashMap<ItemId, Work>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}
