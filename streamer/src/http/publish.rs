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
use super::sign_in::{Challenge, SignedMessage, Token, answered, issued, paced, pending};
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
    let client = paced(&app, connection, &headers)?;
    is_creators(&app, body.content_id, body.address).await?;
    let grant = Grant {
        purpose: Purpose::Publish(body.content_id),
        address: body.address,
    };
    pending(&app, grant, client)
}

/// Exchanges a signed challenge for a token.
#[utoipa::path(post, path = "/v1/publish-tokens", request_body = SignedMessage, responses(
    (status = 200, body = Token),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn token(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignedMessage>,
) -> Result<Json<Token>> {
    let client = paced(&app, connection, &headers)?;
    let grant = answered(&app, &body).await?;
    let Purpose::Publish(content) = grant.purpose else {
        return Err(refused(
            Code::Unauthorized,
            "this challenge was made for another purpose",
        ));
    };
    // The registry may have changed since the challenge.
    is_creators(&app, content, grant.address).await?;
    Ok(issued(&app, grant, client))
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
