//! From events to rows. Pure, and one way: what a row says depends on its event alone, so that a row can be taken back
//! by itself.

use alloy::primitives::{Address, B256, Bytes, U256};
use paystream_contracts::StreamRegistry;

use crate::event::Event;

/// A row to be added, at its log's place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub enum Change {
    Registration {
        content_id: B256,
        creator: Address,
        cid: String,
        name: String,
        metadata_uri: String,
    },
    Terms {
        content_id: B256,
        token: Address,
        payout: Address,
        creator_share_bps: u16,
        price_per_view: U256,
        price_per_second: U256,
        msat_per_second: u64,
    },
    Content {
        content_id: B256,
        active: bool,
    },
    Stream {
        content_id: B256,
        provider: Address,
        url: Option<String>,
    },
    BitcoinPayout {
        creator: Address,
        script: Bytes,
    },
    View {
        content_id: B256,
        provider: Address,
        viewer: Address,
        token: Address,
        price: U256,
        creator_amount: U256,
        provider_amount: U256,
        payout: Address,
    },
    Credit {
        token: Address,
        account: Address,
        content_id: B256,
        amount: U256,
    },
    Claim {
        token: Address,
        account: Address,
        recipient: Address,
        amount: U256,
    },
}

/// The rows that an event adds.
#[must_use]
pub fn project(event: Event) -> Vec<Change> {
    match event {
        Event::ContentRegistered(event) => vec![
            Change::Registration {
                content_id: event.contentId,
                creator: event.creator,
                cid: text(event.cid),
                name: text(event.name),
                metadata_uri: text(event.metadataURI),
            },
            terms(event.contentId, &event.terms),
            Change::Content {
                content_id: event.contentId,
                active: true,
            },
        ],
        Event::TermsUpdated(event) => vec![
            terms(event.contentId, &event.terms),
            Change::Content {
                content_id: event.contentId,
                active: true,
            },
        ],
        Event::ContentDeregistered(event) => vec![Change::Content {
            content_id: event.contentId,
            active: false,
        }],
        Event::StreamRegistered(event) => vec![Change::Stream {
            content_id: event.contentId,
            provider: event.provider,
            url: Some(text(event.url)),
        }],
        Event::StreamDeregistered(event) => vec![Change::Stream {
            content_id: event.contentId,
            provider: event.provider,
            url: None,
        }],
        Event::BitcoinPayoutSet(event) => vec![Change::BitcoinPayout {
            creator: event.creator,
            script: event.scriptPubKey,
        }],
        Event::ViewRecorded(event) => vec![Change::View {
            content_id: event.contentId,
            provider: event.provider,
            viewer: event.viewer,
            token: event.token,
            price: event.price,
            creator_amount: event.creatorAmount,
            provider_amount: event.providerAmount,
            payout: event.payout,
        }],
        Event::EarningsCredited(event) => vec![Change::Credit {
            token: event.token,
            account: event.account,
            content_id: event.contentId,
            amount: event.amount,
        }],
        Event::EarningsClaimed(event) => vec![Change::Claim {
            token: event.token,
            account: event.account,
            recipient: event.to,
            amount: event.amount,
        }],
    }
}

fn terms(content_id: B256, terms: &StreamRegistry::Terms) -> Change {
    Change::Terms {
        content_id,
        token: terms.token,
        payout: terms.payout,
        creator_share_bps: terms.creatorShareBps,
        price_per_view: U256::from(terms.pricePerView),
        price_per_second: U256::from(terms.pricePerSecond),
        msat_per_second: terms.msatPerSecond,
    }
}

/// PostgreSQL's text holds every character but NUL.
fn text(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{address, b256};
    use alloy::sol_types::SolEvent;
    use paystream_contracts::Deployment;

    use super::*;
    use crate::event::{RawLog, decode};

    const DEPLOYMENT: Deployment = Deployment {
        chain_id: 31337,
        registry: address!("0x5fbdb2315678afecb367f032d93f642f64180aa3"),
        splitter: address!("0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"),
        split_factory: address!("0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0"),
        block: 1,
    };
    const CONTENT: B256 =
        b256!("0x1111111111111111111111111111111111111111111111111111111111111111");
    const PROVIDER: Address = address!("0x70997970c51812dc3a010c7d01b50e0d17dc79c8");

    fn log(address: Address, event: &impl SolEvent) -> RawLog {
        let data = event.encode_log_data();
        RawLog {
            block_number: 7,
            log_index: 0,
            transaction_hash: B256::ZERO,
            address,
            topics: data.topics().to_vec(),
            data: data.data,
        }
    }

    fn stream_registered(url: &str) -> StreamRegistry::StreamRegistered {
        StreamRegistry::StreamRegistered {
            contentId: CONTENT,
            provider: PROVIDER,
            url: url.to_owned(),
        }
    }

    fn project_stream(log: &RawLog) -> Vec<Change> {
        project(decode(log, &DEPLOYMENT).unwrap())
    }

    #[test]
    fn a_string_with_nul_is_made_fit_for_the_database() {
        let log = log(DEPLOYMENT.registry, &stream_registered("http://a\0b"));
        assert_eq!(
            project_stream(&log),
            [Change::Stream {
                content_id: CONTENT,
                provider: PROVIDER,
                url: Some("http://a\u{fffd}b".to_owned()),
            }]
        );
    }

    #[test]
    fn a_string_that_is_no_utf_8_is_read_lossily() {
        let mut log = log(DEPLOYMENT.registry, &stream_registered("http://ab"));
        let mut data = log.data.to_vec();
        let position = data.windows(2).position(|pair| pair == b"ab").unwrap();
        data[position] = 0xff;
        log.data = data.into();
        assert_eq!(
            project_stream(&log),
            [Change::Stream {
                content_id: CONTENT,
                provider: PROVIDER,
                url: Some("http://\u{fffd}b".to_owned()),
            }]
        );
    }

    #[test]
    fn an_event_means_something_only_from_its_own_contract() {
        let event = stream_registered("http://ab");
        assert!(decode(&log(DEPLOYMENT.registry, &event), &DEPLOYMENT).is_some());
        assert!(decode(&log(DEPLOYMENT.splitter, &event), &DEPLOYMENT).is_none());
        assert!(decode(&log(PROVIDER, &event), &DEPLOYMENT).is_none());
    }

    #[test]
    fn a_log_that_is_cut_short_or_unknown_means_nothing() {
        let whole = log(DEPLOYMENT.registry, &stream_registered("http://ab"));
        for length in 0..whole.data.len() - 32 {
            let mut short = whole.clone();
            short.data = short.data.slice(..length);
            assert!(decode(&short, &DEPLOYMENT).is_none(), "{length} bytes");
        }
        let mut unknown = whole.clone();
        unknown.topics[0] = B256::ZERO;
        assert!(decode(&unknown, &DEPLOYMENT).is_none());
        let mut bare = whole;
        bare.topics.clear();
        assert!(decode(&bare, &DEPLOYMENT).is_none());
    }

    #[test]
    fn a_registration_makes_the_content_its_terms_and_its_state() {
        let event = StreamRegistry::ContentRegistered {
            contentId: CONTENT,
            creator: PROVIDER,
            cid: "bafy".to_owned(),
            name: "Big Buck Bunny".to_owned(),
            metadataURI: String::new(),
            terms: StreamRegistry::Terms {
                token: Address::ZERO,
                payout: PROVIDER,
                creatorShareBps: 9_000,
                pricePerView: alloy::primitives::Uint::MAX,
                pricePerSecond: alloy::primitives::Uint::ZERO,
                msatPerSecond: u64::MAX,
            },
        };
        let changes = project_stream(&log(DEPLOYMENT.registry, &event));
        let [
            Change::Registration { name, .. },
            Change::Terms {
                price_per_view,
                msat_per_second,
                ..
            },
            Change::Content { active: true, .. },
        ] = changes.as_slice()
        else {
            panic!("{changes:?}");
        };
        assert_eq!(name, "Big Buck Bunny");
        assert_eq!(*price_per_view, (U256::from(1) << 96) - U256::from(1));
        assert_eq!(*msat_per_second, u64::MAX);
    }
}
