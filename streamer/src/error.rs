//! Every error of the streamer, and what a client is told of it.
//!
//! A client sees a [`Code`] of docs/protocol.md, section 11, and a sentence: as `application/problem+json` (RFC 9457)
//! on HTTP, as an `error` message on the socket. What went wrong inside is logged once and never returned.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::StoreError;

/// The error codes of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Code {
    Malformed,
    MalformedSdp,
    Unauthorized,
    PaymentRequired,
    Forbidden,
    UnknownContent,
    UnknownChannel,
    NotFound,
    StreamOffline,
    FundingNotFound,
    FundingConflict,
    WrongScript,
    CapacityTooLow,
    UnsupportedScript,
    RailUnavailable,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    Unavailable,
    NotStarted,
    AlreadyStarted,
    BadSignature,
    WrongChannel,
    ChannelNotOpen,
    ChannelExpired,
    SequenceMismatch,
    AmountNotRising,
    AmountExceedsCapacity,
    ContentDamaged,
    ViewNotFound,
    UploadConflict,
    QuotaExceeded,
    NotAcceptable,
    UnprocessableVideo,
    TooSlow,
}

impl Code {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::MalformedSdp | Self::NotStarted | Self::AlreadyStarted => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthorized | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownContent | Self::UnknownChannel | Self::NotFound => StatusCode::NOT_FOUND,
            Self::StreamOffline
            | Self::FundingNotFound
            | Self::FundingConflict
            | Self::RailUnavailable
            | Self::WrongChannel
            | Self::ChannelNotOpen
            | Self::ChannelExpired
            | Self::SequenceMismatch
            | Self::AmountNotRising
            | Self::ViewNotFound
            | Self::UploadConflict
            | Self::AmountExceedsCapacity => StatusCode::CONFLICT,
            Self::WrongScript
            | Self::CapacityTooLow
            | Self::UnsupportedScript
            | Self::UnprocessableVideo => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
            Self::ContentDamaged => StatusCode::BAD_GATEWAY,
        }
    }

    /// The code as it is written on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::MalformedSdp => "malformed_sdp",
            Self::Unauthorized => "unauthorized",
            Self::PaymentRequired => "payment_required",
            Self::Forbidden => "forbidden",
            Self::UnknownContent => "unknown_content",
            Self::UnknownChannel => "unknown_channel",
            Self::NotFound => "not_found",
            Self::StreamOffline => "stream_offline",
            Self::FundingNotFound => "funding_not_found",
            Self::FundingConflict => "funding_conflict",
            Self::WrongScript => "wrong_script",
            Self::CapacityTooLow => "capacity_too_low",
            Self::UnsupportedScript => "unsupported_script",
            Self::RailUnavailable => "rail_unavailable",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::NotStarted => "not_started",
            Self::AlreadyStarted => "already_started",
            Self::BadSignature => "bad_signature",
            Self::WrongChannel => "wrong_channel",
            Self::ChannelNotOpen => "channel_not_open",
            Self::ChannelExpired => "channel_expired",
            Self::SequenceMismatch => "sequence_mismatch",
            Self::AmountNotRising => "amount_not_rising",
            Self::AmountExceedsCapacity => "amount_exceeds_capacity",
            Self::ContentDamaged => "content_damaged",
            Self::ViewNotFound => "view_not_found",
            Self::UploadConflict => "upload_conflict",
            Self::QuotaExceeded => "quota_exceeded",
            Self::NotAcceptable => "not_acceptable",
            Self::UnprocessableVideo => "unprocessable_video",
            Self::TooSlow => "too_slow",
        }
    }

    /// The code with this name on the wire.
    #[must_use]
    pub fn from_wire(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

/// What can go wrong in the streamer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client asked for something that is refused; nothing has changed. A retry of the same does not help, except
    /// where the code says so (`rate_limited`, `funding_not_found`, `too_slow`).
    #[error("{detail}")]
    Refused {
        /// Why, for a program.
        code: Code,
        /// Why, for a person.
        detail: String,
    },
    /// A node that is needed does not answer. A retry helps.
    #[error("the {service} node does not answer")]
    Unavailable {
        /// Which: `Ethereum` or `Bitcoin`.
        service: &'static str,
        /// What happened.
        detail: String,
    },
    /// The journal or the library cannot be written or read.
    #[error("the database failed: {0}")]
    Journal(#[from] sqlx::Error),
    /// The structure of one of them could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A file of ours holds something that this version cannot read.
    #[error("the journal's entry is damaged: {0}")]
    Damaged(String),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content store failed, or does not hold what was asked for.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// A setting cannot be used.
    #[error("{0}")]
    Config(String),
    /// A rule that always holds was broken: a defect.
    #[error("internal: {0}")]
    Internal(String),
}

/// The result of most of the streamer's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal, as an error.
#[must_use]
pub fn refused(code: Code, detail: impl Into<String>) -> Error {
    Error::Refused {
        code,
        detail: detail.into(),
    }
}

impl Error {
    /// What the client is told.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Store(error) => error.code(),
            Self::Unavailable { .. }
            | Self::Journal(_)
            | Self::Migrate(_)
            | Self::Damaged(_)
            | Self::File { .. }
            | Self::Config(_)
            | Self::Internal(_) => Code::Unavailable,
        }
    }

    /// The sentence that the client is told; it holds nothing internal.
    #[must_use]
    pub fn public_detail(&self) -> String {
        match self {
            Self::Refused { detail, .. } => detail.clone(),
            Self::Store(error) => error.public_detail(),
            Self::Unavailable { service, .. } => {
                format!("the provider's {service} node does not answer; try again")
            }
            Self::Journal(_)
            | Self::Migrate(_)
            | Self::Damaged(_)
            | Self::File { .. }
            | Self::Config(_)
            | Self::Internal(_) => "the provider cannot do this now; try again".to_owned(),
        }
    }

    /// Writes what is not the client's doing to the log.
    pub fn log(&self) {
        match self {
            Self::Refused { code, detail } => {
                tracing::debug!(code = code.as_str(), detail, "refused")
            }
            Self::Unavailable { service, detail } => {
                tracing::warn!(service, detail, "a node does not answer")
            }
            Self::Store(error) if !error.is_ours() => {
                tracing::debug!(%error, "refused by the store");
            }
            other => tracing::error!(error = %other, "a request failed"),
        }
    }
}

/// That a node does not answer. Its address may hold a token, and transports repeat it: of an address only scheme and host are kept.
pub(crate) fn unanswered(service: &'static str, detail: &str) -> Error {
    let mut shown = String::with_capacity(detail.len());
    let mut rest = detail;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let ends = |character: char| character.is_whitespace() || "()<>\"'`,".contains(character);
        let (address, left) = after.split_at(after.find(ends).unwrap_or(after.len()));
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        shown.push_str(before);
        shown.push_str(authority.rsplit('@').next().unwrap_or_default());
        rest = left;
    }
    shown.push_str(rest);
    Error::Unavailable {
        service,
        detail: shown,
    }
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The HTTP status's phrase.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Why, for a program.
    pub code: Code,
    /// Why, for a person.
    pub detail: String,
    /// The offer, with `payment_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub offer: Option<serde_json::Value>,
}

/// A problem document as a response.
#[must_use]
pub fn problem(code: Code, detail: String, offer: Option<serde_json::Value>) -> Response {
    let status = code.status();
    let body = Problem {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        code,
        detail,
        offer,
    };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match code {
        Code::RateLimited | Code::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        Code::Unauthorized => {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"paystream\""),
            );
        }
        _ => {}
    }
    response
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        problem(self.code(), self.public_detail(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_named_on_the_wire_as_it_is_in_json() {
        for code in [
            Code::Malformed,
            Code::MalformedSdp,
            Code::AmountExceedsCapacity,
            Code::RateLimited,
            Code::NotStarted,
            Code::TooSlow,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(Code::from_wire(code.as_str()), Some(code));
        }
    }

    #[test]
    fn of_a_nodes_address_only_the_host_is_kept() {
        for (detail, shown) in [
            (
                "error sending request for url (https://eth.example/v2/token?key=token)",
                "error sending request for url (https://eth.example)",
            ),
            (
                "http://user:token@127.0.0.1:8545/ and https://a.example#token, both",
                "http://127.0.0.1:8545 and https://a.example, both",
            ),
            ("no answer in time", "no answer in time"),
        ] {
            let error = unanswered("Ethereum", detail);
            assert!(
                matches!(&error, Error::Unavailable { detail, .. } if detail == shown),
                "{error:?}"
            );
        }
    }

    #[test]
    fn what_is_internal_is_not_told_to_clients() {
        let error = Error::Internal("secret path".to_owned());
        assert_eq!(error.code(), Code::Unavailable);
        assert!(!error.public_detail().contains("secret"));
    }
}
