//! What the follower last saw and did, for `/ready`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;

/// What keeps the follower from going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether it is the database's; otherwise it is the Ethereum node's.
    pub of_database: bool,
    /// What failed, without its causes, which stand in the log.
    pub detail: String,
}

/// A snapshot of the follower.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The number of the chain's newest block, as the node last said.
    pub chain_head: Option<u64>,
    /// When that block was made, in seconds since 1970.
    pub head_made_at: Option<u64>,
    /// When the node last answered.
    pub heard_from_chain: Option<Instant>,
    /// Whether this process is the one that writes.
    pub is_writer: bool,
    /// What keeps the follower from going on, if anything does.
    pub failure: Option<Failure>,
}

impl Progress {
    /// How long ago the node last answered.
    #[must_use]
    pub fn silence(&self) -> Option<Duration> {
        self.heard_from_chain.map(|at| at.elapsed())
    }

    /// How old the chain's newest block is at `now` (seconds since 1970). One from the future is new.
    #[must_use]
    pub fn head_age(&self, now: u64) -> Option<Duration> {
        self.head_made_at
            .map(|made_at| Duration::from_secs(now.saturating_sub(made_at)))
    }
}

/// Written by the follower, read by `/ready`.
#[derive(Debug, Default)]
pub struct Status(Mutex<Progress>);

impl Status {
    /// What is known now.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The node named its newest block.
    pub fn chain_head_is(&self, number: u64, made_at: u64) {
        self.update(|progress| {
            progress.chain_head = Some(number);
            progress.head_made_at = Some(made_at);
            progress.heard_from_chain = Some(Instant::now());
        });
    }

    /// The follower went on, as the writer or standing by.
    pub fn works(&self, is_writer: bool) {
        self.update(|progress| {
            progress.is_writer = is_writer;
            progress.failure = None;
        });
    }

    /// The follower cannot go on.
    pub fn fails(&self, error: &Error) {
        let failure = Failure {
            of_database: matches!(
                error,
                Error::Database(_) | Error::Migration(_) | Error::HeadMoved
            ),
            detail: error.to_string(),
        };
        self.update(|progress| {
            progress.is_writer = false;
            progress.failure = Some(failure);
        });
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
