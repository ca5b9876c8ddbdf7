//! Logs of the two contracts, decoded. Pure.
//!
//! A log that this version does not know is kept as it is and means nothing; strings that are no UTF-8 are read lossily,
//! since the contracts take any bytes.

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolEventInterface;
use paystream_contracts::Deployment;
use paystream_contracts::EarningsSplitter::{self, EarningsSplitterEvents};
use paystream_contracts::StreamRegistry::{self, StreamRegistryEvents};

/// A log, as a node gave it, in a block that is on our chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLog {
    /// The number of its block.
    pub block_number: u64,
    /// Its place within the block.
    pub log_index: u64,
    /// The transaction.
    pub transaction_hash: B256,
    /// The contract.
    pub address: Address,
    /// The event's kind and its indexed values.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
}

/// What the contracts say.
#[derive(Debug, Clone)]
#[allow(
    missing_docs,
    reason = "the events are documented in the contracts' interfaces"
)]
pub enum Event {
    ContentRegistered(StreamRegistry::ContentRegistered),
    TermsUpdated(StreamRegistry::TermsUpdated),
    ContentDeregistered(StreamRegistry::ContentDeregistered),
    StreamRegistered(StreamRegistry::StreamRegistered),
    StreamDeregistered(StreamRegistry::StreamDeregistered),
    BitcoinPayoutSet(StreamRegistry::BitcoinPayoutSet),
    ViewRecorded(EarningsSplitter::ViewRecorded),
    EarningsCredited(EarningsSplitter::EarningsCredited),
    EarningsClaimed(EarningsSplitter::EarningsClaimed),
}

/// Decodes a log; nothing when it is not one of the deployment's events.
#[must_use]
pub fn decode(log: &RawLog, deployment: &Deployment) -> Option<Event> {
    if log.address == deployment.registry {
        let event = StreamRegistryEvents::decode_raw_log(&log.topics, &log.data).ok()?;
        Some(match event {
            StreamRegistryEvents::ContentRegistered(event) => Event::ContentRegistered(event),
            StreamRegistryEvents::TermsUpdated(event) => Event::TermsUpdated(event),
            StreamRegistryEvents::ContentDeregistered(event) => Event::ContentDeregistered(event),
            StreamRegistryEvents::StreamRegistered(event) => Event::StreamRegistered(event),
            StreamRegistryEvents::StreamDeregistered(event) => Event::StreamDeregistered(event),
            StreamRegistryEvents::BitcoinPayoutSet(event) => Event::BitcoinPayoutSet(event),
        })
    } else if log.address == deployment.splitter {
        match EarningsSplitterEvents::decode_raw_log(&log.topics, &log.data).ok()? {
            EarningsSplitterEvents::ViewRecorded(event) => Some(Event::ViewRecorded(event)),
            EarningsSplitterEvents::EarningsCredited(event) => Some(Event::EarningsCredited(event)),
            EarningsSplitterEvents::EarningsClaimed(event) => Some(Event::EarningsClaimed(event)),
            // Nothing is derived from a channel's own events yet; what it earns is credited by events of its own.
            EarningsSplitterEvents::ChannelOpened(_)
            | EarningsSplitterEvents::ChannelToppedUp(_)
            | EarningsSplitterEvents::ChannelSettled(_)
            | EarningsSplitterEvents::SettlementSkipped(_)
            | EarningsSplitterEvents::ChannelClosed(_)
            | EarningsSplitterEvents::ChannelRefunded(_) => None,
        }
    } else {
        None
    }
}
