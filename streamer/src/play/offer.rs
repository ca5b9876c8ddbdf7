//! What is asked for, what the provider asks for it (docs/protocol.md, section 2), and whether that is what the creator registered.

use std::collections::HashMap;
use std::str::FromStr;

use alloy::primitives::{Address, B256};
use alloy::providers::{Provider as _, ProviderBuilder};
use anyhow::{Context, bail, ensure};
use bitcoin::{Amount, ScriptBuf};
use cid::Cid;
use paystream_channel::{ChannelTerms, Network};
use paystream_contracts::{StreamRegistry, content_id};
use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::provider::TIMEOUT;

/// What the person wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A content of the registry.
    Content(B256),
    /// A file on IPFS.
    Cid(Cid),
}

impl FromStr for Wanted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "neither a content id (0x and 64 hex digits) nor a CID";
        if text.starts_with("0x") {
            return text.parse().map(Self::Content).map_err(|_| wrong);
        }
        text.parse().map(Self::Cid).map_err(|_| wrong)
    }
}

/// An offer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Offer {
    protocol: u32,
    pub content_id: B256,
    pub live: bool,
    pub stored: Option<StoredOffer>,
    rails: Rails,
}

/// The video behind it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StoredOffer {
    cid: String,
    pub size: u64,
    pub duration_ms: u64,
    pub free: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Rails {
    bitcoin: Option<Rail>,
    #[serde(default)]
    unavailable: HashMap<String, String>,
}

/// The Bitcoin rail's terms.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rail {
    pub network: Network,
    #[serde(deserialize_with = "decimal")]
    pub msat_per_second: u64,
    creator_share_bps: u16,
    creator_script: ScriptBuf,
    provider_script: ScriptBuf,
    #[serde(deserialize_with = "decimal")]
    fee_sat: u64,
    #[serde(deserialize_with = "decimal")]
    min_capacity_sat: u64,
}

/// A number that travels as a decimal string.
pub(super) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

impl StoredOffer {
    pub fn cid(&self) -> anyhow::Result<Cid> {
        self.cid.parse().context("the offer's CID is none")
    }
}

impl Offer {
    /// Whether it is for what was asked.
    ///
    /// # Errors
    /// When it is for something else.
    pub fn answers(&self, wanted: &Wanted) -> anyhow::Result<()> {
        ensure!(
            self.protocol == 1,
            "the provider speaks version {} of the protocol, and this is version 1",
            self.protocol
        );
        let same = match wanted {
            Wanted::Content(id) => self.content_id == *id,
            Wanted::Cid(cid) => match &self.stored {
                Some(stored) => stored.cid()? == *cid,
                None => false,
            },
        };
        ensure!(same, "the provider answered for another content");
        Ok(())
    }

    /// The Bitcoin rail.
    ///
    /// # Errors
    /// Why there is none.
    pub fn rail(&self) -> anyhow::Result<&Rail> {
        let why = self.rails.unavailable.get("bitcoin").map(String::as_str);
        self.rails.bitcoin.as_ref().with_context(|| {
            let why = why.unwrap_or("no reason was given");
            format!("the provider does not take Bitcoin for this content: {why}")
        })
    }
}

impl Rail {
    /// The least capacity that pays a price, and the most that is sensible: with so many per cent to spare.
    ///
    /// # Errors
    /// When the amounts are out of range.
    pub fn capacities(&self, price: Amount, spare: u64) -> anyhow::Result<(Amount, Amount)> {
        let range = "the offer's amounts are out of range";
        let fee = Amount::from_sat(self.fee_sat);
        let least_for = |price: Amount| {
            price
                .checked_add(fee)?
                // The longest script that change may go to.
                .checked_add(Amount::from_sat(330))
                .filter(|sum| *sum <= Amount::MAX_MONEY)
                .map(|sum| sum.max(Amount::from_sat(self.min_capacity_sat)))
        };
        ensure!(
            self.min_capacity_sat <= Amount::MAX_MONEY.to_sat(),
            "{range}"
        );
        let more = price.checked_mul(100 + spare).context(range)? / 100;
        Ok((
            least_for(price).context(range)?,
            least_for(more).context(range)?,
        ))
    }

    /// Whether terms are those of this offer.
    pub fn gives(&self, terms: &ChannelTerms) -> bool {
        terms.network == self.network
            && terms.fee == Amount::from_sat(self.fee_sat)
            && terms.msat_per_second == self.msat_per_second
            && terms.creator_share_bps == self.creator_share_bps
            && terms.creator_script == self.creator_script
            && terms.provider_script == self.provider_script
    }
}

/// Compares an offer with the registry.
///
/// # Errors
/// What differs; when the node does not answer.
pub(super) async fn compare(
    offer: &Offer,
    rail: &Rail,
    rpc: &Url,
    registry: Address,
) -> anyhow::Result<()> {
    let node = ProviderBuilder::new().connect_http(rpc.clone()).erased();
    let registry = StreamRegistry::new(registry, node);
    let asked = async {
        let found = registry.termsOf(offer.content_id).call().await?;
        let payout = registry.bitcoinPayoutOf(found.creator).call().await?;
        anyhow::Ok((found, ScriptBuf::from_bytes(payout.to_vec())))
    };
    let (found, payout) = tokio::time::timeout(TIMEOUT, asked)
        .await
        .context("the Ethereum node does not answer")?
        .context("the registry does not have that content, or the Ethereum node fails")?;
    ensure!(found.active, "the creator has withdrawn that content");
    let differs = |what| format!("the offer has another {what} than the creator registered");
    if let Some(stored) = &offer.stored {
        let id = content_id(found.creator, &stored.cid);
        ensure!(id == offer.content_id, differs("CID"));
    }
    ensure!(
        rail.msat_per_second == found.terms.msatPerSecond,
        differs("price")
    );
    if rail.creator_share_bps == 0 && found.terms.creatorShareBps != 0 {
        // One payee: the creator streams it himself, to the same output.
        ensure!(payout == rail.provider_script, differs("share"));
        return Ok(());
    }
    if rail.creator_share_bps != found.terms.creatorShareBps {
        bail!(differs("share"));
    }
    let pays = rail.creator_share_bps == 0 || rail.creator_script == payout;
    ensure!(pays, differs("payout"));
    Ok(())
}
