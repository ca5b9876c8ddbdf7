//! What was signed shows on chain, whoever's transaction did it: anybody may send a copy, also through another contract.

use alloy::consensus::Transaction;
use alloy::network::TransactionResponse;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{BlockNumberOrTag, Filter};
use alloy::sol_types::{SolCall, SolEvent};
use futures::{StreamExt, TryStreamExt};
use paystream_contracts::EarningsSplitter::{
    ViewRecorded, recordViewBySigCall, recordViewWithAuthorizationCall,
};
use paystream_contracts::StreamRegistry::{
    ContentDeregistered, ContentRegistered, StreamDeregistered, StreamRegistered,
    deregisterContentBySigCall, deregisterStreamCall, registerContentBySigCall, registerStreamCall,
};
use paystream_contracts::content_id;

use super::{Entry, Outbox};
use crate::error::{Error, Result};
use crate::ethereum::{logs::Search, unavailable, within};

/// Blocks that are searched at once: first the newest, which are enough nearly always, then more.
const FIRST_RANGE: u64 = 250;
/// Ranges that are asked for in a search.
const MAX_RANGES: u32 = 128;
/// Transactions that are looked at in a search, the newest first: anybody may make the same event, for the gas. And how many at a time.
const MAX_TRANSACTIONS: usize = 256;
const AT_A_TIME: usize = 8;
/// How much earlier than the relay a block may say that it was made: clocks differ. In seconds.
const SLACK: i64 = 600;
/// The bytes of an ABI word, and of a selector.
const WORD: usize = 32;
const SELECTOR: usize = 4;

/// How to know a call on chain.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    /// The event that it makes.
    event: B256,
    /// What that names.
    topics: Vec<B256>,
    /// What is in the input of every transaction that makes this call: what was signed, as the contract reads it. Not the signature:
    /// there may be two of the same.
    input: Bytes,
    /// Of a call in which nothing is signed, and which so may have been made before: whose transaction alone makes it, and the nonce that
    /// this account had reached when it was asked for.
    own: Option<(Address, u64)>,
}

impl Trace {
    /// The trace of a call of this account's, for which it had reached this nonce.
    fn of(data: &Bytes, account: Address, reached: u64) -> Option<Self> {
        let selector: [u8; SELECTOR] = data.get(..SELECTOR)?.try_into().ok()?;
        let words = |count: usize| data.get(SELECTOR..SELECTOR + count * WORD);
        let mut own = None;
        let (event, topics, input) = match selector {
            recordViewWithAuthorizationCall::SELECTOR => {
                let call = recordViewWithAuthorizationCall::abi_decode(data).ok()?;
                let topics = view(call.contentId, call.provider, call.viewer);
                (ViewRecorded::SIGNATURE_HASH, topics, words(5)?)
            }
            recordViewBySigCall::SELECTOR => {
                let action = recordViewBySigCall::abi_decode(data).ok()?.action;
                let topics = view(action.contentId, action.provider, action.viewer);
                (ViewRecorded::SIGNATURE_HASH, topics, words(7)?)
            }
            registerContentBySigCall::SELECTOR => {
                let action = registerContentBySigCall::abi_decode(data).ok()?.action;
                let id = content_id(action.creator, &action.cid);
                let topics = vec![id, action.creator.into_word()];
                // Two offsets, then the action, then the signature.
                let offset = |index: usize| {
                    let begin = SELECTOR + index * WORD;
                    let word = data.get(begin..begin + WORD)?;
                    let offset = usize::try_from(U256::from_be_slice(word)).ok()?;
                    SELECTOR.checked_add(offset)
                };
                let action = data.get(offset(0)?..offset(1)?)?;
                (ContentRegistered::SIGNATURE_HASH, topics, action)
            }
            deregisterContentBySigCall::SELECTOR => {
                let action = deregisterContentBySigCall::abi_decode(data).ok()?.action;
                let topics = vec![action.contentId];
                (ContentDeregistered::SIGNATURE_HASH, topics, words(4)?)
            }
            registerStreamCall::SELECTOR => {
                let content = registerStreamCall::abi_decode(data).ok()?.contentId;
                let topics = vec![content, account.into_word()];
                own = Some((account, reached));
                (StreamRegistered::SIGNATURE_HASH, topics, &data[..])
            }
            deregisterStreamCall::SELECTOR => {
                let content = deregisterStreamCall::abi_decode(data).ok()?.contentId;
                let topics = vec![content, account.into_word()];
                own = Some((account, reached));
                (StreamDeregistered::SIGNATURE_HASH, topics, &data[..])
            }
            _ => return None,
        };
        Some(Self {
            event,
            topics,
            input: Bytes::copy_from_slice(input),
            own,
        })
    }

    fn filter(&self, contract: Address) -> Filter {
        let mut filter = Filter::new().address(contract).event_signature(self.event);
        for (topic, slot) in self.topics.iter().zip(&mut filter.topics[1..]) {
            *slot = (*topic).into();
        }
        filter
    }

    /// Whether a transaction of this sender's, with this nonce and input, may have made the call.
    fn is_of(&self, sender: Address, nonce: u64, input: &[u8]) -> bool {
        let may_be = self
            .own
            .is_none_or(|(account, reached)| sender == account && nonce >= reached);
        may_be
            && input
                .windows(self.input.len().max(1))
                .any(|window| window == &self.input[..])
    }
}

fn view(content: B256, provider: Address, viewer: Address) -> Vec<B256> {
    vec![content, provider.into_word(), viewer.into_word()]
}

impl Outbox {
    /// The transaction by which it happened, and its block. It is looked for from the newest block back to when the relay began.
    pub(super) async fn happened(&self, entry: &Entry) -> Result<Option<(B256, u64)>> {
        let attempts = self.journal.attempts(entry.relay.id).await?;
        let reached = attempts.iter().map(|attempt| attempt.nonce).min();
        let trace = Trace::of(&entry.data, self.account(), reached.unwrap_or(0));
        let Some(trace) = trace else {
            return Ok(None);
        };
        let filter = trace.filter(entry.to);
        let mut to = within(self.provider.get_block_number()).await?;
        let mut search = Search::new(&self.provider, filter, FIRST_RANGE);
        let mut left = MAX_TRANSACTIONS;
        for _ in 0..MAX_RANGES {
            let (logs, from) = search.newest(0..=to).await?;
            let mut candidates: Vec<_> = (logs.iter().rev())
                .filter_map(|log| Some((log.transaction_hash?, log.block_number?)))
                .collect();
            candidates.dedup();
            candidates.truncate(left);
            left -= candidates.len();
            let found = self.first_of(&trace, candidates).await?;
            if found.is_some() {
                return Ok(found);
            }
            if from == 0 || self.time_of(from).await? < entry.created_at - SLACK {
                return Ok(None);
            }
            if left == 0 {
                break;
            }
            to = from - 1;
        }
        tracing::warn!(relay = %entry.relay.id, "not all of the chain since it began could be searched for it");
        Ok(None)
    }

    /// The first of these transactions that made the call.
    async fn first_of(
        &self,
        trace: &Trace,
        candidates: Vec<(B256, u64)>,
    ) -> Result<Option<(B256, u64)>> {
        let looked_at = futures::stream::iter(candidates)
            .map(|(hash, block)| async move {
                let question = self.provider.get_transaction_by_hash(hash);
                let found = within(question).await?.filter(|found| {
                    let (sender, nonce) = (TransactionResponse::from(found), found.nonce());
                    trace.is_of(sender, nonce, found.input())
                });
                Ok::<_, Error>(found.map(|_| (hash, block)))
            })
            .buffered(AT_A_TIME);
        let mut looked_at = std::pin::pin!(looked_at);
        while let Some(found) = looked_at.try_next().await? {
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn time_of(&self, block: u64) -> Result<i64> {
        let number = BlockNumberOrTag::Number(block);
        let question = self.provider.get_block_by_number(number);
        let found = within(question.into_future()).await?;
        found
            .and_then(|found| i64::try_from(found.header.timestamp).ok())
            .ok_or_else(|| unavailable(format!("the node does not know block {block}")))
    }
}

#[cfg(test)]
mod tests {
    use paystream_contracts::EarningsSplitter::{Authorization, Permit, RecordView};
    use paystream_contracts::StreamRegistry::{RegisterContent, Terms};

    use super::*;

    const ACCOUNT: Address = Address::repeat_byte(6);
    const VIEWER: Address = Address::repeat_byte(2);
    const CONTENT: B256 = B256::repeat_byte(1);

    fn trace(data: Vec<u8>) -> Trace {
        Trace::of(&data.into(), ACCOUNT, 7).unwrap()
    }

    /// Whether anybody's transaction with this input makes it.
    fn is_in(trace: &Trace, input: &[u8]) -> bool {
        trace.is_of(Address::repeat_byte(9), 0, input)
    }

    fn by_signature(nonce: u64, signature: u8) -> Vec<u8> {
        let action = RecordView {
            viewer: VIEWER,
            contentId: CONTENT,
            provider: ACCOUNT,
            token: Address::repeat_byte(7),
            maxPrice: U256::from(5),
            nonce: U256::from(nonce),
            deadline: U256::MAX,
        };
        recordViewBySigCall {
            action,
            signature: vec![signature; 65].into(),
            permit: Permit {
                value: U256::ZERO,
                deadline: U256::ZERO,
                v: 0,
                r: B256::ZERO,
                s: B256::ZERO,
            },
        }
        .abi_encode()
    }

    #[test]
    fn a_copy_is_known_also_with_another_signature_and_within_another_call() {
        let ours = trace(by_signature(3, 1));
        assert_eq!(ours.event, ViewRecorded::SIGNATURE_HASH);
        assert_eq!(ours.topics, view(CONTENT, ACCOUNT, VIEWER));
        let copy = by_signature(3, 2);
        assert!(is_in(&ours, &copy));
        assert!(is_in(&ours, &[&[9, 9, 9][..], &copy, &[0; 40]].concat()));
        assert!(!is_in(&ours, &by_signature(4, 1)));
        assert!(!is_in(&ours, &[]));
    }

    #[test]
    fn another_salt_is_another_payment() {
        let call = |salt| {
            recordViewWithAuthorizationCall {
                contentId: CONTENT,
                provider: ACCOUNT,
                viewer: VIEWER,
                price: U256::from(5),
                salt: B256::repeat_byte(salt),
                authorization: Authorization {
                    validAfter: U256::ZERO,
                    validBefore: U256::MAX,
                    v: 27,
                    r: B256::ZERO,
                    s: B256::ZERO,
                },
            }
            .abi_encode()
        };
        assert!(is_in(&trace(call(1)), &call(1)));
        assert!(!is_in(&trace(call(1)), &call(2)));
    }

    #[test]
    fn a_registration_is_known_by_all_of_its_strings() {
        let call = |name: &str, signature| {
            let action = RegisterContent {
                creator: VIEWER,
                cid: "bafkrei".to_owned(),
                name: name.to_owned(),
                metadataURI: String::new(),
                terms: Terms {
                    token: Address::ZERO,
                    payout: VIEWER,
                    creatorShareBps: 9000,
                    pricePerView: alloy::primitives::aliases::U96::from(1),
                    pricePerSecond: alloy::primitives::aliases::U96::ZERO,
                    msatPerSecond: 0,
                },
                nonce: U256::ZERO,
                deadline: U256::MAX,
            };
            let signature = vec![signature; 65].into();
            registerContentBySigCall { action, signature }.abi_encode()
        };
        let ours = trace(call("A film", 1));
        let id = content_id(VIEWER, "bafkrei");
        assert_eq!(ours.topics, [id, VIEWER.into_word()]);
        assert!(is_in(&ours, &call("A film", 2)));
        assert!(!is_in(&ours, &call("B film", 1)));
    }

    #[test]
    fn our_own_streams_are_known_from_when_they_were_asked_for_and_other_calls_are_not() {
        let call = registerStreamCall {
            contentId: CONTENT,
            url: "https://streamer.example".to_owned(),
        };
        let ours = trace(call.abi_encode());
        assert_eq!(ours.topics, [CONTENT, ACCOUNT.into_word()]);
        let call = call.abi_encode();
        assert!(ours.is_of(ACCOUNT, 7, &call));
        assert!(!ours.is_of(ACCOUNT, 6, &call), "an older registration");
        assert!(!ours.is_of(VIEWER, 8, &call));
        let withdrawn = deregisterStreamCall { contentId: CONTENT };
        assert!(!ours.is_of(ACCOUNT, 7, &withdrawn.abi_encode()));
        for data in [Bytes::from_static(&[1, 2, 3, 4]), Bytes::new()] {
            assert_eq!(Trace::of(&data, ACCOUNT, 7), None);
        }
    }
}
