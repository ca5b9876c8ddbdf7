//! `GET /api/get-records/cid/{cid}` and `GET /api/get-records/provider/{provider}`: views by CID and by provider, in the
//! shape of the older Host API (docs/host-api.md).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::page::{Cursor, PageQuery, Query, Segment, next_cursor, next_link, tagged};
use super::problem::{ApiError, Problem};
use super::value::{Place, hex, parse_address};
use crate::error::Error;
use crate::store::rows::{RecordFilter, RecordRow};

/// The longest CID, in bytes.
const MAX_CID: usize = 256;

/// A view that was paid for on Ethereum.
#[derive(Debug, Serialize, ToSchema)]
pub struct Record {
    /// The content's CID.
    pub cid: String,
    /// The content.
    pub content_id: String,
    /// For whom it was paid.
    pub blockchain_address: String,
    /// Who streamed it.
    pub provider_wallet: String,
    /// Who made it.
    pub creator_wallet: String,
    /// What was paid, in the token's smallest unit (decimal).
    #[schema(example = "1000000000000000")]
    pub price: String,
    /// The currency: the zero address is ether.
    pub token: String,
    /// Where it was recorded.
    #[serde(flatten)]
    pub place: Place,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordPage {
    /// Newest first.
    pub records: Vec<Record>,
    /// `cursor` of the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Only those of this day (UTC) or later: YYYY-MM-DD.
    #[param(example = "2026-01-31")]
    pub start_date: Option<String>,
    /// Only those of this day (UTC) or earlier: YYYY-MM-DD.
    #[param(example = "2026-02-28")]
    pub end_date: Option<String>,
    /// How many items, 1 to 200; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The views of all contents with a CID, newest first; none when there are none.
#[utoipa::path(get, path = "/api/get-records/cid/{cid}", tag = "contents",
    params(("cid" = String, Path, description = "The CID, as it was registered"), RecordQuery),
    responses(
        (status = 200, description = "A page of records; `Link` names the next one", body = RecordPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "A parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn records_by_cid(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(cid): Segment,
    Query(query): Query<RecordQuery>,
) -> Result<Response, ApiError> {
    if cid.len() > MAX_CID || cid.contains('\0') {
        return Err(ApiError::Malformed(format!(
            "a CID is at most {MAX_CID} bytes and holds no NUL"
        )));
    }
    let path = format!("/api/get-records/cid/{}", escaped(&cid));
    let filter = RecordFilter {
        cid: Some(cid),
        ..RecordFilter::default()
    };
    records(&api, &headers, &path, filter, &query).await
}

/// The views that a provider was paid for, newest first; none when there are none.
#[utoipa::path(get, path = "/api/get-records/provider/{provider}", tag = "accounts",
    params(("provider" = String, Path, description = "0x and 40 hex digits"), RecordQuery),
    responses(
        (status = 200, description = "A page of records; `Link` names the next one", body = RecordPage),
        (status = 304, description = "As the client has it (`If-None-Match`)"),
        (status = 400, description = "A parameter is malformed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn records_by_provider(
    State(api): State<Api>,
    headers: HeaderMap,
    Segment(provider): Segment,
    Query(query): Query<RecordQuery>,
) -> Result<Response, ApiError> {
    let provider = parse_address(&provider)?;
    let path = format!("/api/get-records/provider/{provider:#x}");
    let filter = RecordFilter {
        provider: Some(provider.to_vec()),
        ..RecordFilter::default()
    };
    records(&api, &headers, &path, filter, &query).await
}

async fn records(
    api: &Api,
    headers: &HeaderMap,
    path: &str,
    mut filter: RecordFilter,
    query: &RecordQuery,
) -> Result<Response, ApiError> {
    filter.from = match &query.start_date {
        Some(date) => Some(begin("start_date", date, 0)?),
        None => None,
    };
    filter.before = match &query.end_date {
        Some(date) => Some(begin("end_date", date, 1)?),
        None => None,
    };
    let page = PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    };
    let (cursor, limit) = page.bounds()?;
    let mut rows = api
        .reader
        .records(&filter, cursor, i64::from(limit) + 1)
        .await?;
    let next_cursor = next_cursor(&mut rows, limit, |row| Cursor {
        block_number: row.place.block_number,
        log_index: row.place.log_index,
    });
    let limit = query.limit.map(|limit| limit.to_string());
    let link = next_link(
        path,
        &[
            ("start_date", query.start_date.as_deref()),
            ("end_date", query.end_date.as_deref()),
            ("limit", limit.as_deref()),
        ],
        next_cursor.as_deref(),
    );
    let records = rows.into_iter().map(record).collect::<Result<_, _>>()?;
    let body = RecordPage {
        records,
        next_cursor,
    };
    tagged(headers, &body, link)
}

fn record(row: RecordRow) -> Result<Record, Error> {
    Ok(Record {
        cid: row.cid,
        content_id: hex(&row.content_id),
        blockchain_address: hex(&row.viewer),
        provider_wallet: hex(&row.provider),
        creator_wallet: hex(&row.creator),
        price: row.price,
        token: hex(&row.token),
        place: row.place.try_into()?,
    })
}

/// The first second of a day, or of one some days later.
fn begin(field: &str, text: &str, days_later: i64) -> Result<i64, ApiError> {
    let day = || {
        let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
        let date = date.checked_add(jiff::Span::new().days(days_later)).ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    };
    day().ok_or_else(|| ApiError::Malformed(format!("{field} is a day: YYYY-MM-DD")))
}

/// A text as one segment of a path.
fn escaped(segment: &str) -> String {
    segment
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_days_holds_its_first_and_its_last_second() {
        assert_eq!(begin("start_date", "1970-01-02", 0).unwrap(), 86_400);
        assert_eq!(begin("end_date", "1970-01-02", 1).unwrap(), 2 * 86_400);
        for text in [
            "",
            "1970-1-2",
            "1970-02-30",
            "1970-01-02T00:00:00Z",
            "today12345",
        ] {
            assert!(begin("start_date", text, 0).is_err(), "{text}");
        }
        assert!(begin("end_date", "9999-12-31", 1).is_err());
    }

    #[test]
    fn a_cid_of_any_bytes_is_one_segment() {
        assert_eq!(escaped("bafy-1"), "bafy-1");
        assert_eq!(escaped("a/b?é"), "a%2Fb%3F%C3%A9");
    }
}
