//! Announcements of live streams (docs/protocol.md, section 8): whoever brings one needs no account, for its registration comes after it.
//!
//! So each waits for that: one that a creator registers on chain is kept for good, and one that nobody has registered [`WAITS`] after it was
//! brought is unpinned. How many wait is bounded, and so is how many a client brings. What is pinned and does not wait (registered, or pinned by
//! hand) is never let go here.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use cid::Cid;
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Result, refused};
use crate::ethereum::Ethereum;
use crate::library::{Announced, Library};
use crate::relay::Pace;
use crate::store::{ContentStore, QUIET, only_hash};

/// So long after it was brought an announcement may be registered.
pub const WAITS: Duration = Duration::from_secs(24 * 3600);
/// Announcements that wait at a time: 128 MiB.
const MOST: u32 = 8192;
/// How often those whose time is over are looked for.
const ROUND: Duration = Duration::from_secs(600);
/// A reorganisation may put a registration before the head that was seen when the announcement came.
const REORGANISATION: u64 = 128;

/// Keeps announcements, and lets go of those that were for nothing.
pub struct Announcements {
    library: Arc<Library>,
    store: Arc<dyn ContentStore>,
    ethereum: Arc<Ethereum>,
    pace: Pace,
    /// Told when something has been unpinned.
    unpinned: Arc<Notify>,
    /// Held while one is noted and pinned, and while some are unpinned: what is brought again is not let go meanwhile.
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
    /// `rate_limited` when this client brings too many, or too many wait; when the chain, the library or the store fails.
    pub async fn keep(&self, client: IpAddr, document: &[u8]) -> Result<Cid> {
        self.pace.take(client)?;
        let cid = only_hash(Box::pin(document), QUIET).await?.cid;
        let block = self.ethereum.head().await?;
        let _turn = self.turn.lock().await;
        if self.store.is_pinned(&cid).await? && !self.library.is_announced(&cid).await? {
            return Ok(cid);
        }
        let announced = Announced { cid, block };
        if !(self.library)
            .announce(announced, Timestamp::now(), MOST)
            .await?
        {
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
        let before = now - WAITS;
        let over = self.library.announced_before(before).await?;
        let Some(first) = over.iter().map(|announced| announced.block).min() else {
            return Ok(());
        };
        let over = over.iter().map(|announced| announced.cid.to_string());
        let registered = (self.ethereum)
            .registered_since(first.saturating_sub(REORGANISATION), &over.collect())
            .await?;
        self.end(before, &registered).await
    }

    /// Ends the waiting of those that were brought before that time: what is registered stays. What was brought again meanwhile waits on.
    async fn end(&self, before: Timestamp, registered: &HashSet<String>) -> Result<()> {
        let _turn = self.turn.lock().await;
        for Announced { cid, .. } in self.library.announced_before(before).await? {
            if !registered.contains(&cid.to_string()) {
                self.store.unpin(&cid).await?;
                self.unpinned.notify_one();
                tracing::info!(%cid, "let go of an announcement that nobody registered");
            }
            self.library.forget_announcement(&cid).await?;
        }
        Ok(())
    }
}
