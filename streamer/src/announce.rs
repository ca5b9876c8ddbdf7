//! Tells the world which streams are here: their registration on chain, once, and heartbeats to the indexer.
//!
//! Both are for finding streams only. When a node or the indexer is away, streams play on and the next round tries again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use jiff::Timestamp;
use paystream_contracts::{Heartbeat, heartbeat_signing_hash};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::App;
use crate::error::{Error, Result};
use crate::ethereum::Ethereum;
use crate::media::Engine;

/// The pause between two looks for new streams.
const ROUND: Duration = Duration::from_secs(1);
/// How long a heartbeat may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A registration that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(5);

/// A heartbeat on the wire (docs/protocol.md, section 10).
#[derive(Debug, Serialize)]
struct SignedHeartbeat {
    content_id: B256,
    provider: Address,
    url: String,
    viewers: u32,
    at: u64,
    signature: String,
}

/// Registers streams and sends heartbeats.
pub struct Announcer {
    ethereum: Arc<Ethereum>,
    media: Engine,
    url: String,
    endpoint: Option<Url>,
    every: Duration,
    client: reqwest::Client,
    registered: HashSet<B256>,
    last_at: u64,
}

impl Announcer {
    /// An announcer that has told nobody anything yet.
    ///
    /// # Errors
    /// When the indexer's URL cannot be used.
    pub fn new(app: &App) -> Result<Self> {
        let endpoint = match &app.config.indexer_url {
            Some(base) => {
                let text = format!("{}/v1/heartbeats", base.as_str().trim_end_matches('/'));
                Some(Url::parse(&text).map_err(|error| Error::Config(error.to_string()))?)
            }
            None => None,
        };
        Ok(Self {
            ethereum: Arc::clone(&app.ethereum),
            media: app.media.clone(),
            url: app.config.public_base(),
            endpoint,
            every: Duration::from_secs(app.config.heartbeat_seconds),
            client: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .build()
                .map_err(|error| Error::Config(error.to_string()))?,
            registered: HashSet::new(),
            last_at: 0,
        })
    }

    /// Runs until it is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut next_beat = tokio::time::Instant::now();
        let mut next_registration = next_beat;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let live: Vec<_> = self
                .media
                .streams()
                .into_iter()
                .filter(|stream| stream.live)
                .collect();
            let now = tokio::time::Instant::now();
            let mut fresh = false;
            for stream in &live {
                if self.registered.contains(&stream.content) || now < next_registration {
                    continue;
                }
                let registration = self.ethereum.register_stream(stream.content, &self.url);
                let result = tokio::select! {
                    () = stop.cancelled() => return,
                    result = registration => result,
                };
                match result {
                    Ok(()) => {
                        self.registered.insert(stream.content);
                        fresh = true;
                    }
                    Err(error) => {
                        error.log();
                        next_registration = now + RETRY;
                    }
                }
            }
            if fresh || now >= next_beat {
                next_beat = now + self.every;
                for stream in &live {
                    if !self.registered.contains(&stream.content) {
                        continue;
                    }
                    let viewers = u32::try_from(stream.viewers).unwrap_or(u32::MAX);
                    if let Err(error) = self.beat(stream.content, viewers).await {
                        tracing::debug!(content = %stream.content, %error, "the indexer did not take a heartbeat");
                    }
                }
            }
        }
    }

    async fn beat(&mut self, content: B256, viewers: u32) -> Result<()> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        let at = now.max(self.last_at);
        self.last_at = at;
        let heartbeat = Heartbeat {
            contentId: content,
            provider: self.ethereum.account(),
            url: self.url.clone(),
            viewers,
            at,
        };
        let deployment = self.ethereum.deployment();
        let hash = heartbeat_signing_hash(&heartbeat, deployment.chain_id, deployment.registry);
        let signature = self
            .ethereum
            .signer()
            .sign_hash_sync(&hash)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let body = SignedHeartbeat {
            content_id: content,
            provider: heartbeat.provider,
            url: heartbeat.url,
            viewers,
            at,
            signature: format!("0x{}", hex::encode(signature.as_bytes())),
        };
        let answer = self.client.post(endpoint.clone()).json(&body).send().await;
        let unavailable = |detail: String| Error::Unavailable {
            service: "indexer",
            detail,
        };
        let answer = answer.map_err(|error| unavailable(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(unavailable(format!("it answered {}", answer.status())));
        }
        Ok(())
    }
}
