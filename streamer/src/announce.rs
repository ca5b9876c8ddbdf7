//! Tells the world which streams and stored videos are here: the registration of streams on chain, once, and heartbeats to the indexer.
//!
//! Both are for finding streams only. When a node or the indexer is away, streams play on and the next round tries again. A
//! registration may wait minutes for its block; it holds up neither the heartbeats nor the registrations of other streams.

mod heartbeat;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::heartbeat::{Heartbeats, Serving};
use self::stored::StoredStreams;
use crate::app::App;
use crate::error::Result;
use crate::ethereum::Ethereum;
use crate::media::{Engine, StreamStatus};
use crate::session::Sessions;

/// The pause between two looks for new streams.
const ROUND: Duration = Duration::from_secs(1);
/// A registration that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// Where the registration of a stream stands. `UnderWay` goes to `Done` or to `Failed`; `Failed` goes back to `UnderWay`.
#[derive(Debug, Clone, Copy)]
enum Registration {
    UnderWay,
    Done,
    Failed { again_at: Instant },
}

/// Registers streams and sends heartbeats.
pub struct Announcer {
    ethereum: Arc<Ethereum>,
    media: Engine,
    url: String,
    every: Duration,
    heartbeats: Option<Heartbeats>,
    registrations: HashMap<B256, Registration>,
    under_way: FuturesUnordered<BoxFuture<'static, (B256, Result<()>)>>,
    stored: StoredStreams,
    sessions: Arc<Sessions>,
}

impl Announcer {
    /// An announcer that has told nobody anything yet.
    ///
    /// # Errors
    /// When the indexer's URL cannot be used.
    pub fn new(app: &App) -> Result<Self> {
        let url = app.config.public_base();
        let heartbeats = match &app.config.indexer_url {
            Some(indexer) => Some(Heartbeats::new(indexer, &url, Arc::clone(&app.ethereum))?),
            None => None,
        };
        Ok(Self {
            ethereum: Arc::clone(&app.ethereum),
            media: app.media.clone(),
            stored: StoredStreams::new(app, &url),
            sessions: Arc::clone(&app.sessions),
            url,
            every: Duration::from_secs(app.config.heartbeat_seconds),
            heartbeats,
            registrations: HashMap::new(),
            under_way: FuturesUnordered::new(),
        })
    }

    /// Runs until it is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.announce() => {}
        }
    }

    async fn announce(&mut self) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut next_beat = Instant::now();
        loop {
            let fresh = tokio::select! {
                _ = rounds.tick() => false,
                Some((content, result)) = self.under_way.next() => self.registered(content, result),
                fresh = self.stored.answered() => fresh,
            };
            let live: Vec<_> = self
                .media
                .streams()
                .into_iter()
                .filter(|stream| stream.live)
                .collect();
            let now = Instant::now();
            for stream in &live {
                self.register(stream.content, now);
            }
            self.stored.look(now);
            if fresh || now >= next_beat {
                next_beat = now + self.every;
                self.beat(&live).await;
            }
        }
    }

    /// Begins the registration of a stream that has none yet.
    fn register(&mut self, content: B256, now: Instant) {
        match self.registrations.get(&content) {
            Some(Registration::UnderWay | Registration::Done) => return,
            Some(Registration::Failed { again_at }) if now < *again_at => return,
            Some(Registration::Failed { .. }) | None => {}
        }
        self.registrations.insert(content, Registration::UnderWay);
        let (ethereum, url) = (Arc::clone(&self.ethereum), self.url.clone());
        self.under_way.push(Box::pin(async move {
            (content, ethereum.register_stream(content, &url).await)
        }));
    }

    /// Notes how a registration ended; whether the stream is registered now.
    fn registered(&mut self, content: B256, result: Result<()>) -> bool {
        let state = match result {
            Ok(()) => Registration::Done,
            Err(error) => {
                error.log();
                let again_at = Instant::now() + RETRY;
                Registration::Failed { again_at }
            }
        };
        self.registrations.insert(content, state);
        matches!(state, Registration::Done)
    }

    async fn beat(&mut self, live: &[StreamStatus]) {
        let Some(heartbeats) = &mut self.heartbeats else {
            return;
        };
        let live = live.iter().filter(|stream| {
            let registration = self.registrations.get(&stream.content);
            matches!(registration, Some(Registration::Done))
        });
        let live = live.map(|stream| Serving {
            content: stream.content,
            viewers: stream.viewers,
        });
        let stored = self.stored.registered().map(|content| Serving {
            content,
            viewers: self.sessions.watching(content),
        });
        let mut serving: Vec<_> = live.chain(stored).collect();
        serving.sort_by_key(|serving| serving.content);
        serving.dedup_by_key(|serving| serving.content);
        heartbeats.send(&serving).await;
    }
}
