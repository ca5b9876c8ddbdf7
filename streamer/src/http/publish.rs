//! `POST /v1/publish-challenges` and `POST /v1/publish-tokens` (docs/protocol.md, section 8).

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBody;
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::publish_auth::Site;

/// Who wants to publish what.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChallengeBody {
    /// The content.
    #[schema(value_type = String)]
    content_id: B256,
    /// The account of its creator.
    #[schema(value_type = String)]
    address: Address,
}

/// What is to be signed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Challenge {
    /// An EIP-4361 message.
    message: String,
    /// RFC 3339.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// A signed challenge.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TokenBody {
    /// The message, exactly as it was given.
    message: String,
    /// EIP-191 `personal_sign`: 0x and 65 bytes in hex.
    signature: String,
}

/// A token to publish.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    /// Goes into `Authorization: Bearer`.
    token: String,
    /// RFC 3339.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// Gives a message to be signed by the content's creator.
#[utoipa::path(post, path = "/v1/publish-challenges", request_body = ChallengeBody, responses(
    (status = 200, body = Challenge),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<ChallengeBody>,
) -> Result<Json<Challenge>> {
    let content = app.served_content(body.content_id).await?;
    if content.creator != body.address {
        return Err(refused(
            Code::Forbidden,
            format!("{} is not the content's creator", body.address),
        ));
    }
    let uri = app.config.public_base();
    let url = &app.config.public_url;
    let host = url.host_str().unwrap_or_default();
    let domain = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let site = Site {
        domain: &domain,
        uri: &uri,
        chain_id: app.ethereum.deployment().chain_id,
    };
    let (message, expires_at) =
        app.publish_auth
            .challenge(site, body.content_id, body.address, Timestamp::now())?;
    Ok(Json(Challenge {
        message,
        expires_at,
    }))
}

/// Exchanges a signed challenge for a token.
#[utoipa::path(post, path = "/v1/publish-tokens", request_body = TokenBody, responses(
    (status = 200, body = Token),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<Json<Token>> {
    let signature = body
        .signature
        .strip_prefix("0x")
        .and_then(|digits| hex::decode(digits).ok())
        .filter(|bytes| bytes.len() == 65)
        .ok_or_else(|| refused(Code::Malformed, "signature is not 0x and 65 bytes in hex"))?;
    let now = Timestamp::now();
    let (content, address) = app.publish_auth.answer(&body.message, &signature, now)?;
    // The registry may have changed since the challenge.
    if app.served_content(content).await?.creator != address {
        return Err(refused(
            Code::Forbidden,
            format!("{address} is not the content's creator"),
        ));
    }
    let (token, expires_at) = app.publish_auth.issue(content, address, now)?;
    Ok(Json(Token { token, expires_at }))
}
