//! `GET /v1/contents/{content_id}/streams`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::page::{Cursor, PageQuery, Query, Segment, next_cursor, next_link, tagged};
use super::problem::{ApiError, Problem};
use super::value::{Place, hex, parse_content_id, time};
use crate::error::Error;
use crate::liveness::SignOfLife;
use crate::store::rows::StreamRow;

/// Whether a provider serves a stream now, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// It said so within the last 30 seconds.
    Live,
    /// It did not.
    Offline,
    /// The indexer has nothing to keep heartbeats in now.
    Unknown,
}

/// A registered stream.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stream {
    /// The provider's account.
    pub provider: String,
    /// Where the streamer answers.
    pub url: String,
    /// Where it was registered with this URL.
    pub registered: Place,
    /// Whether it is served now.
    pub liveness: Liveness,
    /// How many viewers the provider says it serves; null unless it is live.
    #[schema(minimum = 0)]
    pub viewers: Option<u32>,
    /// When the provider last said so (RFC 3339); null unless it is live.
    #[schema(format = DateTime)]
    pub last_seen: Option<String>,
}

/// A page of streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamPage {
    /// Newest first.
    pub items: Vec<Stream>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The streams of a content that are registered now, newest first, with the providers' signs of life.
#[utoipa::path(get, path = "/v1/contents/{content_id}/streams", tag = "contents",
    params(("content_id" = String, Path, description = "0x and 64 hex digits"), PageQuery),
    responses(
        (status = 200, description = "A page of streams; `Link` names the next one", body = StreamPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "The id or a parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The content was never registered", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn list_streams(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(content_id): Segment,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let content_id = parse_content_id(&content_id)?;
    let (cursor, limit) = query.bounds()?;
    let mut rows = api
        .reader
        .streams(content_id, cursor, i64::from(limit) + 1)
        .await?;
    if rows.is_empty() && !api.reader.content_exists(content_id).await? {
        return Err(ApiError::UnknownContent);
    }
    let next_cursor = next_cursor(&mut rows, limit, |row| Cursor {
        block_number: row.place.block_number,
        log_index: row.place.log_index,
    });
    let limit = query.limit.map(|limit| limit.to_string());
    let link = next_link(
        &format!("/v1/contents/{content_id}/streams"),
        &[("limit", limit.as_deref())],
        next_cursor.as_deref(),
    );
    let providers: Vec<&[u8]> = rows.iter().map(|row| row.provider.as_slice()).collect();
    let signs = api
        .liveness
        .signs_of_life(content_id.as_slice(), &providers)
        .await;
    let mut signs = signs.map(Vec::into_iter);
    let items = rows
        .into_iter()
        .map(|row| stream(row, signs.as_mut().map(|signs| signs.next().flatten())))
        .collect::<Result<_, _>>()?;
    tagged(&headers, &StreamPage { items, next_cursor }, link)
}

/// `sign`: nothing when liveness is not known; `Some(None)` when the provider is silent.
fn stream(row: StreamRow, sign: Option<Option<SignOfLife>>) -> Result<Stream, Error> {
    // A heartbeat for another URL is from before the stream was moved.
    let sign = sign.map(|sign| sign.filter(|sign| sign.url == row.url));
    let liveness = match &sign {
        None => Liveness::Unknown,
        Some(None) => Liveness::Offline,
        Some(Some(_)) => Liveness::Live,
    };
    let sign = sign.flatten();
    let last_seen = sign.as_ref().map(|sign| time(sign.at)).transpose()?;
    Ok(Stream {
        provider: hex(&row.provider),
        url: row.url,
        registered: row.place.try_into()?,
        liveness,
        viewers: sign.map(|sign| sign.viewers),
        last_seen,
    })
}
