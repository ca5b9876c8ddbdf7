//! `GET /v1/contents` and `GET /v1/contents/{content_id}`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::page::{Cursor, PageQuery, Query, Segment, next_cursor, next_link, tagged};
use super::problem::{ApiError, Problem};
use super::value::{Place, hex, parse_address, parse_content_id};
use crate::error::Error;
use crate::store::rows::{BlockRow, ContentRow};

/// The longest search, in bytes.
const MAX_SEARCH: usize = 256;

/// What a creator asks for a content.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Terms {
    /// The currency of the prices on Ethereum: the zero address is ether.
    pub token: String,
    /// Receives the creator's share on Ethereum.
    pub payout: String,
    /// The creator's share of every payment, in basis points.
    #[schema(minimum = 0, maximum = 10_000)]
    pub creator_share_bps: i32,
    /// The price of one view, in the token's smallest unit (decimal).
    #[schema(example = "1000000000000000")]
    pub price_per_view: String,
    /// The price of one second, in the token's smallest unit (decimal).
    #[schema(example = "0")]
    pub price_per_second: String,
    /// The price of one second on the Bitcoin rail, in thousandths of a satoshi (decimal); "0" means no Bitcoin.
    #[schema(example = "20000")]
    pub msat_per_second: String,
}

/// A content, as it is registered now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Content {
    /// keccak256(abi.encode(creator, cid)).
    pub content_id: String,
    /// The account that registered it.
    pub creator: String,
    /// The CID, as it was registered. Bytes that are no UTF-8 are shown as U+FFFD.
    pub cid: String,
    /// A title for people.
    pub name: String,
    /// Where more about it is found; may be empty.
    pub metadata_uri: String,
    /// Whether it is offered now.
    pub active: bool,
    /// The terms in force.
    pub terms: Terms,
    /// The creator's output script on Bitcoin, as hex without a prefix; null when there is none.
    #[schema(example = "0014751e76e8199196d454941c45d1b3a323f1433bd6")]
    pub bitcoin_payout: Option<String>,
    /// Where it was registered (again, if it was withdrawn before).
    pub registered: Place,
    /// Where anything about it last changed.
    pub updated: Place,
    /// How many views were paid for on Ethereum.
    #[schema(minimum = 0)]
    pub views: i64,
    /// Whether a provider says that it serves it now; null when that is not known.
    pub live: Option<bool>,
}

/// A page of contents.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentPage {
    /// Newest first.
    pub items: Vec<Content>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which contents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// Only those of this creator.
    pub creator: Option<String>,
    /// Only those whose name contains this, in any case, or whose CID it is. At most 256 bytes.
    pub q: Option<String>,
    /// How many items, 1 to 200; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Contents, newest first.
///
/// Also those that are no longer offered (`active`: false).
#[utoipa::path(get, path = "/v1/contents", tag = "contents", params(ContentQuery),
    responses(
        (status = 200, description = "A page of contents; `Link` names the next one", body = ContentPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "A parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn list_contents(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(query): Query<ContentQuery>,
) -> Result<Response, ApiError> {
    let creator = query.creator.as_deref().map(parse_address).transpose()?;
    let search = query.q.as_deref().filter(|search| !search.is_empty());
    if search.is_some_and(|search| search.len() > MAX_SEARCH || search.contains('\0')) {
        return Err(ApiError::Malformed(format!(
            "q is at most {MAX_SEARCH} bytes and holds no NUL"
        )));
    }
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let (cursor, limit) = page.bounds()?;
    let mut rows = api
        .reader
        .contents(creator, search, cursor, i64::from(limit) + 1)
        .await?;
    let next_cursor = next_cursor(&mut rows, limit, |row| Cursor {
        block_number: row.registered.block_number,
        log_index: row.registered.log_index,
    });
    let ids: Vec<&[u8]> = rows.iter().map(|row| row.content_id.as_slice()).collect();
    let live = api.liveness.live(&ids).await;
    let limit = query.limit.map(|limit| limit.to_string());
    let link = next_link(
        "/v1/contents",
        &[
            ("creator", query.creator.as_deref()),
            ("q", search),
            ("limit", limit.as_deref()),
        ],
        next_cursor.as_deref(),
    );
    let items = rows
        .into_iter()
        .enumerate()
        .map(|(index, row)| {
            let live = live.as_ref().and_then(|live| live.get(index).copied());
            content(row, live)
        })
        .collect::<Result<_, _>>()?;
    tagged(&headers, &ContentPage { items, next_cursor }, link)
}

/// One content.
#[utoipa::path(get, path = "/v1/contents/{content_id}", tag = "contents",
    params(("content_id" = String, Path, description = "0x and 64 hex digits")),
    responses(
        (status = 200, description = "The content", body = Content),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "The id is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "It was never registered", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn get_content(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(content_id): Segment,
) -> Result<Response, ApiError> {
    let content_id = parse_content_id(&content_id)?;
    let row = api
        .reader
        .content(content_id)
        .await?
        .ok_or(ApiError::UnknownContent)?;
    let live = api.liveness.live(&[content_id.as_slice()]).await;
    let live = live.and_then(|live| live.first().copied());
    tagged(&headers, &content(row, live)?, None)
}

fn content(row: ContentRow, live: Option<bool>) -> Result<Content, Error> {
    let updated = BlockRow {
        block_number: row.updated_block_number,
        block_hash: row.updated_block_hash,
        timestamp: row.updated_timestamp,
        transaction_hash: row.updated_transaction_hash,
        log_index: row.updated_log_index,
    };
    Ok(Content {
        content_id: hex(&row.content_id),
        creator: hex(&row.creator),
        cid: row.cid,
        name: row.name,
        metadata_uri: row.metadata_uri,
        active: row.active,
        terms: Terms {
            token: hex(&row.token),
            payout: hex(&row.payout),
            creator_share_bps: row.creator_share_bps,
            price_per_view: row.price_per_view,
            price_per_second: row.price_per_second,
            msat_per_second: row.msat_per_second,
        },
        bitcoin_payout: row.bitcoin_payout.map(alloy::hex::encode),
        registered: row.registered.try_into()?,
        updated: updated.try_into()?,
        views: row.views,
        live,
    })
}
