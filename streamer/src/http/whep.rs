//! `POST /whep/{content_id}`: media out. Without a token it answers 402 with the offer.

use std::sync::{Arc, PoisonError};

use alloy::primitives::B256;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;

use super::body::{Sdp, bearer, content_id};
use super::connection::{created, ended, named};
use super::offer;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, problem, refused};
use crate::session::MediaGrant;
use crate::sign_in::random_hex;

/// Connects a viewer.
#[utoipa::path(post, path = "/whep/{content_id}", params(("content_id" = String, Path)), request_body(content = String, content_type = "application/sdp"), responses(
    (status = 201, description = "The SDP answer; Location names the connection", body = String, content_type = "application/sdp"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 402, body = Problem, content_type = "application/problem+json", description = "The offer: as `offer` in the document, and as a challenge in WWW-Authenticate"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn view(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response> {
    let content = content_id(&id)?;
    let grant = bearer(request.headers())
        .and_then(|token| grant_of(&app, token))
        .filter(|grant| grant.content == content);
    let Some(grant) = grant else {
        return payment_required(&app, content).await;
    };
    let Sdp(sdp) = Sdp::from_request(request, &app).await?;
    let accepted = app
        .media
        .view(content, &sdp, Arc::clone(&grant.viewer))
        .await?;
    let former = grant
        .resource
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(accepted.resource);
    if let Some(former) = former {
        app.media.remove(former);
    }
    if !app.sessions.holds(&grant) && !app.passes.holds(&grant, Timestamp::now()) {
        // The session or the pass ended meanwhile, without knowing of this connection.
        app.media.remove(accepted.resource);
        return payment_required(&app, content).await;
    }
    created("whep", content, accepted)
}

/// Ends a viewer's media; the session goes on.
#[utoipa::path(delete, path = "/whep/{content_id}/{resource}", params(("content_id" = String, Path), ("resource" = String, Path)), responses(
    (status = 200, description = "The media has ended"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let (_, resource) = named(&path)?;
    let grant = bearer(&headers)
        .and_then(|token| grant_of(&app, token))
        .ok_or_else(|| refused(Code::Unauthorized, "the session's media token is needed"))?;
    let held = grant
        .resource
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take_if(|held| *held == resource);
    if let Some(resource) = held {
        app.media.remove(resource);
    }
    ended(held.is_some())
}

/// What a media token opens: that of a session, or a pass.
fn grant_of(app: &App, token: &str) -> Option<MediaGrant> {
    app.sessions
        .grant(token)
        .or_else(|| app.passes.grant(token, Timestamp::now()))
}

/// 402 with the offer, as `offer` in the document and as a challenge.
pub(super) async fn payment_required(app: &App, content: B256) -> Result<Response> {
    let offer = serde_json::to_value(offer::make(app, content).await?)
        .map_err(|error| Error::Internal(error.to_string()))?;
    let request = base64_url(offer.to_string().as_bytes());
    let challenge = format!(
        "Payment id=\"{}\", realm=\"paystream\", method=\"bitcoin-channel\", intent=\"session\", request=\"{request}\"",
        random_hex::<16>()
    );
    let detail = "a session that pays for this content is needed, and its media token".to_owned();
    let mut response = problem(Code::PaymentRequired, detail, Some(offer));
    let challenge =
        HeaderValue::from_str(&challenge).map_err(|error| Error::Internal(error.to_string()))?;
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    Ok(response)
}

/// Base64url without padding (RFC 4648, section 5).
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (index, byte)| {
            group | u32::from(*byte) << (16 - 8 * index)
        });
        for index in 0..=chunk.len() {
            let digit = (group >> (18 - 6 * index)) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_no_padding_and_is_safe_in_urls() {
        let cases: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (&[0xfb, 0xff, 0xfe], "-__-"),
        ];
        for (bytes, text) in cases {
            assert_eq!(base64_url(bytes), text);
        }
    }
}
