//! `GET /health` (the process is alive) and `GET /ready` (it makes progress).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use crate::status::Progress;

/// How long `/ready` waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// The version of the indexer.
    pub version: &'static str,
}

/// One thing that readiness hangs on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// Whether it is as it should be.
    pub ok: bool,
    /// What is wrong, or how things stand.
    pub detail: String,
}

/// Whether the indexer's answers are current.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether all but `redis` are as they should be.
    pub ready: bool,
    /// The database answers.
    pub database: Check,
    /// An Ethereum node answers, and what it says agrees with the database.
    pub ethereum: Check,
    /// The database is close to the chain's head.
    pub head: Check,
    /// Redis answers. Without it liveness is unknown, and nothing else: readiness does not hang on it.
    pub redis: Check,
    /// The last block that is mirrored.
    pub indexed_block: Option<i64>,
    /// The chain's newest block.
    pub chain_block: Option<u64>,
    /// Whether this process writes; another one may, while this stands by.
    pub writer: bool,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/health", tag = "service",
    responses((status = 200, description = "Alive", body = Health)))]
pub async fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether the indexer makes progress and its answers are current.
#[utoipa::path(get, path = "/ready", tag = "service",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready: `detail` of each check says why", body = Readiness),
    ))]
pub async fn ready(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let (indexed, redis) = tokio::join!(
        tokio::time::timeout(PATIENCE, api.reader.head_number()),
        api.liveness.ping()
    );
    let progress = api.status.progress();
    let (database, indexed_block) = match indexed {
        Ok(Ok(head)) => match &progress.failure {
            Some(failure) if failure.of_database => (check(false, &failure.detail), head),
            Some(_) | None => (check(true, "answers"), head),
        },
        Ok(Err(error)) => {
            tracing::debug!(error = %error.chain(), "the database failed the readiness check");
            (check(false, "fails"), None)
        }
        Err(_) => (check(false, "does not answer"), None),
    };
    let ethereum = match (&progress.failure, progress.silence()) {
        (Some(failure), _) if !failure.of_database => check(false, &failure.detail),
        (_, None) => check(false, "has not answered yet"),
        (_, Some(silence)) if silence > api.limits.max_silence => check(
            false,
            &format!("has not answered for {} s", silence.as_secs()),
        ),
        (_, Some(_)) => head_age(&progress, api.limits.max_head_age),
    };
    let head = match (indexed_block, progress.chain_head) {
        (Some(indexed), Some(chain)) => {
            let lag = chain.saturating_sub(u64::try_from(indexed).unwrap_or(0));
            check(
                lag <= api.limits.max_lag_blocks,
                &format!("{lag} blocks behind the chain's head"),
            )
        }
        (None, _) => check(false, "nothing is known to be mirrored"),
        (_, None) => check(false, "the chain's head is not known"),
    };
    let redis = match redis {
        _ if !api.liveness.is_configured() => check(false, "not configured; liveness is unknown"),
        Ok(()) => check(true, "answers"),
        Err(_) => check(false, "does not answer; liveness is unknown"),
    };
    let ready = database.ok && ethereum.ok && head.ok;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let readiness = Readiness {
        ready,
        database,
        ethereum,
        head,
        redis,
        indexed_block,
        chain_block: progress.chain_head,
        writer: progress.is_writer,
    };
    (status, Json(readiness))
}

/// A node that answers is of no use while its chain stands still.
fn head_age(progress: &Progress, max: Option<Duration>) -> Check {
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    match (progress.head_age(now), max) {
        (Some(age), Some(max)) if age > max => check(
            false,
            &format!("stands still: its newest block is {} s old", age.as_secs()),
        ),
        (_, _) => check(true, "answers"),
    }
}

fn check(ok: bool, detail: &str) -> Check {
    Check {
        ok,
        detail: detail.to_owned(),
    }
}
