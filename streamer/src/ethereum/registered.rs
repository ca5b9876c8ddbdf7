//! Which CIDs creators have registered, found in the registry's logs.

use std::collections::HashSet;

use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use paystream_contracts::StreamRegistry::ContentRegistered;

use super::views::RANGE;
use super::{Ethereum, within};
use crate::error::Result;

impl Ethereum {
    /// The number of the newest block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn head(&self) -> Result<u64> {
        within(self.provider.get_block_number()).await
    }

    /// Those of the wanted CIDs that somebody registered in block `first` or later, whether they still offer it or not.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn registered_since(
        &self,
        first: u64,
        wanted: &HashSet<String>,
    ) -> Result<HashSet<String>> {
        let head = self.head().await?;
        let filter = Filter::new()
            .address(self.deployment.registry)
            .event_signature(ContentRegistered::SIGNATURE_HASH);
        let mut found = HashSet::new();
        let mut from = first.max(self.deployment.block);
        while from <= head {
            let to = from.saturating_add(RANGE - 1).min(head);
            let range = filter.clone().from_block(from).to_block(to);
            let logs = within(self.provider.get_logs(&range)).await?;
            // What the contract would not have written is no registration.
            let cids = (logs.iter())
                .filter_map(|log| log.log_decode::<ContentRegistered>().ok())
                .map(|log| log.inner.data.cid);
            found.extend(cids.filter(|cid| wanted.contains(cid)));
            from = to.saturating_add(1);
        }
        Ok(found)
    }
}
