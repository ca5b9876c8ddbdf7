//! `POST /v1/view-passes` (docs/protocol.md, section 13): a view that is on chain becomes a media token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use jiff::Timestamp;

use super::body::JsonBody;
use super::client_address::client_address;
use super::sign_in::{SignedMessage, Token, proven};
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::passes::{VIEW_LIFE, end};
use crate::sign_in::Purpose;

/// Exchanges a message that was signed to watch for a pass. The message stays good while the view is not on chain yet.
#[utoipa::path(post, path = "/v1/view-passes", request_body = SignedMessage, responses(
    (status = 200, body = Token),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "The view is not on chain (yet)"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn pass(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SignedMessage>,
) -> Result<Json<Token>> {
    let client = client_address(connection, &headers, app.config.trust_forwarded_for);
    app.pass_pace.take(client)?;
    let grant = proven(&app, &body).await?;
    let Purpose::View(content) = grant.purpose else {
        return Err(refused(
            Code::Unauthorized,
            "this challenge was made for another purpose",
        ));
    };
    let now = Timestamp::now();
    let recorded = app
        .ethereum
        .newest_view(content, grant.address, now)
        .await?;
    let expires_at = recorded
        .map(|recorded| recorded + VIEW_LIFE)
        .filter(|expires| *expires > now)
        .ok_or_else(|| {
            refused(
                Code::ViewNotFound,
                format!(
                    "no view of this content by {} in the last 24 hours is on chain",
                    grant.address
                ),
            )
        })?;
    app.sign_in.take(body.message(), now)?;
    let (token, replaced) = app.passes.issue(content, grant.address, expires_at, now)?;
    if let Some(replaced) = replaced {
        end(&app.media, &replaced);
    }
    Ok(Json(Token { token, expires_at }))
}
