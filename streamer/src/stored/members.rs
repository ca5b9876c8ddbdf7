//! Which blocks a file has, in eight bytes for each: for the question whose block this is, which anybody may ask of every free video.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use cid::Cid;

/// Files of which the blocks are known in this way. With 8192 blocks each, as a video of 2 GB has, they take 4 MB.
pub const MEMBERS: usize = 64;
/// What could not be read is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// The blocks of a file: their keyed hashes, in order. Nobody who does not know the keys finds another block with the hash of one of them.
#[derive(Debug)]
pub(super) struct Members {
    hashes: Box<[u64]>,
    unknown_since: Option<Instant>,
}

impl Members {
    /// These blocks.
    pub fn of<'a>(blocks: impl Iterator<Item = &'a Cid>, keys: &RandomState) -> Self {
        let mut hashes: Box<[u64]> = blocks.map(|block| keys.hash_one(block)).collect();
        hashes.sort_unstable();
        Self {
            hashes,
            unknown_since: None,
        }
    }

    /// The file cannot be read now.
    pub fn unknown() -> Self {
        Self {
            hashes: Box::default(),
            unknown_since: Some(Instant::now()),
        }
    }

    /// Whether this is one of them.
    pub fn has(&self, block: &Cid, keys: &RandomState) -> bool {
        self.hashes.binary_search(&keys.hash_one(block)).is_ok()
    }

    /// Whether the file should be read again.
    pub fn is_stale(&self) -> bool {
        self.unknown_since
            .is_some_and(|since| since.elapsed() >= AGAIN)
    }
}
