//! `GET /v1/session`: the session's WebSocket.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;

use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::session::{MAX_MESSAGE, serve};

/// Opens the socket of a session.
#[utoipa::path(get, path = "/v1/session", responses(
    (status = 101, description = "The socket of a session: docs/protocol.md, section 5"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn session(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    let upgrade = upgrade.map_err(|_| refused(Code::Malformed, "this is a WebSocket"))?;
    let place = app.sessions.enter()?;
    // A little above the protocol's bound, so that an oversized message gets its error before the socket is cut off.
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE * 4)
        .max_frame_size(MAX_MESSAGE * 4);
    Ok(upgrade.on_upgrade(move |socket| serve(app, socket, place)))
}
