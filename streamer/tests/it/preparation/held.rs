use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cid::Cid;
use paystream_streamer::store::{Added, Collected, ContentStore, Progress, Result, Source, Usage};
use tokio::sync::watch;

/// Where the store is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Nowhere,
    /// Before it reads anything.
    Begin,
    /// When its file is stored and pinned, and nobody knows it yet.
    Committed,
    /// Before a file is unpinned.
    Unpin,
}

/// A real store that can be held up.
#[derive(Debug)]
pub struct Held {
    store: Arc<dyn ContentStore>,
    hold: watch::Sender<Hold>,
    waiting: watch::Sender<bool>,
}

impl Held {
    pub fn new(store: Arc<dyn ContentStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            hold: watch::Sender::new(Hold::Nowhere),
            waiting: watch::Sender::new(false),
        })
    }

    /// Holds up all from now on that get there.
    pub fn hold(&self, hold: Hold) {
        self.hold.send_replace(hold);
    }

    /// Lets them go on.
    pub fn release(&self) {
        self.hold(Hold::Nowhere);
    }

    /// Waits until one is held up.
    pub async fn holds(&self) {
        self.waiting
            .subscribe()
            .wait_for(|held| *held)
            .await
            .unwrap();
    }

    async fn reach(&self, place: Hold) {
        let mut hold = self.hold.subscribe();
        if *hold.borrow() == place {
            self.waiting.send_replace(true);
            hold.wait_for(|hold| *hold != place).await.unwrap();
            self.waiting.send_replace(false);
        }
    }
}

#[async_trait]
impl ContentStore for Held {
    async fn add(&self, source: Source<'_>, progress: Progress<'_>) -> Result<Added> {
        self.reach(Hold::Begin).await;
        let added = self.store.add(source, progress).await?;
        self.reach(Hold::Committed).await;
        Ok(added)
    }

    async fn block(&self, cid: &Cid) -> Result<Option<Bytes>> {
        self.store.block(cid).await
    }

    async fn put(&self, blocks: Vec<(Cid, Bytes)>) -> Result<()> {
        self.store.put(blocks).await
    }

    async fn pin(&self, root: &Cid, progress: Progress<'_>) -> Result<()> {
        self.store.pin(root, progress).await
    }

    async fn unpin(&self, root: &Cid) -> Result<()> {
        self.reach(Hold::Unpin).await;
        self.store.unpin(root).await
    }

    async fn is_pinned(&self, root: &Cid) -> Result<bool> {
        self.store.is_pinned(root).await
    }

    async fn pins(&self) -> Result<Vec<Cid>> {
        self.store.pins().await
    }

    async fn usage(&self) -> Result<Usage> {
        self.store.usage().await
    }

    async fn health(&self) -> Result<()> {
        self.store.health().await
    }

    async fn gc(&self) -> Result<Collected> {
        self.store.gc().await
    }
}
