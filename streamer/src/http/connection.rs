//! What WHIP and WHEP share: how a media connection is answered, named and ended.

use std::str::FromStr;

use alloy::primitives::B256;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::content_id;
use crate::error::{Code, Error, Result, refused};
use crate::media::{Accepted, ResourceId};

/// 201 with the SDP answer, and the connection's name under `base`.
pub(super) fn created(base: &str, content: B256, accepted: Accepted) -> Result<Response> {
    let location = format!("/{base}/{content}/{}", accepted.resource);
    let location =
        HeaderValue::from_str(&location).map_err(|error| Error::Internal(error.to_string()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/sdp"),
        ),
        (header::LOCATION, location),
    ];
    Ok((StatusCode::CREATED, headers, accepted.sdp).into_response())
}

/// The content and the connection that a path names.
pub(super) fn named((content, resource): &(String, String)) -> Result<(B256, ResourceId)> {
    let content = content_id(content)?;
    let resource = ResourceId::from_str(resource).map_err(|_| missing())?;
    Ok((content, resource))
}

/// The answer to an end: 404 when there was nothing to end.
pub(super) fn ended(was_there: bool) -> Result<StatusCode> {
    if was_there {
        Ok(StatusCode::OK)
    } else {
        Err(missing())
    }
}

fn missing() -> Error {
    refused(Code::NotFound, "there is no such connection")
}
