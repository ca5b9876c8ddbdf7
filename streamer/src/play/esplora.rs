//! The viewer's view of Bitcoin, by Esplora's REST interface (docs/protocol.md, section 9).

use std::collections::HashMap;

use anyhow::{Context, bail};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, Amount, FeeRate, OutPoint, Transaction, Txid};
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::provider::{TIMEOUT, bounded, joined, web_address};

/// The largest answer: some thousand coins.
const MAX_ANSWER: usize = 1 << 20;
/// Where the server has no estimate, and between which bounds it is believed.
const USUAL_RATE: f64 = 2.0;
const RATES: std::ops::RangeInclusive<f64> = 1.0..=200.0;

/// An Esplora server.
#[derive(Clone)]
pub(super) struct Esplora {
    http: reqwest::Client,
    pub url: Url,
}

/// An output that nobody has spent.
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub outpoint: OutPoint,
    pub value: Amount,
    pub confirmed: bool,
}

#[derive(Deserialize)]
struct Status {
    confirmed: bool,
}

impl Esplora {
    pub fn new(http: reqwest::Client, url: &Url) -> anyhow::Result<Self> {
        Ok(Self {
            http,
            url: web_address(url)?,
        })
    }

    /// The height of the best block.
    pub async fn tip(&self) -> anyhow::Result<u32> {
        let text = self.get("blocks/tip/height").await?;
        text.trim().parse().with_context(|| self.nonsense())
    }

    /// What an address holds.
    pub async fn coins(&self, address: &Address) -> anyhow::Result<Vec<Coin>> {
        #[derive(Deserialize)]
        struct Unspent {
            txid: Txid,
            vout: u32,
            value: u64,
            status: Status,
        }
        let text = self.get(&format!("address/{address}/utxo")).await?;
        let list: Vec<Unspent> = serde_json::from_str(&text).with_context(|| self.nonsense())?;
        let sum = list
            .iter()
            .try_fold(0u64, |sum, coin| sum.checked_add(coin.value));
        if sum.is_none_or(|sum| sum > Amount::MAX_MONEY.to_sat()) {
            bail!(self.nonsense());
        }
        let coins = list.into_iter().map(|unspent| Coin {
            outpoint: OutPoint::new(unspent.txid, unspent.vout),
            value: Amount::from_sat(unspent.value),
            confirmed: unspent.status.confirmed,
        });
        Ok(coins.collect())
    }

    /// Whether it has ever seen a transaction.
    pub async fn knows(&self, txid: Txid) -> anyhow::Result<bool> {
        let request = self.http.get(joined(&self.url, &format!("tx/{txid}")));
        match self.fetch(request).await? {
            (StatusCode::NOT_FOUND, _) => Ok(false),
            answer => self.good(answer).map(|_| true),
        }
    }

    /// The transaction that spends an output, and whether it is in a block.
    pub async fn spender(&self, output: OutPoint) -> anyhow::Result<Option<(Txid, bool)>> {
        #[derive(Deserialize)]
        struct Spent {
            spent: bool,
            txid: Option<Txid>,
            status: Option<Status>,
        }
        let path = format!("tx/{}/outspend/{}", output.txid, output.vout);
        let text = self.get(&path).await?;
        let spent: Spent = serde_json::from_str(&text).with_context(|| self.nonsense())?;
        let confirmed = spent.status.is_some_and(|status| status.confirmed);
        Ok(spent
            .txid
            .filter(|_| spent.spent)
            .map(|txid| (txid, confirmed)))
    }

    /// What it costs to be in one of the next six blocks.
    pub async fn rate(&self) -> anyhow::Result<FeeRate> {
        let text = self.get("fee-estimates").await?;
        let rates: HashMap<String, f64> =
            serde_json::from_str(&text).with_context(|| self.nonsense())?;
        let rate = rates.get("6").copied().filter(|rate| rate.is_finite());
        let rate = rate
            .unwrap_or(USUAL_RATE)
            .clamp(*RATES.start(), *RATES.end());
        // Between 1 and 200, and whole.
        let rate = rate.ceil() as u64;
        FeeRate::from_sat_per_vb(rate).context("a feerate out of range")
    }

    /// Sends a transaction.
    pub async fn broadcast(&self, transaction: &Transaction) -> anyhow::Result<()> {
        let request = self.http.post(joined(&self.url, "tx"));
        let request = request.body(serialize_hex(transaction));
        self.answer(request.header("content-type", "text/plain"))
            .await
            .map(drop)
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        self.answer(self.http.get(joined(&self.url, path))).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
        self.good(self.fetch(request).await?)
    }

    async fn fetch(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<(StatusCode, String)> {
        let server = || format!("the chain server {} does not answer", self.url);
        let response = request.timeout(TIMEOUT).send().await.with_context(server)?;
        let status = response.status();
        let body = bounded(response, MAX_ANSWER).await.with_context(server)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    fn good(&self, (status, text): (StatusCode, String)) -> anyhow::Result<String> {
        if !status.is_success() {
            let why: String = text.chars().take(300).collect();
            bail!("the chain server {} answered {status}: {why}", self.url);
        }
        Ok(text)
    }

    fn nonsense(&self) -> String {
        format!(
            "the chain server {} answered something else than Esplora does",
            self.url
        )
    }
}
