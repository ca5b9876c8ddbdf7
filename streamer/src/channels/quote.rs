//! What a channel that is opened now would be agreed on. Pure.

use alloy::primitives::Address;
use bitcoin::{Amount, FeeRate, ScriptBuf};
use paystream_channel::{MIN_CAPACITY_FEES, Network, closing_fee, is_payable_script};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Code, Error, Result, refused};
use crate::ethereum::Content;

/// The terms of a channel, but for the keys and the viewer's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The network.
    pub network: Network,
    /// The price.
    pub msat_per_second: u64,
    /// The creator's share; 0 when there is one payee.
    pub creator_share_bps: u16,
    /// Where the creator is paid; empty when there is one payee.
    pub creator_script: ScriptBuf,
    /// Where the provider is paid.
    pub provider_script: ScriptBuf,
    /// The closing transaction's fee.
    pub fee: Amount,
    /// The height after which the viewer can take everything back.
    pub expiry_height: u32,
}

/// The Bitcoin rail of an offer (docs/protocol.md, section 2).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[allow(missing_docs)]
pub struct BitcoinOffer {
    pub network: &'static str,
    pub msat_per_second: String,
    pub creator_share_bps: u16,
    pub creator_script: String,
    pub provider_script: String,
    pub fee_sat: String,
    pub min_capacity_sat: String,
    pub preview_ms: u64,
    pub min_confirmations: u32,
    pub expiry_height: u32,
}

/// What the provider brings to a quote.
#[derive(Debug, Clone)]
pub struct ProviderSide {
    /// The Bitcoin network.
    pub network: Network,
    /// The provider's account.
    pub account: Address,
    /// Where it is paid.
    pub script: ScriptBuf,
    /// How many blocks a channel lives.
    pub channel_blocks: u32,
}

/// Quotes a channel for a content, at a height and a feerate.
///
/// # Errors
/// `rail_unavailable` when the content has no price in bitcoin, or its creator cannot be paid.
pub fn quote(
    content: &Content,
    provider: &ProviderSide,
    tip: u32,
    feerate_sat_vb: u64,
) -> Result<Quote> {
    let unavailable = |why: &str| Err(refused(Code::RailUnavailable, why));
    if content.msat_per_second == 0 {
        return unavailable("the content has no price in bitcoin");
    }
    let one_payee = content.creator_share_bps == 0
        || content.creator == provider.account
        || content.creator_script == provider.script;
    let (share, creator_script) = if one_payee {
        (0, ScriptBuf::new())
    } else {
        (content.creator_share_bps, content.creator_script.clone())
    };
    if !one_payee && creator_script.is_empty() {
        return unavailable("the content's creator has not registered where to be paid in bitcoin");
    }
    if !one_payee && !is_payable_script(&creator_script) {
        return unavailable(
            "where the content's creator is to be paid in bitcoin is not a standard script",
        );
    }
    let expiry_height = tip.saturating_add(provider.channel_blocks);
    let overflow = || Error::Internal("the feerate is beyond all money".to_owned());
    let rate = FeeRate::from_sat_per_vb(feerate_sat_vb).ok_or_else(overflow)?;
    let fee = closing_fee(expiry_height, &creator_script, &provider.script, rate)
        .map_err(|_| overflow())?;
    Ok(Quote {
        network: provider.network,
        msat_per_second: content.msat_per_second,
        creator_share_bps: share,
        creator_script,
        provider_script: provider.script.clone(),
        fee,
        expiry_height,
    })
}

impl Quote {
    /// The quote as it stands in an offer.
    #[must_use]
    pub fn offer(&self, preview_ms: u64, min_confirmations: u32) -> BitcoinOffer {
        BitcoinOffer {
            network: self.network.as_str(),
            msat_per_second: self.msat_per_second.to_string(),
            creator_share_bps: self.creator_share_bps,
            creator_script: self.creator_script.to_hex_string(),
            provider_script: self.provider_script.to_hex_string(),
            fee_sat: self.fee.to_sat().to_string(),
            min_capacity_sat: self
                .fee
                .to_sat()
                .saturating_mul(MIN_CAPACITY_FEES)
                .to_string(),
            preview_ms,
            min_confirmations,
            expiry_height: self.expiry_height,
        }
    }
}
