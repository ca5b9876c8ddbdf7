//! A channel as it is shown to the viewer (docs/protocol.md, section 3.1).

use paystream_channel::{ChannelId, ChannelState, ChannelTerms};
use serde::Serialize;
use utoipa::ToSchema;

use super::record::{Record, Stage};

/// One funding output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FundingView {
    /// The transaction.
    pub txid: String,
    /// The output's index.
    pub vout: u32,
    /// Its value.
    pub value_sat: String,
}

/// A channel, for its viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelView {
    /// The tagged hash of the terms.
    #[schema(value_type = String)]
    pub channel_id: ChannelId,
    /// `awaiting_funding`, `unconfirmed`, `open`, `closing`, `closed` or `lost`.
    #[schema(value_type = String)]
    pub state: ChannelState,
    /// What was agreed.
    #[schema(value_type = Object)]
    pub terms: ChannelTerms,
    /// Where to pay.
    pub address: String,
    /// The funding outputs that the provider's node sees.
    pub funding: Vec<FundingView>,
    /// What they add up to.
    pub capacity_sat: String,
    /// Blocks that confirm them.
    pub confirmations: u32,
    /// The last accepted payment's.
    pub sequence: u32,
    /// The last accepted payment's.
    pub paid_sat: String,
    /// The closing transaction, once there is one.
    pub closing_txid: Option<String>,
}

impl ChannelView {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &Record, min_confirmations: u32) -> Self {
        let outputs = record
            .stage
            .funding()
            .map(|funding| funding.outputs())
            .unwrap_or_default();
        let confirmations = match &record.stage {
            Stage::Funded { confirmations, .. } => *confirmations,
            Stage::AwaitingFunding
            | Stage::Ended { .. }
            | Stage::Closing { .. }
            | Stage::Closed { .. }
            | Stage::Lost { .. } => 0,
        };
        Self {
            channel_id: record.id,
            state: record.state(min_confirmations),
            terms: record.terms.clone(),
            address: record.terms.address().to_string(),
            funding: outputs
                .iter()
                .map(|output| FundingView {
                    txid: output.txid.to_string(),
                    vout: output.vout,
                    value_sat: output.value.to_sat().to_string(),
                })
                .collect(),
            capacity_sat: record
                .stage
                .funding()
                .map_or(0, |funding| funding.capacity().to_sat())
                .to_string(),
            confirmations,
            sequence: record
                .payment
                .as_ref()
                .map_or(0, |payment| payment.sequence),
            paid_sat: record.paid_sat().to_string(),
            closing_txid: record
                .stage
                .transaction()
                .map(|transaction| transaction.compute_txid().to_string()),
        }
    }
}
