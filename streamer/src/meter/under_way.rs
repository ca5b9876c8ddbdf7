//! Leaves of stored video that were sent and may not have arrived. Pure.
//!
//! The leaves of one response arrive in turn. So when only so much can be missing in all, a response misses at most its last leaves of so
//! much media: whatever was sent before them has arrived, and is forgotten. How the missing media is spread over responses nobody knows: a
//! payment proves how much arrived, and not what.

use std::collections::VecDeque;

/// One response of a session.
pub type ResponseId = u64;

/// The most leaves that are remembered of responses that have been handed over whole.
const HANDED_OVER: usize = 64;
/// The most leaves that are remembered of a response that goes on.
const GOES_ON: usize = 4096;

/// A leaf of a stored video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Where it begins in the file.
    pub start: u64,
    /// What it costs, in milliseconds of media.
    pub ms: u64,
}

/// What was sent and may not have arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay {
    /// Of the responses that go on, in the order in which it was sent.
    open: Vec<(ResponseId, VecDeque<Leaf>)>,
    /// Of those that have been handed over whole: the network may have lost it nevertheless.
    handed_over: VecDeque<Leaf>,
}

impl UnderWay {
    /// A leaf is sent.
    pub fn sent(&mut self, response: ResponseId, leaf: Leaf) {
        if leaf.ms == 0 {
            return;
        }
        let known = self.open.iter().position(|(id, _)| *id == response);
        let place = known.unwrap_or_else(|| {
            self.open.push((response, VecDeque::new()));
            self.open.len() - 1
        });
        let leaves = &mut self.open[place].1;
        if leaves.len() >= GOES_ON {
            leaves.pop_front();
        }
        leaves.push_back(leaf);
    }

    /// A response has been handed over whole.
    pub fn finished(&mut self, response: ResponseId) {
        let leaves = self.take(response);
        self.handed_over.extend(leaves);
        let surplus = self.handed_over.len().saturating_sub(HANDED_OVER);
        self.handed_over.drain(..surplus);
    }

    /// A response is broken off: the media of it that may not have arrived.
    pub fn broken_off(&mut self, response: ResponseId) -> u64 {
        sum(&self.take(response))
    }

    /// A leaf is asked for: what it costs, when it was handed over before and may be missing. It is asked for again because it is.
    pub fn asked_again(&mut self, leaf: Leaf) -> Option<u64> {
        let place = self.handed_over.iter().position(|other| *other == leaf)?;
        self.handed_over.remove(place).map(|leaf| leaf.ms)
    }

    /// Of all that was ever sent only so much may be missing.
    pub fn at_most(&mut self, most: u64) {
        for (_, leaves) in &mut self.open {
            let mut missing = sum(leaves);
            while missing > most {
                missing -= leaves.pop_front().map_or(missing, |leaf| leaf.ms);
            }
        }
        self.handed_over.retain(|leaf| leaf.ms <= most);
    }

    fn take(&mut self, response: ResponseId) -> VecDeque<Leaf> {
        match self.open.iter().position(|(id, _)| *id == response) {
            Some(place) => self.open.swap_remove(place).1,
            None => VecDeque::new(),
        }
    }
}

fn sum(leaves: &VecDeque<Leaf>) -> u64 {
    let costs = leaves.iter().map(|leaf| leaf.ms);
    costs.fold(0, u64::saturating_add)
}
