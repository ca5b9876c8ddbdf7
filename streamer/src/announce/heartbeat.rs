//! Heartbeats: signed messages to an indexer that a stream is alive (docs/protocol.md, section 10).

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use futures::StreamExt;
use jiff::Timestamp;
use paystream_contracts::{Heartbeat, heartbeat_signing_hash};
use serde::Serialize;
use url::Url;

use crate::error::{Error, Result, unanswered};
use crate::ethereum::Ethereum;

/// How long a heartbeat may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Heartbeats that wait for the indexer together.
const AT_A_TIME: usize = 8;

/// A heartbeat on the wire.
#[derive(Debug, Serialize)]
struct SignedHeartbeat {
    content_id: B256,
    provider: Address,
    url: String,
    viewers: u32,
    at: u64,
    signature: String,
}

/// What is served now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serving {
    /// The content.
    pub content: B256,
    /// Who watches it.
    pub viewers: usize,
}

/// Signs heartbeats and sends them.
pub(super) struct Heartbeats {
    ethereum: Arc<Ethereum>,
    url: String,
    endpoint: Url,
    client: reqwest::Client,
    last_at: u64,
}

impl Heartbeats {
    /// Heartbeats to an indexer, of streams that are served under `url`.
    ///
    /// # Errors
    /// When the indexer's URL cannot be used.
    pub fn new(indexer: &Url, url: &str, ethereum: Arc<Ethereum>) -> Result<Self> {
        let endpoint = format!("{}/v1/heartbeats", indexer.as_str().trim_end_matches('/'));
        Ok(Self {
            ethereum,
            url: url.to_owned(),
            endpoint: Url::parse(&endpoint).map_err(|error| Error::Config(error.to_string()))?,
            client: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .build()
                .map_err(|error| Error::Config(error.to_string()))?,
            last_at: 0,
        })
    }

    /// Sends one for each content that is served. What the indexer does not take is let go: the next one says the same.
    pub async fn send(&mut self, serving: &[Serving]) {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        self.last_at = now.max(self.last_at);
        let this = &*self;
        futures::stream::iter(serving)
            .for_each_concurrent(AT_A_TIME, |stream| async move {
                if let Err(error) = this.send_one(stream).await {
                    tracing::debug!(content = %stream.content, %error, "the indexer did not take a heartbeat");
                }
            })
            .await;
    }

    async fn send_one(&self, stream: &Serving) -> Result<()> {
        let heartbeat = Heartbeat {
            contentId: stream.content,
            provider: self.ethereum.account(),
            url: self.url.clone(),
            viewers: u32::try_from(stream.viewers).unwrap_or(u32::MAX),
            at: self.last_at,
        };
        let deployment = self.ethereum.deployment();
        let hash = heartbeat_signing_hash(&heartbeat, deployment.chain_id, deployment.registry);
        let signature = self
            .ethereum
            .signer()
            .sign_hash_sync(&hash)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let body = SignedHeartbeat {
            content_id: heartbeat.contentId,
            provider: heartbeat.provider,
            url: heartbeat.url,
            viewers: heartbeat.viewers,
            at: heartbeat.at,
            signature: format!("0x{}", hex::encode(signature.as_bytes())),
        };
        let unavailable = |detail: String| unanswered("indexer", &detail);
        let answer = self.client.post(self.endpoint.clone()).json(&body).send();
        let answer = answer
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(unavailable(format!("it answered {}", answer.status())));
        }
        Ok(())
    }
}
