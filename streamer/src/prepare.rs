//! Preparation: from an upload to a video in the content store.
//!
//! ```text
//! queued -> look (ffprobe) -> convert (ffmpeg) -> index, poster -> synced on disk -> adding -> metadata, poster, video in the store -> ready
//! ```
//!
//! At most so many items at a time, owners in turn. What runs when the streamer ends is begun anew by the next one: from the upload, or, once
//! the prepared file is safe on disk, from that, so that the same bytes are added twice and not two films. Cancelling ends programs and cuts
//! off what is being added; files are removed, and what was added is let go.

mod confine;
mod index;
mod pins;
mod plan;
pub(crate) mod probe;
mod queue;
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

pub use self::pins::pin_needed;
use self::queue::Turns;
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
    /// Bytes of one creator's uploads and videos: what is made of an upload may be larger than it was.
    pub creator_bytes: u64,
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
    turns: Mutex<Turns>,
    queued: Notify,
    /// Held while an addition is noted, and while a file is unpinned (see [`pins`]).
    pins: tokio::sync::Mutex<()>,
    unpinned: Arc<Notify>,
}

#[derive(Clone)]
struct Work {
    /// Nobody wants the item any more.
    cancelled: CancellationToken,
    /// The work is to end: that, or the streamer stops.
    cut: CancellationToken,
    done: CancellationToken,
    permille: Arc<AtomicU32>,
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
            turns: Mutex::default(),
            queued: Notify::new(),
            pins: tokio::sync::Mutex::default(),
            unpinned: Arc::default(),
        };
        preparer.tidy().await?;
        match on_disk(|| Ok(confine::is_shut_in())).await {
            Ok(true) => tracing::info!("ffmpeg is shut in with bubblewrap"),
            Ok(false) | Err(_) => tracing::info!(
                "bubblewrap (bwrap) is not here or does not work: ffmpeg reads uploads with the streamer's rights"
            ),
        }
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
                    let work = self.begin(item.item_id, &stop);
                    let preparer = Arc::clone(&self);
                    let stop = stop.clone();
                    tracker.spawn(async move {
                        preparer.prepare(&item, &work, &stop).await;
                        lock(&preparer.running).remove(&item.item_id);
                        work.done.cancel();
                        drop(place);
                        // It may have to be begun anew.
                        preparer.wake();
                    });
                    continue;
                }
                Ok(None) => {
                    drop(place);
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = queued => {}
                    }
                }
                Err(error) => {
                    error.log();
                    drop(place);
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
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

    /// Told when something has been unpinned: a collection finds something then.
    #[must_use]
    pub fn unpinned(&self) -> Arc<Notify> {
        Arc::clone(&self.unpinned)
    }

    /// Ends the work on an item that is not to be made ready, if there is any, and waits until nothing of it is left.
    ///
    /// # Errors
    /// When the library fails.
    pub async fn cancel(&self, item_id: ItemId) -> Result<()> {
        let work = lock(&self.running).get(&item_id).cloned();
        if let Some(work) = work {
            work.cancelled.cancel();
            work.cut.cancel();
            work.done.cancelled().await;
        } else if let Some(item) = self.library.item(item_id).await? {
            self.leave_nothing(&item).await?;
        }
        Ok(())
    }

    /// What the head of a streamable file says: its type with codecs, width and height.
    ///
    /// # Errors
    /// Why it is no video that viewers can play.
    pub fn describe(head: &[u8]) -> std::result::Result<(String, u32, u32), PrepareError> {
        Ok(index::describe(head)?)
    }

    fn begin(&self, item_id: ItemId, stop: &CancellationToken) -> Work {
        let work = Work {
            cancelled: CancellationToken::new(),
            cut: stop.child_token(),
            done: CancellationToken::new(),
            permille: Arc::default(),
            added: Arc::default(),
        };
        lock(&self.running).insert(item_id, work.clone());
        work
    }

    async fn next(&self) -> Result<Option<Item>> {
        // In preparation, and nobody's work: what could not be made, nor be written down as failed.
        let states = ["queued", "preparing", "adding"];
        let mut waiting = self.library.in_states(&states).await?;
        {
            let running = lock(&self.running);
            waiting.retain(|item| !running.contains_key(&item.item_id));
        }
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(turns.take(waiting.into_iter()))
    }

    async fn prepare(&self, item: &Item, work: &Work, stop: &CancellationToken) {
        let id = item.item_id;
        let result = self.work(item, work).await;
        if matches!(result, Ok(true)) {
            self.forget_files(id).await;
            return;
        }
        if work.cancelled.is_cancelled() {
            self.give_up(item, work).await;
            return;
        }
        // The next streamer goes on with it.
        if stop.is_cancelled() {
            return;
        }
        let failure = match result {
            // Somebody cancelled it between two steps.
            Ok(_) => {
                self.give_up(item, work).await;
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
                error.failure()
            }
            Err(Trouble::Library(error)) => {
                error.log();
                Failure {
                    code: error.code(),
                    detail: error.public_detail(),
                }
            }
        };
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
        self.give_up(item, work).await;
    }

    /// Leaves nothing behind of an item that is not made ready.
    async fn give_up(&self, item: &Item, work: &Work) {
        let mut files = work.added().clone();
        // An earlier streamer may have added more of it.
        if item.state == State::Adding {
            files.extend(self.files_of(item).await);
        }
        if let Err(error) = self.library.loosen(&files).await {
            error.log();
        }
        self.forget_files(item.item_id).await;
        lock(&self.running).remove(&item.item_id);
        self.let_go().await;
    }

    /// Puts back what had begun, and removes what is nobody's.
    async fn tidy(&self) -> Result<()> {
        let now = Timestamp::now();
        for item in self.library.in_states(&["preparing"]).await? {
            self.library
                .advance(item.item_id, &["preparing"], &State::Queued, now)
                .await?;
        }
        // What stopped in the middle of being given up.
        for item in self.library.in_states(&["failed", "cancelled"]).await? {
            self.leave_nothing(&item).await?;
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
