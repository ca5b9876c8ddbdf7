//! `GET /v1/contents/{content_id}/views`.

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
use crate::store::rows::ViewRow;

/// A view that was paid for on Ethereum.
#[derive(Debug, Serialize, ToSchema)]
pub struct View {
    /// For whom it was paid.
    pub viewer: String,
    /// Who streamed it.
    pub provider: String,
    /// The currency: the zero address is ether.
    pub token: String,
    /// What was paid, in the token's smallest unit (decimal).
    #[schema(example = "1000000000000000")]
    pub price: String,
    /// The creator's part of it.
    #[schema(example = "900000000000000")]
    pub creator_amount: String,
    /// The provider's part of it.
    #[schema(example = "100000000000000")]
    pub provider_amount: String,
    /// To whom the creator's part was credited.
    pub payout: String,
    /// Where it was recorded.
    #[serde(flatten)]
    pub place: Place,
}

/// A page of views.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViewPage {
    /// Newest first.
    pub items: Vec<View>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which views.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// Only those that were paid for this viewer: 0x and 40 hex digits.
    pub viewer: Option<String>,
    /// How many items, 1 to 200; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The views of a content that were paid for on Ethereum, newest first.
#[utoipa::path(get, path = "/v1/contents/{content_id}/views", tag = "contents",
    params(("content_id" = String, Path, description = "0x and 64 hex digits"), ViewQuery),
    responses(
        (status = 200, description = "A page of views; `Link` names the next one", body = ViewPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "The id or a parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The content was never registered", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn list_views(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(content_id): Segment,
    Query(query): Query<ViewQuery>,
) -> Result<Response, ApiError> {
    let content_id = parse_content_id(&content_id)?;
    let viewer = query.viewer.as_deref().map(parse_address).transpose()?;
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (cursor, limit) = page.bounds()?;
    let mut rows = api
        .reader
        .views(content_id, viewer, cursor, i64::from(limit) + 1)
        .await?;
    if rows.is_empty() && !api.reader.content_exists(content_id).await? {
        return Err(ApiError::UnknownContent);
    }
    let next_cursor = next_cursor(&mut rows, limit, |row| Cursor {
        block_number: row.place.block_number,
        log_index: row.place.log_index,
    });
    let limit = page.limit.map(|limit| limit.to_string());
    let link = next_link(
        &format!("/v1/contents/{content_id}/views"),
        &[
            ("viewer", query.viewer.as_deref()),
            ("limit", limit.as_deref()),
        ],
        next_cursor.as_deref(),
    );
    let items = rows.into_iter().map(view).collect::<Result<_, _>>()?;
    tagged(&headers, &ViewPage { items, next_cursor }, link)
}

fn view(row: ViewRow) -> Result<View, Error> {
    Ok(View {
        viewer: hex(&row.viewer),
        provider: hex(&row.provider),
        token: hex(&row.token),
        price: row.price,
        creator_amount: row.creator_amount,
        provider_amount: row.provider_amount,
        payout: hex(&row.payout),
        place: row.place.try_into()?,
    })
}
