//! `POST /v1/channels` and `GET /v1/channels/{channel_id}`.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use alloy::primitives::B256;
use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use bitcoin::ScriptBuf;
use bitcoin::secp256k1::PublicKey;
use paystream_channel::ChannelId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::client_address::client_address;
use super::offer::quote_now;
use crate::app::App;
use crate::channels::{Channel, ChannelView, OpenRequest};
use crate::error::{Code, Problem, Result, refused};

/// What a viewer brings to open a channel.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct OpenBody {
    /// The content to be paid for.
    #[schema(value_type = String)]
    content_id: B256,
    /// The viewer's key, fresh for the channel: 33 bytes in hex.
    viewer_key: String,
    /// The viewer's scriptPubKey for change and refunds, in hex.
    change_script: String,
}

/// Opens a channel.
#[utoipa::path(post, path = "/v1/channels", request_body = OpenBody, responses(
    (status = 201, body = ChannelView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn open(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<OpenBody>,
) -> Result<(StatusCode, Json<ChannelView>)> {
    let viewer_key = lower_hex(&body.viewer_key)
        .filter(|bytes| bytes.len() == 33)
        .and_then(|bytes| PublicKey::from_slice(&bytes).ok())
        .ok_or_else(|| refused(Code::Malformed, "viewer_key is not a compressed public key"))?;
    let change_script = lower_hex(&body.change_script)
        .map(ScriptBuf::from_bytes)
        .ok_or_else(|| refused(Code::Malformed, "change_script is not lower-case hex"))?;
    let content = app.served_content(body.content_id).await?;
    let quote = quote_now(&app, &content)?;
    let client = client_address(connection, &headers, app.config.trust_forwarded_for);
    let request = OpenRequest {
        content: content.id,
        viewer_key,
        change_script,
        client,
    };
    let channel = app.book.open(quote, request).await?;
    Ok((StatusCode::CREATED, Json(app.book.view(&channel.record()))))
}

/// Shows a channel.
#[utoipa::path(get, path = "/v1/channels/{channel_id}", params(("channel_id" = String, Path)), responses(
    (status = 200, body = ChannelView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<ChannelView>> {
    let channel = find(&app, &id)?;
    Ok(Json(app.book.view(&channel.record())))
}

/// A channel by the id of a path.
pub(super) fn find(app: &App, id: &str) -> Result<Arc<Channel>> {
    let id =
        ChannelId::from_str(id).map_err(|error| refused(Code::Malformed, error.to_string()))?;
    app.book.find(id)
}

fn lower_hex(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    hex::decode(text).ok()
}
