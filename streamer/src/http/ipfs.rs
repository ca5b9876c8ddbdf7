//! `GET /ipfs/{cid}`: content by its CID, after the IPFS Trustless Gateway specification (docs/protocol.md, section 12.2).

mod access;
mod bytes_range;
mod form;
mod sending;
mod slots;

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cid::Cid;

use self::access::{Access, decide};
use self::bytes_range::{Asked, asked};
use self::form::{CarForm, Form, Scope};
use self::sending::{Bounds, Framing, Pass, Sending};
pub use self::slots::Slots;
use self::slots::{Reader, Slot};
use super::body::bearer;
use super::client_address::client_address;
use super::whep::payment_required;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, problem, refused};
use crate::store;
use crate::store::dag::Kind;

const X_IPFS_PATH: HeaderName = HeaderName::from_static("x-ipfs-path");
const X_IPFS_ROOTS: HeaderName = HeaderName::from_static("x-ipfs-roots");
/// For what is free: as long as the specification asks for at least.
const FOR_EVERYBODY: &str = "public, max-age=29030400, immutable";
/// For what is paid.
const FOR_ONE: &str = "private, no-store";
/// The longest name that an answer is saved under.
const MAX_NAME: usize = 200;

/// Content by its CID: a block (`format=raw`), blocks in a CAR (`format=car`), or, where it is free, its bytes.
#[utoipa::path(get, path = "/ipfs/{cid}", params(
    ("cid" = String, Path),
    ("format" = Option<String>, Query, description = "`car` or `raw`; without it `Accept` decides, and then what is free comes as plain bytes"),
    ("dag-scope" = Option<String>, Query, description = "`block`, `entity` or `all`"),
    ("entity-bytes" = Option<String>, Query, description = "`from:to`, both inclusive; `*` for the end; negative numbers from the end"),
    ("car-dups" = Option<String>, Query, description = "`y`: a block that occurs in several places comes in each"),
    ("filename" = Option<String>, Query),
), responses(
    (status = 200, description = "A CAR stream, a block, or the bytes", body = Vec<u8>, content_type = "application/vnd.ipld.car"),
    (status = 206, description = "A part of the bytes", body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 304, description = "As the client has it"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 402, body = Problem, content_type = "application/problem+json", description = "The offer: as `offer` in the document, and as a challenge in WWW-Authenticate"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 406, body = Problem, content_type = "application/problem+json"),
    (status = 416, body = Problem, content_type = "application/problem+json"),
    (status = 502, body = Problem, content_type = "application/problem+json", description = "A block is damaged"),
))]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    query: Result<Query<form::Query>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    let Query(query) = query.map_err(|error| refused(Code::Malformed, error.body_text()))?;
    let cid = Cid::from_str(&name).map_err(|_| refused(Code::Malformed, "that is not a CID"))?;
    let form = Form::of(&query, &headers)?;
    let access = decide(&app, cid, &form, bearer(&headers)).await?;
    let cache = match &access {
        Access::ForPayment(content) => return payment_required(&app, *content).await,
        Access::Free => FOR_EVERYBODY,
        Access::Bought { .. } | Access::Metered { .. } => FOR_ONE,
    };
    let etag = form.etag(&cid.to_string());
    let mut answer = if is_known(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let request = Request {
            app: &app,
            client: client_address(connection, &headers, app.config.trust_forwarded_for),
            cid,
            query: &query,
            headers: &headers,
            etag: &etag,
        };
        match form {
            Form::Raw => request.raw(access).await?,
            Form::Car(car) => request.car(car, access).await?,
            Form::Plain => request.plain(&access).await?,
        }
    };
    let common = [
        (header::ETAG, text(&etag)?),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (
            header::VARY,
            HeaderValue::from_static("accept, authorization"),
        ),
        (X_IPFS_PATH, text(&format!("/ipfs/{name}"))?),
        (X_IPFS_ROOTS, text(&cid.to_string())?),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    if answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED {
        answer.headers_mut().extend(common);
    }
    Ok(answer)
}

/// Paths below a CID: files have none, and directories are not served.
#[utoipa::path(get, path = "/ipfs/{cid}/{path}", params(("cid" = String, Path), ("path" = String, Path)), responses(
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn below() -> Error {
    refused(
        Code::NotFound,
        "this provider serves files by their own CIDs; there are no paths below them",
    )
}

/// A request that may be answered.
struct Request<'a> {
    app: &'a App,
    client: IpAddr,
    cid: Cid,
    query: &'a form::Query,
    headers: &'a HeaderMap,
    etag: &'a str,
}

impl Request<'_> {
    async fn raw(&self, access: Access) -> Result<Response> {
        let store = &*self.app.store;
        let kind = match &access {
            Access::Metered { film, .. } => {
                let index = self.app.films.index(film.root).await?;
                index.find(&self.cid).unwrap_or(Kind::Interior)
            }
            Access::Free | Access::Bought { .. } | Access::ForPayment(_) => Kind::Interior,
        };
        let sending = Sending::one(store, self.cid, kind).await?;
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/vnd.ipld.raw"),
            ),
            (header::CONTENT_LENGTH, sending.first_length().into()),
            (header::CONTENT_DISPOSITION, self.attachment("bin")?),
        ];
        Ok((headers, sending.into_body(self.bounds(access)?)).into_response())
    }

    async fn car(&self, form: CarForm, access: Access) -> Result<Response> {
        let framing = Framing::Car(self.cid);
        let sending = match form.scope {
            Scope::Block => {
                let blocks = self.blocks(0..0, form.duplicates);
                Sending::begin(blocks, framing).await?
            }
            Scope::All => {
                Sending::begin(self.blocks(0..u64::MAX, form.duplicates), framing).await?
            }
            Scope::Entity(bytes) => {
                let size = store::size(&*self.app.store, &self.cid).await?;
                Sending::begin(self.blocks(bytes.of(size), form.duplicates), framing).await?
            }
        };
        let headers = [
            (header::CONTENT_TYPE, text(&form.content_type())?),
            (header::CONTENT_DISPOSITION, self.attachment("car")?),
            (header::ACCEPT_RANGES, HeaderValue::from_static("none")),
        ];
        Ok((headers, sending.into_body(self.bounds(access)?)).into_response())
    }

    async fn plain(&self, access: &Access) -> Result<Response> {
        if !matches!(access, Access::Free) {
            return Err(refused(
                Code::NotAcceptable,
                "what is paid is answered in blocks that can be checked: ask for format=car or format=raw",
            ));
        }
        let size = store::size(&*self.app.store, &self.cid).await?;
        let (status, range) = match self.part(size) {
            Asked::Whole => (StatusCode::OK, 0..size),
            Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Asked::Unsatisfiable => {
                let detail = format!("the file has {size} bytes");
                let mut answer = problem(Code::Malformed, detail, None);
                *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                let range = text(&format!("bytes */{size}"))?;
                answer.headers_mut().insert(header::CONTENT_RANGE, range);
                return Ok(answer);
            }
        };
        let kind = self.kind().await?;
        let blocks = store::blocks(Arc::clone(&self.app.store), self.cid, range.clone());
        let sending = Sending::begin(blocks, Framing::Bytes(range.clone())).await?;
        let disposition = if kind == OCTETS {
            self.attachment("bin")?
        } else {
            HeaderValue::from_static("inline")
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
            (header::CONTENT_LENGTH, (range.end - range.start).into()),
            (header::CONTENT_DISPOSITION, disposition),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        ];
        let bounds = self.bounds(Access::Free)?;
        let mut answer = (status, headers, sending.into_body(bounds)).into_response();
        if status == StatusCode::PARTIAL_CONTENT {
            let range = text(&format!("bytes {}-{}/{size}", range.start, range.end - 1))?;
            answer.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        Ok(answer)
    }

    fn blocks(
        &self,
        range: std::ops::Range<u64>,
        duplicates: bool,
    ) -> futures::stream::BoxStream<'static, store::Result<store::dag::Visited>> {
        let store = Arc::clone(&self.app.store);
        if duplicates {
            Box::pin(store::blocks(store, self.cid, range))
        } else {
            Box::pin(store::blocks_once(store, self.cid, range))
        }
    }

    fn bounds(&self, access: Access) -> Result<Bounds> {
        match access {
            Access::Metered { reading, film } => Ok(Bounds::Meter(reading.respond()?, film)),
            Access::Bought { pass } => {
                let slot = self.slot(Reader::Bought(pass.clone()))?;
                let passes = Arc::clone(&self.app.passes);
                let pass = Pass {
                    passes,
                    token: pass,
                };
                Ok(Bounds::Pass(slot, pass))
            }
            Access::Free | Access::ForPayment(_) => {
                Ok(Bounds::Slot(self.slot(Reader::Free(self.client))?))
            }
        }
    }

    fn slot(&self, reader: Reader) -> Result<Slot> {
        self.app
            .slots
            .take(reader)
            .ok_or_else(|| Error::Unavailable {
                service: "media",
                detail: "all places for free answers are taken, or this network's or pass's part of them"
                    .to_owned(),
            })
    }

    /// The part of the file that is asked for; `If-Range` with another tag asks for all of it (RFC 9110, 13.1.5).
    fn part(&self, size: u64) -> Asked {
        let header = |name| {
            self.headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        match (header(header::RANGE), header(header::IF_RANGE)) {
            (None, _) => Asked::Whole,
            (Some(_), Some(tag)) if tag.trim() != self.etag => Asked::Whole,
            (Some(range), _) => asked(range, size),
        }
    }

    /// The media type of a file, by its first bytes. Only what a browser may be shown is told apart: nothing that runs.
    async fn kind(&self) -> Result<&'static str> {
        let blocks = store::blocks(Arc::clone(&self.app.store), self.cid, 0..1);
        let begin = Sending::begin(blocks, Framing::Block).await?.first_bytes();
        Ok(media_type(&begin))
    }

    fn attachment(&self, ending: &str) -> Result<HeaderValue> {
        let asked = self.query.filename.as_deref().unwrap_or_default();
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || " ._-()".contains(*letter);
        let name: String = asked.chars().filter(plain).take(MAX_NAME).collect();
        if name.is_empty() {
            text(&format!("attachment; filename=\"{}.{ending}\"", self.cid))
        } else {
            text(&format!("attachment; filename=\"{name}\""))
        }
    }
}

const OCTETS: &str = "application/octet-stream";

fn media_type(begin: &[u8]) -> &'static str {
    match begin {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [b'{', ..] => "application/json",
        _ => OCTETS,
    }
}

/// Whether the client has this answer already (RFC 9110, 13.1.2: the comparison is weak).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || strong(tag) == strong(etag))
}

fn text(value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_the_client_has_is_known_weak_or_strong_alone_or_in_a_list() {
        let mut headers = HeaderMap::new();
        for (tags, known) in [
            ("\"a.raw\"", true),
            ("W/\"a.raw\"", true),
            ("\"b\", \"a.raw\"", true),
            ("*", true),
            ("\"a\"", false),
        ] {
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(tags));
            assert_eq!(is_known(&headers, "\"a.raw\""), known, "{tags}");
        }
    }

    #[test]
    fn only_what_a_browser_may_be_shown_has_a_type_of_its_own() {
        assert_eq!(media_type(b"\x00\x00\x00\x18ftypiso6"), "video/mp4");
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), "image/jpeg");
        assert_eq!(media_type(b"{\"type\":"), "application/json");
        assert_eq!(media_type(b"<svg onload=alert(1)>"), OCTETS);
        assert_eq!(media_type(b"<html>"), OCTETS);
        assert_eq!(media_type(b""), OCTETS);
    }
}
