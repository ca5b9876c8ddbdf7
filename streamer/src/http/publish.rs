//! `POST /v1/publish-challenges` and `POST /v1/publish-tokens` (docs/protocol.md, section 8).

use std::net::SocketAddr;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::client_address::client_address;
use super::sign_in::{Challenge, SignedMessage, Token, answered, issued, pending};
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::sign_in::{Grant, Purpose};

/// Who wants to publish what.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct PublishBody {
    /// The content.
    #[schema(value_type = String)]
    content_id: B256,
    /// The account of its creator.
    #[schema(value_type = String)]
    address: Address,
}

/// Gives a message to be signed by the content's creator.
#[utoipa::path(post, path = "/v1/publish-challenges", request_body = PublishBody, responses(
    (status = 200, body = Challenge),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn challenge(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PublishBody>,
) -> Result<Json<Challenge>> {
    is_creators(&app, body.content_id, body.address).await?;
    let grant = Grant {
        purpose: Purpose::Publish(body.content_id),
        address: body.address,
    };
    let client = client_address(connection, &headers, app.config.trust_forwarded_for);
    pending(&app, grant, client)
}

/// Exchanges a signed challenge for a token.
#[utoipa::path(post, path = "/v1/publish-tokens", request_body = SignedMessage, responses(
    (status = 200, body = Token),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody<SignedMessage>,
) -> Result<Json<Token>> {
    let grant = answered(&app, &body).await?;
    let Purpose::Publish(content) = grant.purpose else {
        return Err(refused(
            Code::Unauthorized,
            "this challenge was made for another purpose",
        ));
    };
    // The registry may have changed since the challenge.
    is_creators(&app, content, grant.address).await?;
    Ok(issued(&app, grant))
}

async fn is_creators(app: &App, content: B256, address: Address) -> Result<()> {
    if app.served_content(content).await?.creator == address {
        return Ok(());
    }
    Err(refused(
        Code::Forbidden,
        format!("{address} is not the content's creator"),
    ))
}
