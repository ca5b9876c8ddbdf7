//! Views that are on chain: the newest one of a viewer, found in the logs of the last day.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use jiff::Timestamp;
use paystream_contracts::EarningsSplitter::ViewRecorded;

use super::logs::{MOST, Search};
use super::{Ethereum, unavailable, within};
use crate::error::Result;
use crate::passes::VIEW_LIFE;

/// The most blocks that are looked through: a day of 0.4 s blocks.
const MAX_BLOCKS: u64 = 200_000;
/// Ranges that are asked for: enough for a day of 12 s blocks at a node that answers 30 at once.
const MAX_RANGES: u32 = 400;
/// How long the first block of the last day is used; a day that begins a little early does no harm.
const FRESH: Duration = Duration::from_secs(600);

impl Ethereum {
    /// The time of the newest view of this content by this viewer that was paid to this provider in the last 24 hours and is
    /// in a block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn newest_view(
        &self,
        content: B256,
        viewer: Address,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let begin = now - VIEW_LIFE;
        let first = self.first_block_since(begin).await?;
        let mut to = within(self.provider.get_block_number()).await?;
        let first = first.max(to.saturating_sub(MAX_BLOCKS - 1));
        let filter = Filter::new()
            .address(self.deployment.splitter)
            .event_signature(ViewRecorded::SIGNATURE_HASH)
            .topic1(content)
            .topic2(self.account())
            .topic3(viewer);
        let mut search = Search::new(&self.provider, filter, MOST);
        for _ in 0..MAX_RANGES {
            if to < first {
                return Ok(None);
            }
            let (logs, from) = search.newest(first..=to).await?;
            let newest = (logs.iter()).max_by_key(|log| (log.block_number, log.log_index));
            if let Some(block) = newest.and_then(|log| log.block_number) {
                return Ok(self.block_time(block).await?.filter(|time| *time > begin));
            }
            let Some(next) = from.checked_sub(1) else {
                return Ok(None);
            };
            to = next;
        }
        let narrow = "the node answers for too few blocks at a time to look through a day of them";
        Err(unavailable(narrow.to_owned()))
    }

    /// The first block of that time or later, or one a little before it: by bisection.
    async fn first_block_since(&self, begin: Timestamp) -> Result<u64> {
        let known = *self
            .day
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((at, block)) = known
            && at.elapsed() < FRESH
        {
            return Ok(block);
        }
        let head = within(self.provider.get_block_number()).await?;
        let (mut low, mut high) = (self.deployment.block.min(head), head);
        while low < high {
            let middle = low + (high - low) / 2;
            let time = (self.block_time(middle).await?)
                .ok_or_else(|| unavailable(format!("the node does not know block {middle}")))?;
            if time < begin {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        *self
            .day
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((std::time::Instant::now(), low));
        Ok(low)
    }

    async fn block_time(&self, number: u64) -> Result<Option<Timestamp>> {
        Ok(self.block(number).await?.map(|block| block.time))
    }
}
