//! Lists in pages: newest first, by keyset, so that a page stays right while rows arrive above it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::problem::ApiError;
use crate::error::Error;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items, 1 to 200; 50 when it is not given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The position of a row: rows below it come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The block's number.
    pub block_number: i64,
    /// The log's place within its block.
    pub log_index: i64,
}

impl Cursor {
    /// Above every row.
    pub const START: Self = Self {
        block_number: i64::MAX,
        log_index: i64::MAX,
    };

    fn encode(self) -> String {
        format!("{:x}-{:x}", self.block_number, self.log_index)
    }

    fn decode(text: &str) -> Option<Self> {
        let (block_number, log_index) = text.split_once('-')?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            i64::from_str_radix(digits, 16).ok().filter(|_| plain)
        };
        Some(Self {
            block_number: number(block_number)?,
            log_index: number(log_index)?,
        })
    }
}

impl PageQuery {
    /// The cursor and the number of items.
    ///
    /// # Errors
    /// [`ApiError::Malformed`] when either is not what the API says.
    pub fn bounds(&self) -> Result<(Cursor, u32), ApiError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::Malformed(format!("limit is 1 to {MAX_LIMIT}")));
        }
        let cursor = match &self.cursor {
            None => Cursor::START,
            Some(text) => Cursor::decode(text).ok_or_else(|| {
                ApiError::Malformed("cursor is not the next_cursor of a page".to_owned())
            })?,
        };
        Ok((cursor, limit))
    }
}

/// Cuts the row that was asked for beyond `limit` off, and says where the next page starts if there was one.
pub fn next_cursor<T>(rows: &mut Vec<T>, limit: u32, at: impl Fn(&T) -> Cursor) -> Option<String> {
    let limit = limit as usize;
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(|row| at(row).encode())
}

/// The header `Link` (RFC 8288) to the next page: `path` with the query of this one and the new cursor.
pub fn next_link(path: &str, query: &[(&str, Option<&str>)], next: Option<&str>) -> Option<String> {
    let next = next?;
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    pairs.append_pair("cursor", next);
    Some(format!("<{path}?{}>; rel=\"next\"", pairs.finish()))
}

/// Answers `body` with its `ETag`, or 304 when the client has it already.
///
/// The tag is a digest of the body, and not of the chain's head: heartbeats change an answer between two blocks, and most
/// blocks change none.
///
/// # Errors
/// [`Error::Corrupt`] when the body cannot be written as JSON.
pub fn tagged<T: Serialize>(
    request: &HeaderMap,
    body: &T,
    link: Option<String>,
) -> Result<Response, ApiError> {
    let json = serde_json::to_vec(body)
        .map_err(|_| Error::Corrupt("an answer that cannot be written as JSON"))?;
    let digest = alloy::primitives::keccak256(&json);
    let tag = format!("\"{}\"", alloy::hex::encode(&digest[..12]));
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == tag || value == "*");
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], json).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if let Some(Ok(link)) = link.map(|link| HeaderValue::from_str(&link)) {
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

/// A query whose rejection is a problem document.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let axum::extract::Query(value) =
            axum::extract::Query::<T>::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// A path's segment whose rejection is a problem document.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let axum::extract::Path(value) =
            axum::extract::Path::<String>::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        for cursor in [
            Cursor::START,
            Cursor {
                block_number: 0,
                log_index: 17,
            },
        ] {
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
    }

    #[test]
    fn what_was_never_a_cursor_is_refused() {
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "-1-2",
            "+1-2",
            "1-2-3",
            "ffffffffffffffff-0",
            "x-y",
        ] {
            assert_eq!(Cursor::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_link_carries_the_query_it_continues() {
        let link = next_link(
            "/v1/contents",
            &[("q", Some("a b&c")), ("creator", None)],
            Some("1-2"),
        );
        assert_eq!(
            link.unwrap(),
            "</v1/contents?q=a+b%26c&cursor=1-2>; rel=\"next\""
        );
        assert_eq!(next_link("/v1/contents", &[], None), None);
    }

    #[test]
    fn only_a_full_page_has_a_next_one() {
        let at = |row: &i64| Cursor {
            block_number: *row,
            log_index: 0,
        };
        let mut rows = vec![9, 8, 7];
        assert_eq!(next_cursor(&mut rows, 3, at), None);
        assert_eq!(next_cursor(&mut rows, 2, at), Some("8-0".to_owned()));
        assert_eq!(rows, [9, 8]);
    }
}
