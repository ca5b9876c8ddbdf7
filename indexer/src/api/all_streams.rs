//! `GET /v1/streams`: the streams of all contents, or those of a CID, a provider, or both.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::page::{Cursor, PageQuery, Query, next_cursor, next_link, tagged};
use super::problem::{ApiError, Problem};
use super::value::{Place, hex, parse_address};
use crate::error::Error;
use crate::store::rows::ContentStreamRow;

/// The longest CID, in bytes.
const MAX_CID: usize = 256;

/// A stream that is registered now, and what it is of.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentStream {
    /// The content.
    pub content_id: String,
    /// Its CID.
    pub cid: String,
    /// Its title.
    pub name: String,
    /// Who made it.
    pub creator: String,
    /// The provider's account.
    pub provider: String,
    /// Where the streamer answers.
    pub url: String,
    /// Where it was registered with this URL.
    pub registered: Place,
}

/// A page of streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentStreamPage {
    /// Newest first.
    pub items: Vec<ContentStream>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which streams.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Only those of contents with this CID.
    pub cid: Option<String>,
    /// Only those of this provider's account.
    pub provider: Option<String>,
    /// How many items, 1 to 200; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The streams that are registered now, newest first.
#[utoipa::path(get, path = "/v1/streams", tag = "streams", params(StreamQuery),
    responses(
        (status = 200, description = "A page of streams; `Link` names the next one", body = ContentStreamPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "A parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn list_all_streams(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(query): Query<StreamQuery>,
) -> Result<Response, ApiError> {
    let provider = query.provider.as_deref().map(parse_address).transpose()?;
    let cid = query.cid.as_deref().filter(|cid| !cid.is_empty());
    if cid.is_some_and(|cid| cid.len() > MAX_CID || cid.contains('\0')) {
        return Err(ApiError::Malformed(format!(
            "a CID is at most {MAX_CID} bytes and holds no NUL"
        )));
    }
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let (cursor, limit) = page.bounds()?;
    let mut rows = api
        .reader
        .all_streams(cid, provider, cursor, i64::from(limit) + 1)
        .await?;
    let next_cursor = next_cursor(&mut rows, limit, |row| Cursor {
        block_number: row.place.block_number,
        log_index: row.place.log_index,
    });
    let limit = query.limit.map(|limit| limit.to_string());
    let link = next_link(
        "/v1/streams",
        &[
            ("cid", cid),
            ("provider", query.provider.as_deref()),
            ("limit", limit.as_deref()),
        ],
        next_cursor.as_deref(),
    );
    let items = rows.into_iter().map(stream).collect::<Result<_, _>>()?;
    tagged(&headers, &ContentStreamPage { items, next_cursor }, link)
}

fn stream(row: ContentStreamRow) -> Result<ContentStream, Error> {
    Ok(ContentStream {
        content_id: hex(&row.content_id),
        cid: row.cid,
        name: row.name,
        creator: hex(&row.creator),
        provider: hex(&row.provider),
        url: row.url,
        registered: row.place.try_into()?,
    })
}
