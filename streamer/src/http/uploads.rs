//! `/v1/uploads`: resumable uploads by the tus protocol 1.0.0 (<https://tus.io/protocols/resumable-upload>), with its extensions creation,
//! expiration and termination.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use alloy::primitives::Address;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use jiff::Timestamp;

use super::authorisation::Authorised;
use super::client_address::client_address;
use super::items::of_caller;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, problem, refused};
use crate::library;
use crate::upload::Description;

/// What clients send.
pub(super) const REQUEST_HEADERS: [&str; 6] = [
    TUS_RESUMABLE,
    UPLOAD_LENGTH,
    UPLOAD_OFFSET,
    UPLOAD_METADATA,
    METHOD_OVERRIDE,
    "x-requested-with",
];
/// What clients may read.
pub(super) const RESPONSE_HEADERS: [&str; 8] = [
    TUS_RESUMABLE,
    TUS_VERSION,
    TUS_EXTENSION,
    TUS_MAX_SIZE,
    UPLOAD_LENGTH,
    UPLOAD_OFFSET,
    UPLOAD_METADATA,
    UPLOAD_EXPIRES,
];
const TUS_RESUMABLE: &str = "tus-resumable";
const TUS_VERSION: &str = "tus-version";
const TUS_EXTENSION: &str = "tus-extension";
const TUS_MAX_SIZE: &str = "tus-max-size";
const UPLOAD_LENGTH: &str = "upload-length";
const UPLOAD_OFFSET: &str = "upload-offset";
const UPLOAD_METADATA: &str = "upload-metadata";
const UPLOAD_EXPIRES: &str = "upload-expires";
const METHOD_OVERRIDE: &str = "x-http-method-override";
const VERSION: &str = "1.0.0";
const BASE: &str = "/v1/uploads";
/// The longest metadata.
const MAX_METADATA: usize = 16 * 1024;

/// Whether a request is an upload: it lasts as long as its bytes take, or its preparation.
pub(super) fn takes_its_time(request: &Request) -> bool {
    let path = request.uri().path();
    path == super::upload_content::PATH
        || path
            .strip_prefix(BASE)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Answers `OPTIONS` of clients that ask what this server can do; a browser's preflight is not one of them.
pub(super) async fn discover(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let asks = request.method() == Method::OPTIONS
        && request.uri().path().starts_with(BASE)
        && !request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return next.run(request).await;
    }
    let headers = [
        (TUS_RESUMABLE, VERSION.to_owned()),
        (TUS_VERSION, VERSION.to_owned()),
        (TUS_EXTENSION, "creation,expiration,termination".to_owned()),
        (TUS_MAX_SIZE, app.uploads.bounds().upload_bytes.to_string()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begins an upload. `Upload-Metadata` may hold `title`, `description`, `filename` and `filetype`.
#[utoipa::path(post, path = "/v1/uploads", params(
    ("Tus-Resumable" = String, Header, description = "1.0.0"),
    ("Upload-Length" = u64, Header, description = "The file's bytes"),
    ("Upload-Metadata" = Option<String>, Header, description = "Pairs of a key and base64, separated by commas"),
), responses(
    (status = 201, description = "`Location` is the upload; its last part is the item's id"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 412, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 507, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Authorised,
    headers: HeaderMap,
) -> Response {
    let begin = async {
        let owner = owner(&app, caller)?;
        if headers.contains_key("upload-defer-length") {
            return Err(refused(
                Code::Malformed,
                "the length must be known: Upload-Defer-Length is not taken",
            ));
        }
        let length = number(&headers, UPLOAD_LENGTH)?;
        let description = match headers.get(UPLOAD_METADATA) {
            Some(value) => metadata(value)?,
            None => Description::default(),
        };
        let item = app.uploads.create(owner, Some(length), description).await?;
        let location = format!("{BASE}/{}", item.item_id);
        let mut answer = at(&app, StatusCode::CREATED, &item)?;
        answer
            .headers_mut()
            .insert(header::LOCATION, value(&location)?);
        Ok(answer)
    };
    spoken(&headers, begin).await
}

/// Where an upload stands.
#[utoipa::path(head, path = "/v1/uploads/{item_id}", params(
    ("item_id" = String, Path),
    ("Tus-Resumable" = String, Header, description = "1.0.0"),
), responses(
    (status = 200, description = "`Upload-Offset`, `Upload-Length` and `Upload-Expires`"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 412, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn look(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Path(item_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    spoken(&headers, async {
        let item = of_caller(&app, caller, &item_id).await?;
        let item = app.uploads.look(item.item_id).await?;
        at(&app, StatusCode::OK, &item)
    })
    .await
}

/// Adds bytes to an upload.
#[utoipa::path(patch, path = "/v1/uploads/{item_id}", params(
    ("item_id" = String, Path),
    ("Tus-Resumable" = String, Header, description = "1.0.0"),
    ("Upload-Offset" = u64, Header, description = "Where these bytes begin: the end of what is here"),
), request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"), responses(
    (status = 204, description = "`Upload-Offset` is the new end"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 408, body = Problem, content_type = "application/problem+json", description = "Too slow; what came is kept"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 412, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 507, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn append(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    caller: Authorised,
    Path(item_id): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let client = sender(&app, caller, connection, &headers);
    spoken(&headers, add(&app, caller, client, &item_id, request)).await
}

/// Ends an upload and forgets it.
#[utoipa::path(delete, path = "/v1/uploads/{item_id}", params(
    ("item_id" = String, Path),
    ("Tus-Resumable" = String, Header, description = "1.0.0"),
), responses(
    (status = 204, description = "It is gone"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 412, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Path(item_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    spoken(&headers, discard(&app, caller, &item_id)).await
}

/// The same for clients that can only send `POST`: `X-HTTP-Method-Override` names `PATCH` or `DELETE`.
#[utoipa::path(post, path = "/v1/uploads/{item_id}", params(
    ("item_id" = String, Path),
    ("X-HTTP-Method-Override" = String, Header, description = "PATCH or DELETE"),
), responses(
    (status = 204, description = "As the named method answers"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn overridden(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    caller: Authorised,
    Path(item_id): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let method = headers
        .get(METHOD_OVERRIDE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match method {
        "PATCH" => {
            let client = sender(&app, caller, connection, &headers);
            spoken(&headers, add(&app, caller, client, &item_id, request)).await
        }
        "DELETE" => spoken(&headers, discard(&app, caller, &item_id)).await,
        _ => refused(
            Code::Malformed,
            "X-HTTP-Method-Override must be PATCH or DELETE",
        )
        .into_response(),
    }
}

async fn add(
    app: &Arc<App>,
    caller: Authorised,
    client: Option<IpAddr>,
    item_id: &str,
    request: Request,
) -> Result<Response> {
    let item = of_caller(app, caller, item_id).await?;
    let headers = request.headers();
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if kind != Some("application/offset+octet-stream") {
        return Err(refused(
            Code::UnsupportedMediaType,
            "the body must be application/offset+octet-stream",
        ));
    }
    let offset = number(headers, UPLOAD_OFFSET)?;
    let body = request.into_body().into_data_stream().boxed();
    let item = app
        .uploads
        .append(client, item.item_id, offset, body)
        .await?;
    at(app, StatusCode::NO_CONTENT, &item)
}

async fn discard(app: &App, caller: Authorised, item_id: &str) -> Result<Response> {
    let item = of_caller(app, caller, item_id).await?;
    app.uploads.discard(item.item_id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Which network sends, for the bound on each; the operator has none.
pub(super) fn sender(
    app: &App,
    caller: Authorised,
    connection: SocketAddr,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    match caller {
        Authorised::Operator => None,
        Authorised::Creator(_) => {
            let trusted = app.config.trust_forwarded_for;
            Some(client_address(connection, headers, trusted))
        }
    }
}

/// Whose item a caller's upload becomes.
pub(super) fn owner(app: &App, caller: Authorised) -> Result<Option<Address>> {
    match caller {
        Authorised::Operator => Ok(None),
        Authorised::Creator(creator) => {
            app.serves_creator(creator)?;
            Ok(Some(creator))
        }
    }
}

/// Asks for the protocol's version, and answers with it.
async fn spoken(headers: &HeaderMap, work: impl Future<Output = Result<Response>>) -> Response {
    let theirs = headers.get(TUS_RESUMABLE);
    let mut response = if theirs.is_some_and(|version| version == VERSION) {
        work.await.unwrap_or_else(Error::into_response)
    } else {
        let mut response = problem(
            Code::Malformed,
            "Tus-Resumable must be 1.0.0".to_owned(),
            None,
        );
        *response.status_mut() = StatusCode::PRECONDITION_FAILED;
        response
            .headers_mut()
            .insert(TUS_VERSION, HeaderValue::from_static(VERSION));
        response
    };
    response
        .headers_mut()
        .insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// An answer that tells where an upload stands.
fn at(app: &App, status: StatusCode, item: &library::Item) -> Result<Response> {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    let mut insert = |name: &'static str, text: &str| -> Result<()> {
        headers.insert(HeaderName::from_static(name), value(text)?);
        Ok(())
    };
    insert(UPLOAD_OFFSET, &item.received.to_string())?;
    if let Some(length) = item.length {
        insert(UPLOAD_LENGTH, &length.to_string())?;
    }
    if item.state == library::State::Uploading {
        insert(
            UPLOAD_EXPIRES,
            &http_date(app.uploads.expires(item.touched_at)),
        )?;
    }
    insert("cache-control", "no-store")?;
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| Error::Internal(error.to_string()))
}

/// RFC 9110, section 5.6.7.
fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| refused(Code::Malformed, format!("{name} must be a whole number")))
}

/// Reads `Upload-Metadata`. Keys that mean nothing here are passed over.
fn metadata(value: &HeaderValue) -> Result<Description> {
    let malformed = |why: &str| refused(Code::Malformed, format!("Upload-Metadata: {why}"));
    let text = value.to_str().map_err(|_| malformed("not ASCII"))?;
    if text.len() > MAX_METADATA {
        return Err(malformed("too long"));
    }
    let mut description = Description::default();
    for pair in text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
        if !matches!(key, "title" | "description" | "filename") {
            continue;
        }
        let bytes = base64(encoded.trim()).ok_or_else(|| malformed("a value is not base64"))?;
        let text = String::from_utf8(bytes).map_err(|_| malformed("a value is not UTF-8"))?;
        match key {
            "title" => description.title = Some(text),
            "description" => description.description = text,
            _ => description.file_name = text,
        }
    }
    Ok(description)
}

/// RFC 4648, section 4, with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let mut decoded = Vec::with_capacity(bytes.len() / 4 * 3);
    let groups = bytes.len() / 4;
    for (position, group) in bytes.chunks_exact(4).enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && position + 1 != groups) {
            return None;
        }
        let mut value = 0_u32;
        for byte in &group[..4 - padding] {
            let digit = ALPHABET.iter().position(|letter| letter == byte)?;
            value = value << 6 | u32::try_from(digit).ok()?;
        }
        value <<= 6 * padding;
        decoded.extend(&value.to_be_bytes()[1..4 - padding]);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(encoded).unwrap(), plain.as_bytes());
        }
        for odd in ["Zg", "Zg=a", "====", "Zg==Zg==", "Zm9v!", "Z-9v"] {
            assert_eq!(base64(odd), None, "{odd}");
        }
    }

    #[test]
    fn metadata_says_what_it_says_and_nothing_else() {
        let value = HeaderValue::from_static(
            "title VGl0bGU=, filetype dmlkZW8vbXA0,empty,filename YS5tcDQ=",
        );
        let description = metadata(&value).unwrap();
        assert_eq!(description.title.as_deref(), Some("Title"));
        assert_eq!(description.file_name, "a.mp4");
        for odd in ["title x", "filename /w=="] {
            assert!(metadata(&HeaderValue::from_static(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(
            http_date(Timestamp::UNIX_EPOCH),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }
}
