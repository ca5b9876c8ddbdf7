//! `POST /v1/announcements`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::bytes;
use super::client_address::client_address;
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};

/// The largest announcement.
const MAX_ANNOUNCEMENT: usize = 16 * 1024;
/// What an announcement's `type` says.
const KIND: &str = "paystream/announcement";

/// An announcement of a live stream (docs/protocol.md, section 8). It is checked by this form, and kept byte by byte.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Announcement {
    /// `paystream/announcement`
    #[serde(rename = "type")]
    kind: String,
    /// The stream's title.
    title: String,
    /// What it is about.
    description: String,
    /// `ipfs://…`
    picture: Option<String>,
    /// RFC 3339.
    #[schema(value_type = Option<String>)]
    starts_at: Option<Timestamp>,
}

/// The CID of a stored announcement.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stored {
    /// Version 1, raw, SHA2-256.
    cid: String,
}

/// Stores an announcement: for a day, and for good when it is registered by then.
#[utoipa::path(post, path = "/v1/announcements", request_body = Announcement, responses(
    (status = 201, body = Stored),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn announce(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<(StatusCode, Json<Stored>)> {
    let trusted = app.config.trust_forwarded_for;
    let client = client_address(connection, request.headers(), trusted);
    let document = bytes(request, &app, "application/json").await?;
    if document.len() > MAX_ANNOUNCEMENT {
        return Err(refused(Code::TooLarge, "an announcement is at most 16 KiB"));
    }
    let malformed = |detail: &str| refused(Code::Malformed, detail);
    let announcement: Announcement =
        serde_json::from_slice(&document).map_err(|error| malformed(&error.to_string()))?;
    if announcement.kind != KIND {
        return Err(malformed("type must be paystream/announcement"));
    }
    if announcement.title.trim().is_empty() {
        return Err(malformed("title is empty"));
    }
    if announcement
        .picture
        .as_ref()
        .is_some_and(|picture| !picture.starts_with("ipfs://"))
    {
        return Err(malformed("picture must be an ipfs:// address or null"));
    }
    tracing::debug!(starts_at = ?announcement.starts_at, description = announcement.description.len(), "an announcement");
    let cid = app.announcements.keep(client, &document).await?;
    let cid = cid.to_string();
    Ok((StatusCode::CREATED, Json(Stored { cid })))
}
