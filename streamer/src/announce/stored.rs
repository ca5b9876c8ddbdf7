//! Which stored videos this provider has registered on chain: those are said to be alive as live streams are.
//!
//! A stored video is registered when its creator or the operator asks for it, perhaps elsewhere; so the registry is asked now and then, a few
//! questions at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use paystream_contracts::content_id;
use tokio::time::Instant;

use crate::app::App;
use crate::error::Result;
use crate::ethereum::Ethereum;
use crate::library::{Library, State};
use crate::stored::Films;

/// The registry is asked again about a video that is not registered, and about one that is.
const ASK_AGAIN: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];
/// Questions that wait for the node together.
const AT_A_TIME: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Standing {
    registered: bool,
    asked_at: Instant,
}

/// What is known of the stored videos' registrations.
pub(super) struct StoredStreams {
    ethereum: Arc<Ethereum>,
    library: Arc<Library>,
    films: Arc<Films>,
    url: String,
    known: HashMap<B256, Standing>,
    questions: FuturesUnordered<BoxFuture<'static, (B256, Result<bool>)>>,
}

impl StoredStreams {
    /// Nothing is known yet.
    pub fn new(app: &App, url: &str) -> Self {
        Self {
            ethereum: Arc::clone(&app.ethereum),
            library: Arc::clone(&app.library),
            films: Arc::clone(&app.films),
            url: url.to_owned(),
            known: HashMap::new(),
            questions: FuturesUnordered::new(),
        }
    }

    /// Forgets the videos that are gone, and asks about those that nobody has been asked about for long enough.
    pub fn look(&mut self, now: Instant) {
        let mut contents = self.contents();
        self.known
            .retain(|content, _| contents.binary_search(content).is_ok());
        // Who has waited longest comes first; nobody asked about the new ones yet.
        contents.sort_by_key(|content| self.known.get(content).map(|known| known.asked_at));
        for content in contents {
            if self.questions.len() >= AT_A_TIME {
                return;
            }
            let due = self.known.get(&content).is_none_or(|standing| {
                let pause = ASK_AGAIN[usize::from(standing.registered)];
                now.duration_since(standing.asked_at) >= pause
            });
            if due {
                let registered = self.is_registered(content);
                self.note(content, registered, now);
                self.ask(content);
            }
        }
    }

    fn is_registered(&self, content: B256) -> bool {
        self.known
            .get(&content)
            .is_some_and(|standing| standing.registered)
    }

    fn ask(&mut self, content: B256) {
        let (ethereum, url) = (Arc::clone(&self.ethereum), self.url.clone());
        self.questions.push(Box::pin(async move {
            (content, ethereum.is_registered(content, &url).await)
        }));
    }

    fn note(&mut self, content: B256, registered: bool, asked_at: Instant) {
        let standing = Standing {
            registered,
            asked_at,
        };
        self.known.insert(content, standing);
    }

    /// Waits for the next answer of the registry; whether it says that another video is registered now.
    pub async fn answered(&mut self) -> bool {
        match self.questions.next().await {
            Some((content, Ok(registered))) => {
                let fresh = registered && !self.is_registered(content);
                self.note(content, registered, Instant::now());
                fresh
            }
            Some((_, Err(error))) => {
                tracing::debug!(%error, "the registry was not asked about a stored video");
                false
            }
            None => std::future::pending().await,
        }
    }

    /// The contents that are registered here.
    pub fn registered(&self) -> impl Iterator<Item = B256> {
        let known = self.known.iter();
        known.filter_map(|(content, standing)| standing.registered.then_some(*content))
    }

    /// Under which contents the videos may be registered: by the creators who uploaded them, and as they were asked for.
    fn contents(&self) -> Vec<B256> {
        let asked_for = self.films.contents().into_iter();
        let here = asked_for.filter(|(root, _)| !self.library.ready_with(root).is_empty());
        let mut contents: Vec<_> = here.map(|(_, content)| content).collect();
        for item in self.library.all_ready() {
            if let (State::Ready(stored), Some(owner)) = (&item.state, item.owner) {
                contents.push(content_id(owner, &stored.cid_text()));
            }
        }
        contents.sort_unstable();
        contents.dedup();
        contents
    }
}
