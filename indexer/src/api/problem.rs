//! Every error of the API, as `application/problem+json` (RFC 9457).
//!
//! What went wrong inside is logged here once, and never told to the client.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;

/// An error, as the API tells it (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` tells the kinds apart.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status, in words.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// The kind of error, for programs: see section 11 of the protocol.
    #[schema(example = "unknown_content")]
    code: &'static str,
    /// What is wrong, for people.
    detail: String,
}

/// Why a request is not answered as asked.
#[derive(Debug)]
pub enum ApiError {
    /// A part of the request is not what the API says.
    Malformed(String),
    /// The signature is not the one of the account named.
    BadSignature(String),
    /// The word is too old, too new, or was said before.
    Unauthorized(String),
    /// The signer may not do this.
    Forbidden(String),
    /// No such content was ever registered.
    UnknownContent,
    /// No such path.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The body is over its bound.
    TooLarge,
    /// The body is not JSON by its `Content-Type`.
    UnsupportedMediaType,
    /// Something that this needs does not answer now.
    Unavailable(&'static str),
    /// Something inside failed.
    Internal(Error),
}

impl ApiError {
    fn parts(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Malformed(detail) => (StatusCode::BAD_REQUEST, "malformed", detail),
            Self::BadSignature(detail) => (StatusCode::UNAUTHORIZED, "bad_signature", detail),
            Self::Unauthorized(detail) => (StatusCode::UNAUTHORIZED, "unauthorized", detail),
            Self::Forbidden(detail) => (StatusCode::FORBIDDEN, "forbidden", detail),
            Self::UnknownContent => (
                StatusCode::NOT_FOUND,
                "unknown_content",
                "no content with this id is in the registry".to_owned(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "there is nothing at this path".to_owned(),
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take that method".to_owned(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is over its bound".to_owned(),
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be application/json".to_owned(),
            ),
            Self::Unavailable(detail) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                detail.to_owned(),
            ),
            Self::Internal(error) if error.is_transient() => {
                tracing::warn!(error = %error.chain(), "a request failed");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "the database does not answer".to_owned(),
                )
            }
            Self::Internal(error) => {
                tracing::error!(error = %error.chain(), "a request failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "an error of the indexer; it has been logged".to_owned(),
                )
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.parts();
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail,
        };
        let mut response = (status, axum::Json(problem)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Internal(error)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            _ => Self::Malformed(rejection.body_text()),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}
