//! Uploads: bytes on their way to the disk, each under its item's id and no other name.
//!
//! What the library says has been received is synced first, so an upload goes on from there after an interruption of any kind. The receiving runs in
//! a task of its own: when a client is cut off, what came until then is kept. A newer request on an upload ends an older one, for a
//! client that comes back knows that its old connection is dead before we do. Nothing is reserved: an upload takes up what has arrived of it.

mod clean;
mod description;
mod pace;
mod places;
mod receive;
mod room;
mod turn;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::primitives::Address;
use jiff::Timestamp;

pub use self::description::{Description, describe};
use self::places::Places;
pub use self::receive::{Body, LONGEST_SILENCE};
use self::turn::Slot;
use crate::error::{Code, Error, Result, refused};
use crate::library::{Item, ItemId, Library, State};
use crate::prepare::Preparer;
use crate::store::ContentStore;

/// How uploads are bounded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Bytes of one creator's uploads and videos.
    pub creator_bytes: u64,
    /// One creator's uploads and videos.
    pub creator_items: u64,
    /// Uploads that are not ready yet, after which no creator begins another one; and as many that failed are remembered. Accounts cost nothing,
    /// so their own quotas do not bound this.
    pub items: u64,
    /// Requests that send bytes at a time; a quarter of them from one network. The operator finds two more.
    pub at_a_time: usize,
    /// A sender that sends nothing for so long, or too little meanwhile, is cut off: [`LONGEST_SILENCE`].
    pub patience: Duration,
    /// An upload that nobody goes on with is removed after this.
    pub abandoned_after: Duration,
}

/// The uploads of this provider.
pub struct Uploads {
    library: Arc<Library>,
    store: Arc<dyn ContentStore>,
    preparer: Arc<Preparer>,
    folder: PathBuf,
    bounds: Bounds,
    places: Arc<Places>,
    open: Mutex<HashMap<ItemId, Arc<Slot>>>,
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
            places: Places::new(bounds.at_a_time),
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
    /// `too_large`, `quota_exceeded`, `rate_limited`, `unprocessable_video` (no bytes), `malformed` (the description).
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
        if owner.is_some() && self.library.pending().await?.items >= self.bounds.items {
            return Err(refused(
                Code::RateLimited,
                "this provider has too many uploads that are not ready yet; try again later",
            ));
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

    /// Adds bytes at an offset, and answers the upload as it is then. When all are here the item is queued. `client` is the network that sends,
    /// for the bound on each; `None` when it is the operator.
    ///
    /// # Errors
    /// `rate_limited`; `upload_conflict` at another offset, after the end, or for a form's; `too_large`, `quota_exceeded`; `malformed` when
    /// the body breaks off; `too_slow`. What came until then is kept.
    pub async fn append(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        item_id: ItemId,
        offset: u64,
        body: Body,
    ) -> Result<Item> {
        let place = self.places.take(client)?;
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
    pub async fn take(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        owner: Option<Address>,
        body: Body,
    ) -> Result<Item> {
        let place = self.places.take(client)?;
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
                // Who cut it off may have ended it too: then there is nothing left to end.
                Err(error) => match uploads.discard(item_id).await {
                    Err(other) if other.code() != Code::NotFound => Err(other),
                    Ok(()) | Err(_) => Err(error),
                },
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
