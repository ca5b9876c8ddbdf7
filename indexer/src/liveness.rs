//! Providers' signs of life, kept in Redis and forgotten after 30 seconds.
//!
//! Redis is a cache here: without it, or while it is away, liveness is unknown and nothing else changes. No call waits for
//! it longer than [`PATIENCE`]. What is deliberately absent: any copy of this in the database.
//!
//! Keys, under `paystream:<chain id>:<registry>:`, where the braces keep one content's keys on one node of a cluster
//! - `sign:{<content>}:<provider>`: the latest [`SignOfLife`] as JSON, for 30 s.
//! - `last:{<content>}:<provider>`: its `at`, kept for longer than any heartbeat is acceptable, so that none is taken twice.
//! - `live:{<content>}`: a sorted set of providers by when the indexer heard of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use paystream_contracts::Deployment;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How long a sign of life is believed.
const LIFE_SECONDS: i64 = 30;
/// Longer than the 60 s that `at` may lie ahead, and the 60 s for which it is acceptable after that.
const LAST_SECONDS: i64 = 180;
/// How long a request waits for Redis.
const PATIENCE: Duration = Duration::from_millis(500);

/// KEYS: sign, last, live. ARGV: sign, at, provider, life, last's life. The clock is Redis's own.
const RECORD: &str = r"
local last = redis.call('get', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[2]) then return 0 end
local now = tonumber(redis.call('time')[1])
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('set', KEYS[2], ARGV[2], 'EX', ARGV[5])
redis.call('zadd', KEYS[3], now, ARGV[3])
redis.call('zremrangebyscore', KEYS[3], '-inf', now - ARGV[4])
redis.call('expire', KEYS[3], ARGV[4])
return 1";

/// What a provider said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOfLife {
    /// When, in seconds since the Unix epoch, by the provider's clock.
    pub at: i64,
    /// How many viewers it serves.
    pub viewers: u32,
    /// Under which URL.
    pub url: String,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is kept.
    Taken,
    /// The provider has said something as late, or later, before.
    NotLater,
}

/// The signs of life of one deployment's providers.
pub struct Liveness {
    redis: Option<ConnectionManager>,
    prefix: String,
    away: AtomicBool,
}

impl Liveness {
    /// Keeps signs of life in the Redis at `url`, or nowhere. Does not connect: Redis may come later.
    ///
    /// # Errors
    /// When `url` is not the address of a Redis.
    pub fn new(url: Option<&str>, deployment: &Deployment) -> Result<Self, Error> {
        let redis = match url {
            None => None,
            Some(url) => Some(ConnectionManager::new_lazy_with_config(
                redis::Client::open(url)?,
                ConnectionManagerConfig::new()
                    .set_number_of_retries(1)
                    .set_connection_timeout(Some(PATIENCE))
                    .set_response_timeout(Some(PATIENCE)),
            )?),
        };
        Ok(Self {
            redis,
            prefix: format!(
                "paystream:{}:{:#x}:",
                deployment.chain_id, deployment.registry
            ),
            away: AtomicBool::new(false),
        })
    }

    /// Whether there is a Redis to ask at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.redis.is_some()
    }

    /// Asks Redis whether it is there.
    ///
    /// # Errors
    /// When it is not, or there is none.
    pub async fn ping(&self) -> Result<(), Error> {
        self.ask::<String>(&redis::cmd("PING")).await.map(drop)
    }

    /// Keeps a sign of life, unless it is not later than the last.
    ///
    /// # Errors
    /// When Redis does not answer, or there is none.
    pub async fn record(
        &self,
        content_id: &[u8],
        provider: &[u8],
        sign: &SignOfLife,
    ) -> Result<Accepted, Error> {
        let json = serde_json::to_string(sign)
            .map_err(|_| Error::Corrupt("a sign of life that cannot be written as JSON"))?;
        let mut command = redis::cmd("EVAL");
        command
            .arg(RECORD)
            .arg(3)
            .arg(self.key("sign", content_id, Some(provider)))
            .arg(self.key("last", content_id, Some(provider)))
            .arg(self.key("live", content_id, None))
            .arg(json)
            .arg(sign.at)
            .arg(provider)
            .arg(LIFE_SECONDS)
            .arg(LAST_SECONDS);
        let taken: i64 = self.ask(&command).await?;
        Ok(if taken == 1 {
            Accepted::Taken
        } else {
            Accepted::NotLater
        })
    }

    /// For each content, whether any provider serves it now; nothing when that is not known.
    pub async fn live(&self, content_ids: &[&[u8]]) -> Option<Vec<bool>> {
        self.redis.as_ref()?;
        if content_ids.is_empty() {
            return Some(Vec::new());
        }
        let (now, _): (i64, i64) = self.ask(&redis::cmd("TIME")).await.ok()?;
        let mut pipeline = redis::pipe();
        for content_id in content_ids {
            pipeline
                .cmd("ZCOUNT")
                .arg(self.key("live", content_id, None))
                .arg(now - LIFE_SECONDS)
                .arg("+inf");
        }
        let mut redis = self.redis.clone()?;
        let counts = pipeline.query_async::<Vec<i64>>(&mut redis);
        let counts = self.patiently(counts).await.ok()?;
        Some(counts.into_iter().map(|count| count > 0).collect())
    }

    /// For each provider, its latest sign of life for a content; nothing at all when that is not known.
    pub async fn signs_of_life(
        &self,
        content_id: &[u8],
        providers: &[&[u8]],
    ) -> Option<Vec<Option<SignOfLife>>> {
        self.redis.as_ref()?;
        if providers.is_empty() {
            return Some(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for provider in providers {
            command.arg(self.key("sign", content_id, Some(provider)));
        }
        let signs: Vec<Option<String>> = self.ask(&command).await.ok()?;
        let read = |json: String| serde_json::from_str(&json).ok();
        Some(signs.into_iter().map(|sign| sign.and_then(read)).collect())
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Error> {
        let Some(redis) = &self.redis else {
            return Err(Error::RedisTimeout);
        };
        let mut redis = redis.clone();
        self.patiently(command.query_async(&mut redis)).await
    }

    /// Waits for Redis no longer than [`PATIENCE`]; says in the log when it goes and when it is back.
    async fn patiently<T>(
        &self,
        answer: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, Error> {
        let answer = match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(Error::from),
            Err(_) => Err(Error::RedisTimeout),
        };
        let was_away = self.away.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(error) if !was_away => {
                tracing::warn!(error = %error.chain(), "Redis is away; liveness is unknown");
            }
            Ok(_) if was_away => tracing::info!("Redis is back"),
            Ok(_) | Err(_) => {}
        }
        answer
    }

    fn key(&self, kind: &str, content_id: &[u8], provider: Option<&[u8]>) -> String {
        let mut key = format!(
            "{}{kind}:{{{}}}",
            self.prefix,
            alloy::hex::encode(content_id)
        );
        if let Some(provider) = provider {
            key.push(':');
            key.push_str(&alloy::hex::encode(provider));
        }
        key
    }
}
