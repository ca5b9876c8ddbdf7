//! The last view of the Bitcoin chain, kept by the watcher.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::bitcoin::Tip;
use crate::error::{Error, Result};

/// A view that is older than this is not used to open channels.
const STALE: Duration = Duration::from_secs(30);

/// What the node said last.
#[derive(Debug, Clone)]
pub struct ChainView {
    /// The end of the chain.
    pub tip: Tip,
    /// The feerate for closing transactions, in sat/vB.
    pub feerate_sat_vb: u64,
    /// When it said so.
    pub at: Instant,
}

/// The view, shared.
#[derive(Debug)]
pub struct Chain {
    view: watch::Sender<Option<ChainView>>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            view: watch::Sender::new(None),
        }
    }
}

impl Chain {
    /// Takes a new view.
    pub fn update(&self, view: ChainView) {
        self.view.send_replace(Some(view));
    }

    /// Follows the views.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<ChainView>> {
        self.view.subscribe()
    }

    /// The view, if it is fresh enough to open channels by.
    ///
    /// # Errors
    /// Unavailable when the node has not answered for a while or is still syncing.
    pub fn fresh(&self) -> Result<ChainView> {
        self.within(STALE)
    }

    /// The view, if it is not older than `age`.
    ///
    /// # Errors
    /// Unavailable when it is, or when the node is still syncing.
    pub fn within(&self, age: Duration) -> Result<ChainView> {
        let view = self.view.borrow().clone();
        let unavailable = |detail: &str| Error::Unavailable {
            service: "Bitcoin",
            detail: detail.to_owned(),
        };
        match view {
            Some(view) if view.tip.syncing => Err(unavailable(
                "the node is still catching up with the network",
            )),
            Some(view) if view.at.elapsed() <= age => Ok(view),
            Some(_) => Err(unavailable("the last answer is too old")),
            None => Err(unavailable("no answer yet")),
        }
    }
}
