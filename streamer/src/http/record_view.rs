//! `POST /api/record-view` and `GET /api/record-view/{relay_id}` (docs/protocol.md, section 13): a viewer's signed payment,
//! sent by this provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use axum::Json;
use axum::extract::{ConnectInfo, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{JsonBody, content_id};
use super::client_address::client_address;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, refused};
use crate::relay::{Relay, State, ViewPayment, ViewTerms};

/// How long the first answer waits for the block.
const WAIT: Duration = Duration::from_secs(3);

/// How a relay goes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RelayBody {
    /// The hash of what was signed.
    #[schema(value_type = String)]
    relay_id: B256,
    /// How it goes.
    state: State,
    /// The transaction: the one that was mined, or the last that was sent.
    #[schema(value_type = String)]
    transaction: B256,
    /// Why it failed.
    detail: Option<String>,
}

impl From<Relay> for RelayBody {
    fn from(relay: Relay) -> Self {
        Self {
            relay_id: relay.id,
            state: relay.state,
            transaction: relay.transaction,
            detail: relay.detail,
        }
    }
}

/// A relay as a response: 202 while it is pending.
pub(super) fn answered(relay: Relay) -> (StatusCode, Json<RelayBody>) {
    let status = match relay.state {
        State::Pending => StatusCode::ACCEPTED,
        State::Confirmed | State::Failed => StatusCode::OK,
    };
    (status, Json(relay.into()))
}

/// Sends a viewer's signed payment for a view and pays its gas. The same payment is sent once, however often it is posted.
#[utoipa::path(post, path = "/api/record-view", request_body = ViewPayment, responses(
    (status = 200, body = RelayBody, description = "It is on chain, or has failed"),
    (status = 202, body = RelayBody, description = "It is on its way"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json", description = "The contract or this provider refuses it; nothing was taken"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn record(
    Shared(app): Shared<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(payment): JsonBody<ViewPayment>,
) -> Result<(StatusCode, Json<RelayBody>)> {
    let deployment = app.ethereum.deployment();
    let (chain_id, splitter) = (deployment.chain_id, deployment.splitter);
    let provider = app.ethereum.account();
    let intent = payment.intent(chain_id, splitter, provider)?;
    if let Some(relay) = app.outbox.find(intent.id).await? {
        return Ok(answered(relay));
    }
    let client = client_address(connection, &headers, app.config.trust_forwarded_for);
    app.relay_pace.take(client)?;
    let content = app.served_content(payment.content()).await?;
    let min_share = app.config.relay_min_share(content.token).ok_or_else(|| {
        refused(
            Code::Forbidden,
            format!(
                "this provider does not send payments in the token {}; send the transaction yourself",
                content.token
            ),
        )
    })?;
    payment.check(&ViewTerms {
        chain_id,
        splitter,
        provider,
        token: content.token,
        price: content.price_per_view,
        creator_share_bps: content.creator_share_bps,
        min_share,
        now: u64::try_from(Timestamp::now().as_second())
            .map_err(|_| Error::Internal("the clock is before 1970".to_owned()))?,
    })?;
    // It goes on when the client leaves.
    let outbox = Arc::clone(&app.outbox);
    let sent = tokio::spawn(async move {
        let relay = outbox.submit(&intent).await?;
        outbox.settled(relay.id, WAIT).await
    });
    let relay = sent
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    Ok(answered(relay))
}

/// Tells how a relay goes.
#[utoipa::path(get, path = "/api/record-view/{relay_id}", params(("relay_id" = String, Path)), responses(
    (status = 200, body = RelayBody, description = "It is on chain, or has failed"),
    (status = 202, body = RelayBody, description = "It is on its way"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    Shared(app): Shared<Arc<App>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<RelayBody>)> {
    let id = content_id(&id)
        .map_err(|_| refused(Code::Malformed, "the id of a relay is 0x and 64 hex digits"))?;
    match app.outbox.find(id).await? {
        Some(relay) => Ok(answered(relay)),
        None => Err(refused(Code::NotFound, "there is no such relay")),
    }
}
