use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use cid::Cid;
use futures::{StreamExt, TryStreamExt};
use paystream_streamer::library::{Item, ItemId, Library, State};
use paystream_streamer::prepare::{self, Preparer};
use paystream_streamer::store::{self, ContentStore, Embedded};
use paystream_streamer::upload::{self, Body, Description, LONGEST_SILENCE, Uploads};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the tests vary.
#[derive(Clone, Copy)]
pub struct Limits {
    pub store: u64,
    pub creator_bytes: u64,
    pub creator_items: u64,
    pub items: u64,
    pub abandoned_after: Duration,
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            store: 1 << 40,
            creator_bytes: 1 << 40,
            creator_items: 100,
            items: 100,
            abandoned_after: Duration::from_secs(3600),
            patience: LONGEST_SILENCE,
        }
    }
}

/// The upload's and preparation's parts of a streamer, without its chains.
pub struct Host {
    pub folder: PathBuf,
    pub library: Arc<Library>,
    pub store: Arc<dyn ContentStore>,
    pub uploads: Arc<Uploads>,
    pub preparer: Arc<Preparer>,
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Host {
    pub async fn open(folder: &Path, limits: Limits) -> Self {
        let store = Embedded::open(folder.join("blocks"), limits.store).unwrap();
        Self::on(folder, limits, Arc::new(store)).await
    }

    /// With a store of the test's.
    pub async fn on(folder: &Path, limits: Limits, store: Arc<dyn ContentStore>) -> Self {
        let library = Library::open(&folder.join("library.sqlite")).await.unwrap();
        let library = Arc::new(library);
        let bounds = prepare::Bounds {
            at_a_time: 1,
            memory: 4 << 30,
            creator_bytes: limits.creator_bytes,
        };
        let (uploads, prepared) = (folder.join("uploads"), folder.join("prepared"));
        let preparer = Preparer::open(
            Arc::clone(&library),
            Arc::clone(&store),
            uploads.clone(),
            prepared,
            bounds,
        );
        let preparer = Arc::new(preparer.await.unwrap());
        let bounds = upload::Bounds {
            upload_bytes: 1 << 40,
            creator_bytes: limits.creator_bytes,
            creator_items: limits.creator_items,
            items: limits.items,
            at_a_time: 8,
            patience: limits.patience,
            abandoned_after: limits.abandoned_after,
        };
        let uploads = Uploads::open(
            Arc::clone(&library),
            Arc::clone(&store),
            Arc::clone(&preparer),
            uploads,
            bounds,
        );
        let uploads = Arc::new(uploads.await.unwrap());
        let stop = CancellationToken::new();
        let running = vec![
            tokio::spawn(Arc::clone(&preparer).run(stop.clone())),
            tokio::spawn(Arc::clone(&uploads).clean(stop.clone())),
        ];
        Self {
            folder: folder.to_owned(),
            library,
            store,
            uploads,
            preparer,
            stop,
            running,
        }
    }

    pub async fn close(self) {
        self.stop.cancel();
        for task in self.running {
            task.await.unwrap();
        }
        self.library.close().await;
    }

    /// Uploads bytes, and answers their item when it is ready or has failed.
    pub async fn send(&self, bytes: Vec<u8>, name: &str) -> Item {
        let item = self.upload(bytes, name).await;
        self.finished(item).await
    }

    /// Uploads a file, and answers its item when it is ready or has failed.
    pub async fn give(&self, file: &Path) -> Item {
        let item = self.begin(file).await;
        self.finished(item).await
    }

    /// Uploads a file.
    pub async fn begin(&self, file: &Path) -> ItemId {
        let name = file.file_name().unwrap().to_str().unwrap();
        self.upload(std::fs::read(file).unwrap(), name).await
    }

    /// All pinned files, once nothing is left to be let go.
    pub async fn pins_left(&self) -> Vec<Cid> {
        let settled = async {
            while !self.library.loose().await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), settled);
        waited.await.expect("all that is loose is let go");
        self.store.pins().await.unwrap()
    }

    async fn upload(&self, bytes: Vec<u8>, name: &str) -> ItemId {
        self.upload_of(None, bytes, name).await
    }

    /// Uploads a creator's bytes.
    pub async fn upload_of(&self, owner: Option<Address>, bytes: Vec<u8>, name: &str) -> ItemId {
        let description = Description {
            title: None,
            description: format!("All about\n\"{name}\""),
            file_name: name.to_owned(),
            free: false,
        };
        let length = Some(bytes.len() as u64);
        let item = self
            .uploads
            .create(owner, length, description)
            .await
            .unwrap();
        let pieces = bytes.chunks(100_000).map(<[u8]>::to_vec).collect();
        let sent = self
            .uploads
            .append(None, item.item_id, 0, body(pieces))
            .await;
        assert_eq!(sent.unwrap().state, State::Queued);
        item.item_id
    }

    pub async fn finished(&self, id: ItemId) -> Item {
        self.when(id, |item| {
            matches!(item.state, State::Ready(_) | State::Failed(_))
        })
        .await
    }

    pub async fn reaches(&self, id: ItemId, state: &str) {
        self.when(id, |item| item.state.as_str() == state).await;
    }

    async fn when(&self, id: ItemId, so: impl Fn(&Item) -> bool) -> Item {
        let mut changes = self.library.changes();
        let wait = async {
            loop {
                let item = self.library.item(id).await.unwrap().unwrap();
                if so(&item) {
                    // The files go when the state has been written.
                    if !matches!(item.state, State::Ready(_) | State::Failed(_))
                        || self.leftovers().is_empty()
                    {
                        return item;
                    }
                    tokio::task::yield_now().await;
                    continue;
                }
                changes.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(180), wait);
        waited
            .await
            .unwrap_or_else(|_| panic!("the item {id} is not finished"))
    }

    /// All bytes of a stored file.
    pub async fn read(&self, cid: &Cid) -> Vec<u8> {
        let size = store::size(self.store.as_ref(), cid).await.unwrap();
        let parts: Vec<_> = store::read(Arc::clone(&self.store), *cid, 0..size)
            .try_collect()
            .await
            .unwrap();
        parts.concat()
    }

    /// What lies in the folders of uploads and of prepared files.
    pub fn leftovers(&self) -> Vec<String> {
        ["uploads", "prepared"]
            .iter()
            .flat_map(|name| std::fs::read_dir(self.folder.join(name)).unwrap())
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

/// A body that arrives in these pieces.
pub fn body(pieces: Vec<Vec<u8>>) -> Body {
    futures::stream::iter(pieces.into_iter().map(|piece| Ok(piece.into()))).boxed()
}
