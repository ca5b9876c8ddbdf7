//! Request bodies and paths, with errors as the protocol has them.

use std::str::FromStr;

use alloy::primitives::B256;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::error::{Code, Error, Result, refused};

/// A JSON body.
pub(super) struct JsonBody<T>(pub T);

/// An SDP body.
pub(super) struct Sdp(pub String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = bytes(request, state, "application/json").await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| refused(Code::Malformed, error.to_string()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Sdp {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let bytes = bytes(request, state, "application/sdp").await?;
        String::from_utf8(bytes.to_vec())
            .map(Self)
            .map_err(|_| refused(Code::MalformedSdp, "the offer is not UTF-8"))
    }
}

/// The body, when it is of this type and not too large.
pub(super) async fn bytes<S: Send + Sync>(
    request: Request,
    state: &S,
    media_type: &str,
) -> Result<Bytes> {
    let given = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(refused(
            Code::UnsupportedMediaType,
            format!("the body must be {media_type}"),
        ));
    }
    body(request, state).await
}

/// The body, whatever its type, when it is not too large.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                refused(Code::TooLarge, "the body is too large")
            } else {
                refused(Code::Malformed, "the body could not be read")
            }
        })
}

/// A content's id of a path.
pub(super) fn content_id(text: &str) -> Result<B256> {
    let id = text
        .starts_with("0x")
        .then(|| B256::from_str(text).ok())
        .flatten();
    id.ok_or_else(|| refused(Code::Malformed, "a content id is 0x and 64 hex digits"))
}

/// The bearer token of a request, or nothing.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
