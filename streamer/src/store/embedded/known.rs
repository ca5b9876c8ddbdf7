//! Blocks that have been checked against their CIDs since the start, so that they can be checked again for less.
//!
//! A block that matched its CID is remembered by its 128-bit XXH3 hash under a seed that nobody knows, which takes a twentieth of the time of
//! SHA2-256. Every block that is read is still checked in full, so a disk that fails is noticed at the next reading. What this hash cannot
//! promise, that nobody finds other bytes for it, is not needed here: who could write to the disk and read this process's memory would gain
//! nothing, because every viewer checks each block against its CID and pays for none that fails. Memory is bounded: what
//! has not been read for long is forgotten, and checked by SHA2-256 at its next reading.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cid::Cid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// So many blocks are remembered at least once they have been read, and twice as many at most: 4 to 8 GiB of video in a few
/// megabytes.
const KEPT: usize = 16_384;

type Hashes = HashMap<[u8; 32], u128>;

/// What is remembered.
#[derive(Debug)]
pub(super) struct Known {
    seed: u64,
    generations: Mutex<Generations>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            seed: rand::random(),
            generations: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Generations {
    young: Hashes,
    old: Hashes,
}

impl Known {
    /// Whether bytes are those that matched this CID before. `false` says nothing.
    pub(super) fn matches(&self, cid: &Cid, bytes: &[u8]) -> bool {
        let Some(digest) = digest(cid) else {
            return false;
        };
        let known = self.lock().find(&digest);
        known.is_some_and(|known| known == self.hash(bytes))
    }

    /// Remembers bytes that have just been checked against their CID.
    pub(super) fn note(&self, cid: &Cid, bytes: &[u8]) {
        if let Some(digest) = digest(cid) {
            let hash = self.hash(bytes);
            self.lock().keep(digest, hash);
        }
    }

    fn hash(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_seed(bytes, self.seed)
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&mut self, digest: &[u8; 32]) -> Option<u128> {
        if let Some(hash) = self.young.get(digest) {
            return Some(*hash);
        }
        let hash = *self.old.get(digest)?;
        self.keep(*digest, hash);
        Some(hash)
    }

    fn keep(&mut self, digest: [u8; 32], hash: u128) {
        if self.young.len() >= KEPT {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(digest, hash);
    }
}

/// The SHA2-256 digest of a block, whatever the version and codec of its CID.
fn digest(cid: &Cid) -> Option<[u8; 32]> {
    cid.hash().digest().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block::{DAG_PB, cid_of};

    #[test]
    fn only_the_same_bytes_are_known_under_a_digest() {
        let known = Known::default();
        let cid = cid_of(b"a block");
        assert!(!known.matches(&cid, b"a block"));
        known.note(&cid, b"a block");
        assert!(known.matches(&cid, b"a block"));
        assert!(known.matches(&Cid::new_v1(DAG_PB, *cid.hash()), b"a block"));
        assert!(!known.matches(&cid, b"a blocc"));
        assert!(!known.matches(&cid_of(b"another"), b"a block"));
    }

    #[test]
    fn what_is_read_stays_known_and_the_number_of_blocks_is_bounded() {
        let known = Known::default();
        let popular = cid_of(b"popular");
        known.note(&popular, b"popular");
        for number in 0..5 * KEPT as u64 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            known.lock().keep(digest, number.into());
            if number % 1000 == 0 {
                assert!(known.matches(&popular, b"popular"));
            }
        }
        let generations = known.lock();
        assert!(generations.young.len() + generations.old.len() <= 2 * KEPT);
    }
}
