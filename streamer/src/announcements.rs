//! Announcements of live streams (docs/protocol.md, section 8): whoever brings one needs no account, for its registration comes after it.
//!
//! So each waits for that: one that a creator has registered on chain, at whatever time, is kept for good, and one that nobody has registered
//! [`WAITS`] after it was brought is unpinned. That time passes on the chain: a node that is behind has not seen who registered what. How many
//! wait is bounded, and so is how many a client brings; when they become too many, the oldest of the clients that have most give way. What is
//! pinned and does not wait (registered, or pinned by hand) is never let go here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cid::Cid;
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Result, refused};
use crate::ethereum::{Block, Ethereum};
use crate::library::{Announced, Library, Searched};
use crate::relay::Pace;
use crate::store::{ContentStore, QUIET, only_hash};

/// So long after it was brought an announcement may be registered,
pub const WAITS: Duration = Duration::from_secs(24 * 3600);
/// and so long when others want its place.
const WAITS_AT_LEAST: Duration = Duration::from_secs(30 * 60);
/// Announcements that wait at a time: 128 MiB.
const MOST: u32 = 8192;
/// When more than these wait, some give way, so that there is room for who comes next.
const CROWDED: u32 = 6144;
/// How often those whose time is over are looked for.
const ROUND: Duration = Duration::from_secs(600);
/// So many of the newest blocks are searched again: others may take their place.
const REORGANISATION: u64 = 128;

/// Keeps announcements, and lets go of those that were for nothing.
pub struct Announcements {
    library: Arc<Library>,
    store: Arc<dyn ContentStore>,
    ethereum: Arc<Ethereum>,
    pace: Pace,
    /// Told when something has been unpinned.
    unpinned: Arc<Notify>,
    /// Held while one is noted and pinned, and while one is unpinned: what is brought again is not let go meanwhile.
    turn: Mutex<()>,
}

impl Announcements {
    /// A keeper that has not begun.
    #[must_use]
    pub fn new(
        library: Arc<Library>,
        store: Arc<dyn ContentStore>,
        ethereum: Arc<Ethereum>,
        unpinned: Arc<Notify>,
    ) -> Self {
        Self {
            library,
            store,
            ethereum,
            pace: Pace::of_announcements(),
            unpinned,
            turn: Mutex::default(),
        }
    }

    /// Keeps a document that a client brings, for as long as it may be registered and for good once it is.
    ///
    /// # Errors
    /// `rate_limited` when this client brings too many, or too many wait; when the library or the store fails.
    pub async fn keep(&self, client: IpAddr, document: &[u8]) -> Result<Cid> {
        self.pace.take(client)?;
        let cid = only_hash(Box::pin(document), QUIET).await?.cid;
        let _turn = self.turn.lock().await;
        if self.store.is_pinned(&cid).await? && !self.library.is_announced(&cid).await? {
            return Ok(cid);
        }
        let now = Timestamp::now();
        if !self.library.announce(&cid, client, now, MOST).await? {
            return Err(refused(
                Code::RateLimited,
                "too many announcements wait for their registration; try again later",
            ));
        }
        Ok(self.store.add(Box::pin(document), QUIET).await?.cid)
    }

    /// Lets go of what was for nothing, from time to time, until it is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.let_go(Timestamp::now()) => if let Err(error) = done {
                    error.log();
                }
            }
        }
    }

    async fn let_go(&self, now: Timestamp) -> Result<()> {
        let head = self.ethereum.newest_block().await?;
        let seen = head.time.min(now);
        if self.over(seen).await?.is_empty() && self.in_the_way(seen).await?.is_empty() {
            return Ok(());
        }
        self.note_registered(&head).await?;
        self.library.keep_registered().await?;
        for announced in self.over(seen).await? {
            self.end(&announced).await?;
        }
        for announced in self.in_the_way(seen).await? {
            self.end(&announced).await?;
        }
        Ok(())
    }

    /// Those whose time is over when the chain has come so far.
    async fn over(&self, seen: Timestamp) -> Result<Vec<Announced>> {
        self.library.announced_before(seen - WAITS).await
    }

    /// Those that give way to others then.
    async fn in_the_way(&self, seen: Timestamp) -> Result<Vec<Announced>> {
        let before = seen - WAITS_AT_LEAST;
        self.library.announced_beyond(CROWDED, before).await
    }

    /// Finds out what was registered up to this block. What has been searched once is not searched again.
    async fn note_registered(&self, head: &Block) -> Result<()> {
        let deployment = self.ethereum.deployment();
        let mut next = deployment.block;
        if let Some(Searched { block, hash }) = self.library.searched(deployment.registry).await?
            && (self.ethereum.block(block).await?).is_some_and(|found| found.hash == hash)
        {
            next = block + 1;
        }
        let settled = head.number.saturating_sub(REORGANISATION);
        let mut registrations = self.ethereum.registrations();
        while next <= head.number {
            let (cids, last) = registrations.oldest(next..=head.number).await?;
            let searched = match last.min(settled) {
                block if block < next => None,
                block => self.ethereum.block(block).await?,
            };
            let searched = searched.map(|Block { number, hash, .. }| Searched {
                block: number,
                hash,
            });
            self.library
                .note_registered(deployment.registry, &cids, searched)
                .await?;
            next = last + 1;
        }
        Ok(())
    }

    /// Unpins one, unless it was brought again or pinned by hand meanwhile.
    async fn end(&self, announced: &Announced) -> Result<()> {
        let _turn = self.turn.lock().await;
        if !self.library.waits_since(announced).await? {
            return Ok(());
        }
        let cid = &announced.cid;
        self.store.unpin(cid).await?;
        self.unpinned.notify_one();
        tracing::info!(%cid, "let go of an announcement that nobody registered");
        self.library.forget_announcement(cid).await
    }
}
