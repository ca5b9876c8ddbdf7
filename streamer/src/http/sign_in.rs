//! `POST /v1/challenges` and `POST /v1/tokens` (docs/protocol.md, section 14).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, eip191_hash_message};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::JsonBody;
use super::client_address::client_address;
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::sign_in::{Grant, Purpose, Site, signer_of};

/// The longest signature: what an account's own code takes is its own affair, within reason.
const MAX_SIGNATURE_BYTES: usize = 8192;

/// What an account may sign in for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aim {
    /// To upload.
    Upload,
    /// To watch a view that is on chain.
    View,
}

/// Who wants to sign in, and for what.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChallengeBody {
    /// The account.
    #[schema(value_type = String)]
    address: Address,
    /// What for.
    purpose: Aim,
    /// The content, for `view`.
    #[schema(value_type = Option<String>)]
    content_id: Option<B256>,
}

/// What is to be signed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Challenge {
    /// An EIP-4361 message.
    pub(super) message: String,
    /// RFC 3339.
    #[schema(value_type = String)]
    pub(super) expires_at: Timestamp,
}

/// A signed challenge.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct SignedMessage {
    /// The message, exactly as it was given.
    message: String,
    /// EIP-191 `personal_sign`, 0x and 65 bytes in hex; or what the account's code takes (EIP-1271).
    #[schema(value_type = String)]
    signature: Bytes,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    /// Goes into `Authorization: Bearer`.
    pub(super) token: String,
    /// RFC 3339.
    #[schema(value_type = String)]
    pub(super) expires_at: Timestamp,
}

/// Gives a message to be signed by an account.
#[utoipa::path(post, path = "/v1/challenges", request_body = ChallengeBody, responses(
    (status = 200, body = Challenge),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<ChallengeBody>,
) -> Result<Json<Challenge>> {
    let client = paced(&app, connection, &headers)?;
    let purpose = match (body.purpose, body.content_id) {
        (Aim::Upload, None) => {
            app.serves_creator(body.address)?;
            Purpose::Upload
        }
        (Aim::View, Some(content)) => Purpose::View(content),
        (Aim::Upload, Some(_)) => {
            return Err(refused(Code::Malformed, "uploads are of no content yet"));
        }
        (Aim::View, None) => return Err(refused(Code::Malformed, "a view is of a content_id")),
    };
    let grant = Grant {
        purpose,
        address: body.address,
    };
    pending(&app, grant, client)
}

/// Exchanges a message that was signed to upload for the creator's token.
#[utoipa::path(post, path = "/v1/tokens", request_body = SignedMessage, responses(
    (status = 200, body = Token),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignedMessage>,
) -> Result<Json<Token>> {
    let client = paced(&app, connection, &headers)?;
    let grant = answered(&app, &body).await?;
    if grant.purpose != Purpose::Upload {
        return Err(refused(
            Code::Unauthorized,
            "this challenge was made for another purpose",
        ));
    }
    app.serves_creator(grant.address)?;
    Ok(issued(&app, grant, client))
}

/// Who signs in, when they do not do so too often.
pub(super) fn paced(app: &App, connection: SocketAddr, headers: &HeaderMap) -> Result<IpAddr> {
    let client = client_address(connection, headers, app.config.trust_forwarded_for);
    app.sign_in_pace.take(client)?;
    Ok(client)
}

/// Composes a challenge and answers it.
pub(super) fn pending(app: &App, grant: Grant, client: IpAddr) -> Result<Json<Challenge>> {
    let site = Site::of(&app.config, app.ethereum.deployment().chain_id);
    let (message, expires_at) = app
        .sign_in
        .challenge(&site, grant, client, Timestamp::now())?;
    Ok(Json(Challenge {
        message,
        expires_at,
    }))
}

impl SignedMessage {
    /// What was signed.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

/// Uses up the challenge, whoever signed it, and says whom it was made for, when that account did.
pub(super) async fn answered(app: &App, body: &SignedMessage) -> Result<Grant> {
    let grant = app.sign_in.take(&body.message, Timestamp::now())?;
    signed_by(app, grant, body).await
}

/// Says whom the challenge was made for, when that account signed it. The challenge stays as good as it was.
pub(super) async fn proven(app: &App, body: &SignedMessage) -> Result<Grant> {
    let grant = app.sign_in.look(&body.message, Timestamp::now())?;
    signed_by(app, grant, body).await
}

/// An account signs with its key, or else by its code.
async fn signed_by(app: &App, grant: Grant, body: &SignedMessage) -> Result<Grant> {
    if body.signature.len() > MAX_SIGNATURE_BYTES {
        return Err(refused(Code::Malformed, "the signature is too long"));
    }
    if signer_of(&body.message, &body.signature) == Some(grant.address) {
        return Ok(grant);
    }
    let digest = eip191_hash_message(&body.message);
    if (app.ethereum)
        .code_accepts(grant.address, digest, &body.signature)
        .await?
    {
        return Ok(grant);
    }
    Err(refused(
        Code::Unauthorized,
        format!("the signature is not that of {}", grant.address),
    ))
}

/// Gives out a token and answers it.
pub(super) fn issued(app: &App, grant: Grant, client: IpAddr) -> Json<Token> {
    let (token, expires_at) = app.sign_in.issue(grant, client, Timestamp::now());
    Json(Token { token, expires_at })
}
