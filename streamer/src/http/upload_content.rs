//! `POST /upload-content`: a video in one request, as forms send it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{ConnectInfo, FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::authorisation::Authorised;
use super::items::Item;
use super::uploads::{owner, sender};
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, refused};
use crate::library::{self, ItemId, State as Stage};
use crate::upload::{Body, Description, LONGEST_SILENCE};

/// The handler's path.
pub(super) const PATH: &str = "/upload-content";
/// The largest `json_data`.
const MAX_JSON: usize = 16 * 1024;
/// Pieces of the file that may wait for the disk.
const WAITING: usize = 4;
/// How long an answer waits for the video. Whoever waits holds a place among all requests, and proxies give up on longer silences.
const PATIENCE: Duration = Duration::from_secs(25);
/// After so many seconds a client asks again.
const ASK_AGAIN: &str = "5";

/// What the part `json_data` says.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct About {
    /// The title; the file's name where it is missing.
    title: Option<String>,
    /// What it is about.
    #[serde(default)]
    description: String,
    /// Given to everybody; only by the operator.
    #[serde(default)]
    free: bool,
}

/// The form.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Form {
    /// JSON.
    json_data: About,
    /// The video.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// How it is answered.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Waiting {
    /// `false`: 202 as soon as the file is here; else 201 with the CID when it is ready within 25 seconds (fewer with the header
    /// `Prefer: wait=<seconds>`), and 202 when it is not. The work goes on in any case, also when the client leaves.
    wait: Option<bool>,
}

/// Uploads a video: the parts are `json_data` and `file`.
#[utoipa::path(post, path = "/upload-content", params(Waiting), request_body(content = Form, content_type = "multipart/form-data"), responses(
    (status = 201, body = Item, description = "It is ready; `cid` is what is registered on chain"),
    (status = 202, body = Item, description = "It is being prepared. `Location` is the item, which tells its CID when it is ready; `Retry-After` says when to ask", headers(
        ("Location" = String, description = "`/v1/items/{item_id}`"),
        ("Retry-After" = u64, description = "Seconds"),
    )),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 408, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 507, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    caller: Authorised,
    Query(waiting): Query<Waiting>,
    request: Request,
) -> Result<Response> {
    let owner = owner(&app, caller)?;
    let client = sender(&app, caller, connection, request.headers());
    let patience = patience(&waiting, request.headers());
    let mut form = Multipart::from_request(request, &app).await.map_err(|_| {
        refused(
            Code::UnsupportedMediaType,
            "the body must be multipart/form-data",
        )
    })?;
    let mut about: Option<About> = None;
    let mut taken: Option<(library::Item, String)> = None;
    let read = async {
        while let Some(field) = in_time(form.next_field()).await?.map_err(broken)? {
            match field.name() {
                Some("json_data") if about.is_none() => {
                    about = Some(in_time(json(field, caller)).await??);
                }
                Some("file") if taken.is_none() => {
                    let name = field.file_name().unwrap_or_default().to_owned();
                    taken = Some((file(&app, client, owner, field).await?, name));
                }
                _ => {
                    return Err(refused(
                        Code::Malformed,
                        "the form has one part json_data and one part file, and no other",
                    ));
                }
            }
        }
        Ok(())
    };
    let read: Result<()> = read.await;
    let (item, file_name) = match (read, taken) {
        (Ok(()), Some(taken)) => taken,
        (Ok(()), None) => return Err(refused(Code::Malformed, "the form has no part file")),
        (Err(error), taken) => {
            if let Some((item, _)) = taken {
                app.uploads.discard(item.item_id).await?;
            }
            return Err(error);
        }
    };
    let about = about.unwrap_or_default();
    let description = Description {
        title: about.title,
        description: about.description,
        file_name,
        free: about.free,
    };
    let item = app.uploads.finish(item.item_id, description).await?;
    let item = if patience.is_zero() {
        item
    } else {
        prepared(&app, item.item_id, patience).await?
    };
    if matches!(item.state, Stage::Ready(_)) {
        return Ok((StatusCode::CREATED, Json(Item::new(&app, item))).into_response());
    }
    let headers = [
        (header::LOCATION, format!("/v1/items/{}", item.item_id)),
        (header::RETRY_AFTER, ASK_AGAIN.to_owned()),
    ];
    Ok((StatusCode::ACCEPTED, headers, Json(Item::new(&app, item))).into_response())
}

/// How long the answer may wait: as the client says, and no longer than we like.
fn patience(waiting: &Waiting, headers: &HeaderMap) -> Duration {
    if waiting.wait == Some(false) {
        return Duration::ZERO;
    }
    let preferred = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim().parse().ok());
    preferred.map_or(PATIENCE, |seconds| {
        Duration::from_secs(seconds).min(PATIENCE)
    })
}

/// The form's small parts, and what stands between them; the file has bounds of its own.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(LONGEST_SILENCE, work)
        .await
        .map_err(|_| {
            refused(
                Code::TooSlow,
                format!("nothing came for {} s", LONGEST_SILENCE.as_secs()),
            )
        })
}

async fn json(mut field: Field<'_>, caller: Authorised) -> Result<About> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        if bytes.len() + piece.len() > MAX_JSON {
            return Err(refused(Code::TooLarge, "json_data is at most 16 KiB"));
        }
        bytes.extend_from_slice(&piece);
    }
    let about: About = serde_json::from_slice(&bytes)
        .map_err(|error| refused(Code::Malformed, format!("json_data: {error}")))?;
    if about.free {
        caller.operator()?;
    }
    Ok(about)
}

/// Passes the file's bytes on to the disk, as fast as it takes them.
async fn file(
    app: &Arc<App>,
    client: Option<IpAddr>,
    owner: Option<alloy::primitives::Address>,
    mut field: Field<'_>,
) -> Result<library::Item> {
    let (mut sender, receiver) = mpsc::channel(WAITING);
    let passing = async move {
        loop {
            let passed = match field.chunk().await {
                Ok(Some(piece)) => Passed::Piece(piece),
                Ok(None) => Passed::End,
                Err(error) => Passed::Broken(axum::Error::new(error)),
            };
            let last = !matches!(passed, Passed::Piece(_));
            // Whoever writes has stopped, and says why.
            if sender.send(passed).await.is_err() || last {
                return;
            }
        }
    };
    let taking = app.uploads.take(client, owner, body(receiver));
    futures::pin_mut!(passing, taking);
    match futures::future::select(taking, passing).await {
        futures::future::Either::Left((taken, _)) => taken,
        futures::future::Either::Right(((), taking)) => taking.await,
    }
}

/// What is passed on of a file.
enum Passed {
    Piece(Bytes),
    End,
    Broken(axum::Error),
}

/// The file's bytes. When this handler is gone before it has passed the end on, the file breaks off; it does not end.
fn body(receiver: mpsc::Receiver<Passed>) -> Body {
    let next = |receiver: Option<mpsc::Receiver<Passed>>| async {
        let mut receiver = receiver?;
        match receiver.next().await {
            Some(Passed::Piece(piece)) => Some((Ok(piece), Some(receiver))),
            Some(Passed::End) => None,
            Some(Passed::Broken(error)) => Some((Err(error), None)),
            None => Some((Err(axum::Error::new("the client is gone")), None)),
        }
    };
    futures::stream::unfold(Some(receiver), next).boxed()
}

/// Waits until an item is ready, or is not to be; answers where it stands when patience is at its end.
async fn prepared(app: &App, item_id: ItemId, patience: Duration) -> Result<library::Item> {
    let mut changes = app.library.changes();
    let end = tokio::time::Instant::now() + patience;
    let gone = || refused(Code::UploadConflict, "the item was cancelled");
    loop {
        let item = app.library.item(item_id).await?.ok_or_else(gone)?;
        match item.state {
            Stage::Ready(_) => return Ok(item),
            Stage::Failed(failure) => return Err(refused(failure.code, failure.detail)),
            Stage::Cancelled => return Err(gone()),
            Stage::Uploading | Stage::Queued | Stage::Preparing | Stage::Adding => {}
        }
        tokio::select! {
            () = tokio::time::sleep_until(end) => return Ok(item),
            () = app.stop.cancelled() => {
                return Err(refused(
                    Code::Unavailable,
                    format!("the provider stops; it goes on with item {item_id} when it is back"),
                ));
            }
            changed = changes.changed() => {
                changed.map_err(|error| Error::Internal(error.to_string()))?;
            }
        }
    }
}

fn broken(error: MultipartError) -> Error {
    let detail = if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return refused(Code::TooLarge, "the body is too large");
    } else {
        "the form breaks off or is not one"
    };
    refused(Code::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_as_long_as_the_client_prefers_and_never_longer_than_25_seconds() {
        let preferring = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", text.parse().unwrap());
            patience(&Waiting { wait: None }, &headers).as_secs()
        };
        assert_eq!(preferring("wait=3"), 3);
        assert_eq!(preferring("respond-async, wait=0"), 0);
        for other in [
            "wait=3600",
            "wait=-1",
            "wait=x",
            "wait=18446744073709551615",
            "",
            "wait",
        ] {
            assert_eq!(preferring(other), 25, "{other}");
        }
        let at_once = Waiting { wait: Some(false) };
        assert!(patience(&at_once, &HeaderMap::new()).is_zero());
    }
}
