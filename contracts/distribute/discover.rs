//! Who ever earned something, and which splits exist: from the contracts' events, read in ranges that the node can answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;

use super::error::node;
use super::{DistributeError, Progress, Tokens};
use crate::{Deployment, EarningsSplitter, PayoutSplitFactory};

/// The first and the largest range of blocks that is asked for at once.
const FIRST_RANGE: u64 = 5_000;
const MAX_RANGE: u64 = 200_000;
/// How often in a row a node may refuse. A range of one block has been reached long before.
const REFUSALS: u32 = 20;
/// How long a node that refuses is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// Everybody who can be owed something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Who was credited earnings in which token.
    pub earners: BTreeSet<(Address, Address)>,
    /// The splits, with their recipients.
    pub splits: BTreeMap<Address, Vec<Address>>,
}

impl Known {
    /// The tokens in which anything was ever earned.
    #[must_use]
    pub fn tokens(&self) -> BTreeSet<Address> {
        self.earners.iter().map(|(token, _)| *token).collect()
    }

    /// Leaves out what was earned in other tokens, and tells how many those are. Anybody can make tokens without end, and credit
    /// anybody with them: a question to the node for each would never be done.
    pub fn choose(&mut self, tokens: &Tokens) -> usize {
        let all = self.tokens().len();
        self.earners.retain(|(token, _)| tokens.include(*token));
        all - self.tokens().len()
    }

    /// The splits in the order in which they are distributed: each wave before those that it pays into.
    #[must_use]
    pub fn waves(&self) -> Vec<Vec<Address>> {
        let mut depths: BTreeMap<Address, usize> =
            self.splits.keys().map(|split| (*split, 0)).collect();
        // An address follows from its recipients, so that splits cannot pay into each other in a circle.
        for _ in 0..self.splits.len() {
            let mut changed = false;
            for (split, recipients) in &self.splits {
                let below = depths[split] + 1;
                for recipient in recipients {
                    if let Some(depth) = depths.get_mut(recipient).filter(|depth| **depth < below) {
                        *depth = below;
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let mut waves: BTreeMap<usize, Vec<Address>> = BTreeMap::new();
        for (split, depth) in depths {
            waves.entry(depth).or_default().push(split);
        }
        waves.into_values().collect()
    }

    fn take(&mut self, log: &Log) {
        if let Ok(credited) = EarningsSplitter::EarningsCredited::decode_log(&log.inner) {
            self.earners.insert((credited.token, credited.account));
        } else if let Ok(created) = PayoutSplitFactory::SplitCreated::decode_log(&log.inner) {
            self.splits
                .insert(created.split, created.recipients.clone());
        }
    }
}

/// Reads the events from the deployment's first block to the newest one.
///
/// # Errors
/// When the node refuses even a single block.
pub async fn discover(
    provider: &impl Provider,
    deployment: &Deployment,
    mut report: impl FnMut(Progress),
) -> Result<Known, DistributeError> {
    let head = (provider.get_block_number().await).map_err(node("its newest block"))?;
    let filter = Filter::new()
        .address(vec![deployment.splitter, deployment.split_factory])
        .event_signature(vec![
            EarningsSplitter::EarningsCredited::SIGNATURE_HASH,
            PayoutSplitFactory::SplitCreated::SIGNATURE_HASH,
        ]);
    let mut known = Known::default();
    let (mut from, mut range, mut refused) = (deployment.block, FIRST_RANGE, 0);
    while from <= head {
        let to = head.min(from.saturating_add(range - 1));
        match provider
            .get_logs(&filter.clone().from_block(from).to_block(to))
            .await
        {
            Ok(logs) => {
                logs.iter().for_each(|log| known.take(log));
                report(Progress::Scanned(to, head));
                from = to + 1;
                range = MAX_RANGE.min(range * 2);
                refused = 0;
            }
            Err(source) if refused == REFUSALS => {
                return Err(node("the contracts' events")(source));
            }
            Err(_) => {
                refused += 1;
                range = (range / 2).max(1);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_earned_in_other_tokens_is_left_out_and_counted() {
        let [a, b, c, person] = [1_u8, 2, 3, 9].map(Address::repeat_byte);
        let mut known = Known {
            earners: [(a, person), (b, person), (b, a), (c, person)].into(),
            splits: BTreeMap::new(),
        };
        assert_eq!(known.choose(&Tokens::EtherAnd([a].into())), 2);
        assert_eq!(known.earners, [(a, person)].into());
        assert_eq!(known.choose(&Tokens::All), 0);
    }

    #[test]
    fn a_split_is_distributed_before_those_that_it_pays_into() {
        let [a, b, c, d, person] = [1_u8, 2, 3, 4, 9].map(Address::repeat_byte);
        let known = Known {
            earners: BTreeSet::new(),
            splits: [
                (a, vec![b, person]),
                (b, vec![c]),
                (c, vec![person]),
                (d, vec![c, b]),
            ]
            .into(),
        };
        assert_eq!(known.waves(), [vec![a, d], vec![b], vec![c]]);
        assert!(Known::default().waves().is_empty());
    }
}
