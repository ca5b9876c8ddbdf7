//! `POST /v1/heartbeats`: a provider's signed word that it serves a stream now (protocol, section 10).

use alloy::primitives::Signature;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use paystream_contracts::{Heartbeat as SignedHeartbeat, heartbeat_signing_hash};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::problem::{ApiError, Problem};
use super::value::{parse_address, parse_content_id};
use crate::liveness::{Accepted, SignOfLife};

/// How far `at` may be from this indexer's clock, in seconds.
const WINDOW_SECONDS: u64 = 60;

/// A provider's word that it serves a content now.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// The content.
    pub content_id: String,
    /// The provider, who signs.
    pub provider: String,
    /// The URL under which the provider registered the stream.
    pub url: String,
    /// How many viewers it serves.
    pub viewers: u32,
    /// When this was signed, in seconds since the Unix epoch.
    #[schema(example = 1_790_000_000)]
    pub at: u64,
    /// EIP-712, 65 bytes as 0x and hex.
    pub signature: String,
}

/// Takes a provider's sign of life; it is forgotten after 30 seconds.
#[utoipa::path(post, path = "/v1/heartbeats", tag = "streams", request_body = Heartbeat,
    responses(
        (status = 204, description = "Taken"),
        (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "The signature is not the provider's, or `at` is not within 60 s of this clock or not later than the last", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The provider has no stream of this content registered under this URL", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The content was never registered", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is over its bound", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not application/json", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There is nothing to keep heartbeats in now, or the database does not answer; `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn post_heartbeat(
    State(api): State<Api>,
    body: Result<Json<Heartbeat>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(body) = body?;
    let content_id = parse_content_id(&body.content_id)?;
    let provider = parse_address(&body.provider)?;
    let signature = parse_signature(&body.signature)?;
    let now = jiff::Timestamp::now().as_second();
    if u64::try_from(now).unwrap_or(0).abs_diff(body.at) > WINDOW_SECONDS {
        return Err(ApiError::Unauthorized(format!(
            "at is more than {WINDOW_SECONDS} s from this indexer's clock, which says {now}"
        )));
    }

    let heartbeat = SignedHeartbeat {
        contentId: content_id,
        provider,
        url: body.url,
        viewers: body.viewers,
        at: body.at,
    };
    let hash = heartbeat_signing_hash(&heartbeat, api.deployment.chain_id, api.deployment.registry);
    // One signature for each heartbeat: its mirror image (EIP-2) is refused.
    let signer = signature
        .recover_address_from_prehash(&hash)
        .ok()
        .filter(|_| signature.normalize_s().is_none());
    if signer != Some(provider) {
        return Err(ApiError::BadSignature(
            "the signature is not the provider's".to_owned(),
        ));
    }

    match api.reader.stream_url(content_id, provider).await? {
        Some(url) if url == heartbeat.url => {}
        Some(_) => {
            return Err(ApiError::Forbidden(
                "the provider registered this stream under another URL".to_owned(),
            ));
        }
        None if api.reader.content_exists(content_id).await? => {
            return Err(ApiError::Forbidden(
                "the provider has no stream of this content registered".to_owned(),
            ));
        }
        None => return Err(ApiError::UnknownContent),
    }

    let sign = SignOfLife {
        at: i64::try_from(heartbeat.at).unwrap_or(now),
        viewers: heartbeat.viewers,
        url: heartbeat.url,
    };
    let taken = api
        .liveness
        .record(content_id.as_slice(), provider.as_slice(), &sign)
        .await;
    match taken {
        Ok(Accepted::Taken) => Ok(StatusCode::NO_CONTENT),
        Ok(Accepted::NotLater) => Err(ApiError::Unauthorized(
            "at is not later than that of the last heartbeat".to_owned(),
        )),
        Err(_) => Err(ApiError::Unavailable(
            "there is nothing to keep heartbeats in now",
        )),
    }
}

fn parse_signature(text: &str) -> Result<Signature, ApiError> {
    let malformed = || ApiError::Malformed("a signature is 0x and 130 hex digits".to_owned());
    let digits = text.strip_prefix("0x").ok_or_else(malformed)?;
    let bytes = alloy::hex::decode(digits).map_err(|_| malformed())?;
    Signature::from_raw(&bytes).map_err(|_| malformed())
}
