//! Which CIDs creators have registered, found in the registry's events: it cannot be asked for a CID without its creator, and a content's id,
//! which is what the events are indexed by, is of both.

use std::ops::RangeInclusive;
use std::str::FromStr;

use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::rpc::types::{BlockNumberOrTag, Filter};
use alloy::sol_types::SolEvent;
use cid::Cid;
use jiff::Timestamp;
use paystream_contracts::StreamRegistry::ContentRegistered;

use super::logs::{MOST, Search};
use super::{Ethereum, unavailable, within};
use crate::error::Result;

/// A block of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// When it says that it was made.
    pub time: Timestamp,
}

impl Ethereum {
    /// The newest block that the node knows. One that is behind knows no newer one, however late it is.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn newest_block(&self) -> Result<Block> {
        (self.block_at(BlockNumberOrTag::Latest).await?)
            .ok_or_else(|| unavailable("the node knows no block".to_owned()))
    }

    /// The block of a height, if the node knows one.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn block(&self, number: u64) -> Result<Option<Block>> {
        self.block_at(BlockNumberOrTag::Number(number)).await
    }

    /// What was registered at any time.
    #[must_use]
    pub fn registrations(&self) -> Registrations<'_> {
        let filter = Filter::new()
            .address(self.deployment.registry)
            .event_signature(ContentRegistered::SIGNATURE_HASH);
        Registrations(Search::new(&self.provider, filter, MOST))
    }

    async fn block_at(&self, number: BlockNumberOrTag) -> Result<Option<Block>> {
        let question = self.provider.get_block_by_number(number);
        let found = within(question.into_future()).await?;
        Ok(found.and_then(|found| {
            let seconds = i64::try_from(found.header.timestamp).ok()?;
            Some(Block {
                number: found.header.number,
                hash: found.header.hash,
                time: Timestamp::from_second(seconds).ok()?,
            })
        }))
    }
}

/// A search through what was registered.
pub struct Registrations<'a>(Search<'a>);

impl Registrations<'_> {
    /// What was registered in the oldest of these blocks, whether it is still offered or not, and the last of those blocks. A CID counts as
    /// what it stands for, in whatever spelling; what is none is left out.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn oldest(&mut self, blocks: RangeInclusive<u64>) -> Result<(Vec<Cid>, u64)> {
        let (logs, last) = self.0.oldest(blocks).await?;
        // What the contract would not have written is no registration.
        let cids = (logs.iter())
            .filter_map(|log| log.log_decode::<ContentRegistered>().ok())
            .filter_map(|log| Cid::from_str(&log.inner.data.cid).ok());
        Ok((cids.collect(), last))
    }
}
