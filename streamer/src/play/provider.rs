//! The provider's HTTP interface, as a viewer asks it.

use std::time::Duration;

use alloy::primitives::B256;
use anyhow::{Context, ensure};
use bitcoin::OutPoint;
use bytes::{Bytes, BytesMut};
use cid::Cid;
use paystream_channel::{ChannelId, ChannelState, ChannelTerms};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::offer::{Offer, Wanted, decimal};
use super::stop::Stop;

/// How long a short answer may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);
/// The largest short answer.
const MAX_ANSWER: usize = 64 * 1024;

/// A provider.
#[derive(Clone)]
pub(super) struct Provider {
    pub http: reqwest::Client,
    base: Url,
}

/// A refusal by the protocol's rules.
#[derive(Debug, thiserror::Error)]
#[error("the provider refused ({status} {code}): {detail}")]
pub(super) struct Refused {
    pub status: StatusCode,
    pub code: String,
    detail: String,
    offer: Option<Offer>,
}

impl Refused {
    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        self.status.as_u16() == 429
            || self.status.as_u16() == 503
            || self.code == "payment_required"
    }
}

/// A channel as the provider shows it.
#[derive(Debug, Deserialize)]
pub(super) struct ChannelView {
    pub channel_id: ChannelId,
    pub state: ChannelState,
    pub terms: ChannelTerms,
    pub address: String,
    pub confirmations: u32,
    #[serde(deserialize_with = "decimal")]
    pub paid_sat: u64,
    pub closing_txid: Option<String>,
}

/// What all requests go through. The session's socket is an upgrade, which HTTP/2 does not have.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10));
    Ok(builder.http1_only().build()?)
}

/// An address without query and fragment.
pub(super) fn web_address(url: &Url) -> anyhow::Result<Url> {
    ensure!(
        matches!(url.scheme(), "http" | "https"),
        "{url}: an address begins with http:// or https://"
    );
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

pub(super) fn joined(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// A body that is not larger than it may be.
pub(super) async fn bounded(mut response: reqwest::Response, most: usize) -> anyhow::Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(part) = response.chunk().await? {
        ensure!(body.len() + part.len() <= most, "the answer is too large");
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

impl Provider {
    pub fn new(http: reqwest::Client, url: &Url) -> anyhow::Result<Self> {
        Ok(Self {
            http,
            base: web_address(url)?,
        })
    }

    /// An address under the provider's.
    pub fn url(&self, path: &str) -> Url {
        joined(&self.base, path)
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The offer for what is wanted; `None` when it is a CID that everybody may read.
    pub async fn find(&self, wanted: &Wanted) -> anyhow::Result<Option<Offer>> {
        let cid = match wanted {
            Wanted::Content(id) => {
                let request = self.http.get(self.url(&format!("v1/contents/{id}/offer")));
                return self.answer(request).await.map(Some);
            }
            Wanted::Cid(cid) => cid,
        };
        match self.blocks(cid, "format=raw", None).await {
            Ok(_) => Ok(None),
            Err(error) => match error.downcast::<Refused>()? {
                Refused {
                    offer: Some(offer), ..
                } => Ok(Some(offer)),
                refused => Err(refused.into()),
            },
        }
    }

    /// Opens a channel.
    pub async fn open(
        &self,
        content_id: B256,
        viewer_key: &str,
        change_script: &str,
    ) -> anyhow::Result<ChannelView> {
        let body = json!({"content_id": content_id, "viewer_key": viewer_key, "change_script": change_script});
        let request = self.http.post(self.url("v1/channels")).json(&body);
        self.answer(request).await
    }

    /// Says where the funding is.
    pub async fn hint(&self, id: ChannelId, output: OutPoint) -> anyhow::Result<ChannelView> {
        let url = self.url(&format!("v1/channels/{id}/funding"));
        let body = json!({"txid": output.txid, "vout": output.vout});
        self.answer(self.http.post(url).json(&body)).await
    }

    /// How a channel stands.
    pub async fn show(&self, id: ChannelId) -> anyhow::Result<ChannelView> {
        self.answer(self.http.get(self.url(&format!("v1/channels/{id}"))))
            .await
    }

    /// Asks for blocks. The answer may come slowly, as it is paid for.
    pub async fn blocks(
        &self,
        cid: &Cid,
        query: &str,
        token: Option<&str>,
    ) -> anyhow::Result<reqwest::Response> {
        let mut url = self.url(&format!("ipfs/{cid}"));
        url.set_query(Some(query));
        let mut request = self.http.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = tokio::time::timeout(TIMEOUT, request.send()).await;
        let response = response.ok().context("the provider does not answer")?;
        accepted(response.context("the provider does not answer")?).await
    }

    /// Posts an SDP offer; gives the answer.
    pub async fn whep(&self, content: &str, token: &str, offer: String) -> Result<String, Stop> {
        let request = self.http.post(self.url(&format!("whep/{content}")));
        let request = request
            .bearer_auth(token)
            .header("content-type", "application/sdp")
            .body(offer)
            .timeout(TIMEOUT);
        let response = request.send().await.context("the provider does not answer");
        let body = async { bounded(accepted(response?).await?, MAX_ANSWER).await };
        let body = body.await.map_err(why_not)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let response = request.timeout(TIMEOUT).send().await;
        let response = accepted(response.context("the provider does not answer")?).await?;
        let body = bounded(response, MAX_ANSWER).await?;
        serde_json::from_slice(&body).context("the provider's answer cannot be used")
    }
}

async fn accepted(response: reqwest::Response) -> anyhow::Result<reqwest::Response> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        code: String,
        detail: String,
        offer: Option<Offer>,
    }
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = tokio::time::timeout(TIMEOUT, bounded(response, MAX_ANSWER)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    Err(Refused {
        status,
        code: problem.code,
        detail: problem.detail,
        offer: problem.offer,
    }
    .into())
}

/// Whether a request that failed may be repeated.
pub(super) fn why_not(error: anyhow::Error) -> Stop {
    match error.downcast_ref::<Refused>() {
        Some(refused) if refused.may_pass() => Stop::Broken(refused.to_string()),
        Some(refused) if refused.code == "content_damaged" => {
            Stop::Final(error.context("the next block is damaged at the provider"))
        }
        Some(_) => Stop::Final(error),
        None => Stop::Broken(format!("{error:#}")),
    }
}
