//! `POST /v1/announcements` and `GET /ipfs/{cid}`.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cid::Cid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::bytes;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, refused};
use crate::store::{self, QUIET};

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

/// Stores an announcement.
#[utoipa::path(post, path = "/v1/announcements", request_body = Announcement, responses(
    (status = 201, body = Stored),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn announce(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<(StatusCode, Json<Stored>)> {
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
    let added = app.store.add(Box::pin(&document[..]), QUIET).await?;
    Ok((
        StatusCode::CREATED,
        Json(Stored {
            cid: added.cid.to_string(),
        }),
    ))
}

/// The bytes of a stored document.
#[utoipa::path(get, path = "/ipfs/{cid}", params(("cid" = String, Path)), responses(
    (status = 200, description = "The bytes", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn read(State(app): State<Arc<App>>, Path(cid): Path<String>) -> Result<Response> {
    let cid = Cid::from_str(&cid).map_err(|_| refused(Code::Malformed, "that is not a CID"))?;
    let found = store::document(&app.store, &cid, MAX_ANNOUNCEMENT).await?;
    let bytes =
        found.ok_or_else(|| refused(Code::NotFound, "this provider does not have that CID"))?;
    let etag = HeaderValue::from_str(&format!("\"{cid}\""))
        .map_err(|error| Error::Internal(error.to_string()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (header::ETAG, etag),
    ];
    Ok((headers, bytes).into_response())
}
