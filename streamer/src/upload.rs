//! Uploads: bytes on their way to the disk, each under its item's id and no other name.
//!
//! What the library says has been received is synced first, so an upload goes on from there after an interruption of any kind. The receiving runs in
//! a task of its own: when a client is cut off, what came until then is kept. A newer request on an upload ends an older one, for a
//! client that comes back knows that its old connection is dead before we do. Nothing is reserved: an upload takes up what has arrived of it.

mod receive;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::Address;
use jiff::Timestamp;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub use self::receive::{Body, LONGEST_SILENCE};
use crate::error::{Code, Error, Result, refused};
use crate::library::{Item, ItemId, Library, State};
use crate::prepare::Preparer;
use crate::store::ContentStore;

/// What failed is told for so long.
const KEEP_FAILED: Duration = Duration::from_secs(7 * 86_400);
/// The longest title, in characters, and the longest description, in bytes: the document about them is at most 16 KiB.
const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 5000;
const MAX_FILE_NAME: usize = 255;

/// How uploads are bounded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Bytes of one creator's uploads and videos.
    pub creator_bytes: u64,
    /// One creator's uploads and videos.
    pub creator_items: u64,
    /// Requests that send bytes at a time.
    pub at_a_time: usize,
    /// An upload that nobody goes on with is removed after this.
    pub abandoned_after: Duration,
}

/// What a sender says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// The title; the file's name where it is missing.
    pub title: Option<String>,
    /// What it is about.
    pub description: String,
    /// What the file is called there.
    pub file_name: String,
    /// Given to everybody.
    pub free: bool,
}

/// The uploads of this provider.
pub struct Uploads {
    library: Arc<Library>,
    store: Arc<dyn ContentStore>,
    preparer: Arc<Preparer>,
    folder: PathBuf,
    bounds: Bounds,
    places: Arc<Semaphore>,
    open: Mutex<HashMap<ItemId, Arc<Slot>>>,
}

/// Who holds an upload, so that there is one at a time.
#[derive(Default)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    present: Mutex<CancellationToken>,
}

/// The right to write to an upload, until a newer request takes it.
struct Turn {
    interrupted: CancellationToken,
    _turn: OwnedMutexGuard<()>,
}

impl Uploads {
    /// Opens the folder of the uploads; what is nobody's in it is removed.
    ///
    /// # Errors
    /// When the folder or the library cannot be used.
    pub async fn open(
        library: Arc<Library>,
        store: Arc<dyn ContentStore>,
        preparer: Arc<Preparer>,
        folder: PathBuf,
        bounds: Bounds,
    ) -> Result<Self> {
        let uploads = Self {
            library,
            store,
            preparer,
            folder,
            bounds,
            places: Arc::new(Semaphore::new(bounds.at_a_time)),
            open: Mutex::default(),
        };
        uploads.tidy().await?;
        Ok(uploads)
    }

    /// How uploads are bounded.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// When an upload that was last touched at `touched` is taken for abandoned.
    #[must_use]
    pub fn expires(&self, touched: Timestamp) -> Timestamp {
        touched
            .checked_add(self.bounds.abandoned_after)
            .unwrap_or(Timestamp::MAX)
    }

    /// Begins an upload of `length` bytes; `None` when that is not known.
    ///
    /// # Errors
    /// `too_large`, `quota_exceeded`, `unprocessable_video` (no bytes), `malformed` (the description).
    pub async fn create(
        &self,
        owner: Option<Address>,
        length: Option<u64>,
        description: Description,
    ) -> Result<Item> {
        if length == Some(0) {
            return Err(refused(Code::UnprocessableVideo, "the file is empty"));
        }
        if length.is_some_and(|length| length > self.bounds.upload_bytes) {
            return Err(self.too_large());
        }
        let now = Timestamp::now();
        let mut item = Item {
            item_id: ItemId::random(),
            owner,
            title: String::new(),
            description: String::new(),
            file_name: String::new(),
            free: false,
            length,
            received: 0,
            state: State::Uploading,
            created_at: now,
            touched_at: now,
        };
        describe(&mut item, description)?;
        if owner.is_some() {
            let used = self.library.usage(owner).await?;
            if used.items >= self.bounds.creator_items {
                return Err(refused(
                    Code::QuotaExceeded,
                    format!("you have {} videos here, and may have no more", used.items),
                ));
            }
        }
        let room = self.room(owner).await?;
        if length.unwrap_or(1) > room.bytes {
            return Err(room.exceeded());
        }
        self.library.insert(&item).await?;
        Ok(item)
    }

    /// An upload as it is now. Whoever is still sending is cut off first, and what came until then is counted.
    ///
    /// # Errors
    /// `not_found`; `upload_conflict` for a form's.
    pub async fn look(&self, item_id: ItemId) -> Result<Item> {
        self.resumable(item_id).await?;
        let _turn = self.turn(item_id).await;
        self.present(item_id).await
    }

    /// Adds bytes at an offset, and answers the upload as it is then. When all are here the item is queued.
    ///
    /// # Errors
    /// `upload_conflict` at another offset, after the end, or for a form's; `too_large`, `quota_exceeded`; `malformed` when the body breaks off. What
    /// came until then is kept.
    pub async fn append(
        self: &Arc<Self>,
        item_id: ItemId,
        offset: u64,
        body: Body,
    ) -> Result<Item> {
        let place = self.place()?;
        let uploads = Arc::clone(self);
        on_task(async move {
            let _place = place;
            uploads.resumable(item_id).await?;
            let turn = uploads.turn(item_id).await;
            let item = uploads.present(item_id).await?;
            let Some(length) = item.length.filter(|_| item.state == State::Uploading) else {
                return Err(refused(Code::UploadConflict, "this upload has ended"));
            };
            if item.received != offset {
                return Err(refused(
                    Code::UploadConflict,
                    format!("this upload is at offset {}", item.received),
                ));
            }
            let item = uploads.receive(item, length, body, &turn).await?;
            if item.length == Some(item.received) {
                uploads.complete(item).await
            } else {
                Ok(item)
            }
        })
        .await
    }

    /// Takes a whole file of unknown length; nothing of it is kept when it breaks off. `finish` is called when all of it is here, with what the sender
    /// says of it by then.
    ///
    /// # Errors
    /// As [`Uploads::create`] and [`Uploads::append`].
    pub async fn take(self: &Arc<Self>, owner: Option<Address>, body: Body) -> Result<Item> {
        let place = self.place()?;
        let item = self.create(owner, None, Description::default()).await?;
        let uploads = Arc::clone(self);
        on_task(async move {
            let _place = place;
            let item_id = item.item_id;
            let turn = uploads.turn(item_id).await;
            let received = uploads
                .receive(item, uploads.bounds.upload_bytes, body, &turn)
                .await;
            drop(turn);
            match received {
                Ok(item) if item.received == 0 => {
                    uploads.discard(item_id).await?;
                    Err(refused(Code::UnprocessableVideo, "the file is empty"))
                }
                Ok(item) => Ok(item),
                Err(error) => {
                    uploads.discard(item_id).await?;
                    Err(error)
                }
            }
        })
        .await
    }

    /// Ends what [`Uploads::take`] took: with what its sender says of it, the item is queued.
    ///
    /// # Errors
    /// `malformed` when the description cannot be used; then nothing is kept.
    pub async fn finish(
        self: &Arc<Self>,
        item_id: ItemId,
        description: Description,
    ) -> Result<Item> {
        let uploads = Arc::clone(self);
        on_task(async move {
            let turn = uploads.turn(item_id).await;
            let done = async {
                let mut item = uploads.present(item_id).await?;
                describe(&mut item, description)?;
                item.length = Some(item.received);
                item.touched_at = Timestamp::now();
                uploads.library.describe(&item).await?;
                uploads.complete(item).await
            };
            let done = done.await;
            drop(turn);
            if done.is_err() {
                uploads.discard(item_id).await?;
            }
            done
        })
        .await
    }

    /// Ends an item, wherever it stands: its bytes are removed, its video is let go, and it is forgotten. It goes on when whoever asked has gone.
    ///
    /// # Errors
    /// `not_found`; when the disk fails.
    pub async fn discard(self: &Arc<Self>, item_id: ItemId) -> Result<()> {
        let uploads = Arc::clone(self);
        on_task(async move {
            let turn = uploads.turn(item_id).await;
            let from = ["uploading", "queued", "preparing", "adding"];
            let now = Timestamp::now();
            uploads
                .library
                .advance(item_id, &from, &State::Cancelled, now)
                .await?;
            uploads.preparer.cancel(item_id).await?;
            match tokio::fs::remove_file(uploads.path(item_id)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(uploads.failed(error));
                }
                Ok(()) | Err(_) => {}
            }
            let removed = uploads.library.remove(item_id).await?;
            uploads.preparer.let_go().await;
            drop(turn);
            uploads.slots().remove(&item_id);
            removed.map(drop).ok_or_else(missing)
        })
        .await
    }

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
        for item in self
            .library
            .in_states(&["uploading", "failed", "cancelled"])
            .await?
        {
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
            if over && !at_work {
                tracing::info!(item = %item.item_id, state = item.state.as_str(), "an abandoned item is removed");
                self.discard(item.item_id).await?;
            }
        }
        // A slot that nobody holds is made anew when somebody comes.
        self.slots().retain(|_, slot| {
            Arc::strong_count(slot) > 1 || Arc::strong_count(&slot.turn) > 1
        });
        Ok(())
    }

    /// Ends all receiving, and keeps what came until then: the streamer stops.
    pub fn interrupt(&self) {
        for slot in self.slots().values() {
            let present = slot.present.lock().unwrap_or_else(PoisonError::into_inner);
            present.cancel();
        }
    }

    async fn complete(&self, item: Item) -> Result<Item> {
        let now = Timestamp::now();
        let queued = self
            .library
            .advance(item.item_id, &["uploading"], &State::Queued, now)
            .await?;
        if !queued {
            return Err(refused(Code::UploadConflict, "this upload has ended"));
        }
        self.preparer.wake();
        Ok(Item {
            state: State::Queued,
            touched_at: now,
            ..item
        })
    }

    /// Refuses what a form sends: it is not gone on with, and is not to be cut off by whoever tries.
    async fn resumable(&self, item_id: ItemId) -> Result<()> {
        let item = self.present(item_id).await?;
        if item.length.is_some() {
            return Ok(());
        }
        Err(refused(
            Code::UploadConflict,
            "a form sends this upload; it cannot be gone on with",
        ))
    }

    async fn present(&self, item_id: ItemId) -> Result<Item> {
        self.library.item(item_id).await?.ok_or_else(missing)
    }

    /// Cuts off who holds an upload, waits until they have written what they have, and takes their place.
    async fn turn(&self, item_id: ItemId) -> Turn {
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

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<ItemId, Arc<Slot>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            refused(
                Code::RateLimited,
                "this provider takes no more uploads at once; try again",
            )
        })
    }

    fn path(&self, item_id: ItemId) -> PathBuf {
        self.folder.join(item_id.to_string())
    }

    fn too_large(&self) -> Error {
        refused(
            Code::TooLarge,
            format!("a file is at most {} bytes", self.bounds.upload_bytes),
        )
    }

    fn failed(&self, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => {
                refused(Code::QuotaExceeded, "the provider's disk is full")
            }
            _ => Error::File {
                path: self.folder.clone(),
                source,
            },
        }
    }

    /// How much an account may add now.
    async fn room(&self, owner: Option<Address>) -> Result<Room> {
        let store = self.store.usage().await?;
        let pending = self.library.pending().await?;
        let provider = store
            .quota_bytes
            .saturating_sub(store.used_bytes)
            .saturating_sub(pending.bytes);
        let own = match owner {
            Some(_) => {
                let used = self.library.usage(owner).await?;
                self.bounds.creator_bytes.saturating_sub(used.bytes)
            }
            None => u64::MAX,
        };
        Ok(Room {
            bytes: own.min(provider),
            own: own <= provider,
        })
    }

    /// Removes uploads of which nobody knows, and those that cannot be gone on with.
    async fn tidy(&self) -> Result<()> {
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

/// How many bytes may come.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: u64,
    /// Whether it is the creator's own quota that is the nearer bound.
    own: bool,
}

impl Room {
    fn exceeded(self) -> Error {
        let detail = if self.own {
            format!("your quota has room for {} bytes more", self.bytes)
        } else {
            format!("this provider has room for {} bytes more", self.bytes)
        };
        refused(Code::QuotaExceeded, detail)
    }
}

/// Takes over what a sender says, when it can be shown to people.
fn describe(item: &mut Item, said: Description) -> Result<()> {
    let file_name: String = said
        .file_name
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_FILE_NAME)
        .collect();
    let title = said.title.unwrap_or_default();
    let title = title.trim();
    if title.chars().count() > MAX_TITLE || title.chars().any(char::is_control) {
        return Err(refused(
            Code::Malformed,
            format!("a title is one line of at most {MAX_TITLE} characters"),
        ));
    }
    let unusual = |character: char| character.is_control() && !"\n\r\t".contains(character);
    if said.description.len() > MAX_DESCRIPTION || said.description.chars().any(unusual) {
        return Err(refused(
            Code::Malformed,
            format!("a description is text of at most {MAX_DESCRIPTION} bytes"),
        ));
    }
    item.title = match (title.is_empty(), file_name.is_empty()) {
        (false, _) => title.to_owned(),
        (true, false) => file_name.chars().take(MAX_TITLE).collect(),
        (true, true) => "Untitled".to_owned(),
    };
    item.description = said.description;
    item.file_name = file_name;
    item.free = said.free;
    Ok(())
}

fn missing() -> Error {
    refused(Code::NotFound, "there is no such upload")
}

/// Goes on when whoever asked has gone.
async fn on_task<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work)
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
}
