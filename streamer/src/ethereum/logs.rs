//! Events of contracts, asked for in ranges of blocks that the node answers.
//!
//! Nodes refuse more blocks at once than some, and do not say how many. So half of a refused range is asked for, down to one block. What is
//! answered makes room for a little more: a node that was out of sorts for a moment does not slow down the rest of a search.

use std::ops::RangeInclusive;

use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};

use super::{in_time, unavailable};
use crate::error::Result;

/// The most blocks that are asked for at once: what most nodes answer.
pub(crate) const MOST: u64 = 5_000;

/// A search for the events of a filter.
pub(crate) struct Search<'a> {
    provider: &'a DynProvider,
    filter: Filter,
    width: Width,
}

impl<'a> Search<'a> {
    /// A search that asks for so many blocks first, and for twice as many each time.
    pub fn new(provider: &'a DynProvider, filter: Filter, first: u64) -> Self {
        Self {
            provider,
            filter,
            width: Width::new(first),
        }
    }

    /// The events of the oldest of these blocks, and the last of the blocks that they are of.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn oldest(&mut self, blocks: RangeInclusive<u64>) -> Result<(Vec<Log>, u64)> {
        let (first, last) = blocks.into_inner();
        let part = |width: u64| first..=first.saturating_add(width - 1).min(last);
        let (logs, part) = self.ask(part).await?;
        Ok((logs, *part.end()))
    }

    /// The events of the newest of these blocks, and the first of the blocks that they are of.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn newest(&mut self, blocks: RangeInclusive<u64>) -> Result<(Vec<Log>, u64)> {
        let (first, last) = blocks.into_inner();
        let part = |width: u64| last.saturating_sub(width - 1).max(first)..=last;
        let (logs, part) = self.ask(part).await?;
        Ok((logs, *part.start()))
    }

    async fn ask(
        &mut self,
        part: impl Fn(u64) -> RangeInclusive<u64>,
    ) -> Result<(Vec<Log>, RangeInclusive<u64>)> {
        loop {
            let blocks = part(self.width.now);
            let (from, to) = (*blocks.start(), *blocks.end());
            let filter = self.filter.clone().from_block(from).to_block(to);
            match in_time(self.provider.get_logs(&filter)).await? {
                Ok(mut logs) => {
                    logs.retain(|log| !log.removed);
                    self.width.answered();
                    return Ok((logs, blocks));
                }
                // That a range is too wide for it is what a node most often refuses for.
                Err(error) if from < to => {
                    tracing::debug!(from, to, %error, "the node refuses a range");
                    self.width.refused(to - from + 1);
                }
                Err(error) => return Err(unavailable(error.to_string())),
            }
        }
    }
}

/// How many blocks are asked for at once, at least 1.
#[derive(Debug)]
struct Width {
    now: u64,
    most: u64,
}

impl Width {
    fn new(first: u64) -> Self {
        Self {
            now: first.clamp(1, MOST),
            most: MOST,
        }
    }

    fn answered(&mut self) {
        self.most = (self.most + self.most / 8 + 1).min(MOST);
        self.now = (self.now * 2).min(self.most);
    }

    fn refused(&mut self, blocks: u64) {
        self.most = (blocks / 2).max(1);
        self.now = self.most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The widths that are asked for until so many blocks are answered, by a node that answers so many at once.
    fn asked(first: u64, widest: u64, blocks: u64) -> Vec<u64> {
        let (mut width, mut asked, mut answered) = (Width::new(first), Vec::new(), 0);
        while answered < blocks {
            asked.push(width.now);
            if width.now > widest {
                width.refused(width.now);
            } else {
                answered += width.now;
                width.answered();
            }
        }
        asked
    }

    #[test]
    fn a_search_grows_to_what_most_nodes_answer() {
        assert_eq!(
            asked(250, MOST, 8_000),
            [250, 500, 1_000, 2_000, 4_000, MOST]
        );
        assert_eq!(asked(MOST, MOST, 9_999), [MOST, MOST]);
    }

    #[test]
    fn a_node_that_answers_less_is_asked_for_less_and_not_for_much_less() {
        for widest in [1, 2, 3, 10, 100, 1_000, 4_999] {
            let blocks = widest * 1_000;
            let asked = asked(MOST, widest, blocks);
            let best = usize::try_from(blocks / widest).unwrap();
            assert!(asked.len() < best * 5 / 2, "{widest}: {}", asked.len());
        }
    }

    #[test]
    fn a_node_that_was_out_of_sorts_is_soon_asked_for_as_much_as_before() {
        let mut width = Width::new(MOST);
        while width.now > 1 {
            width.refused(width.now);
        }
        (0..70).for_each(|_| width.answered());
        assert_eq!(width.now, MOST);
    }
}
