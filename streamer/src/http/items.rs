//! `/v1/items`: what a creator uploaded, and what became of it.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use cid::Cid;
use futures::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::authorisation::Authorised;
use super::body::JsonBody;
use crate::app::App;
use crate::error::{Code, Error, Problem, Result, refused};
use crate::library::{self, ItemId, Stored, Whose};
use crate::prepare::Preparer;
use crate::store;
use crate::upload::{Description, describe};

/// Something uploaded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Item {
    /// Its name; that of its upload too.
    item_id: String,
    /// `uploading`, `queued`, `preparing`, `adding`, `ready`, `failed` or `cancelled`.
    state: &'static str,
    /// How far this stage is, in thousandths.
    progress_permille: u32,
    title: String,
    description: String,
    /// What the file was called where it came from.
    file_name: String,
    /// The creator; null when the operator brought it.
    owner: Option<String>,
    /// When it is ready: what is registered on chain.
    cid: Option<String>,
    /// The document that `metadataURI` points to.
    metadata_cid: Option<String>,
    /// The poster.
    picture_cid: Option<String>,
    /// Bytes: of the video when it is ready, else of the upload.
    size: Option<u64>,
    /// Bytes of the upload that are here.
    received: u64,
    duration_ms: Option<u64>,
    mime_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    /// Whether the operator gives it to everybody.
    free: bool,
    /// Why it failed.
    error: Option<Reason>,
    /// RFC 3339.
    #[schema(value_type = String)]
    created_at: Timestamp,
}

/// Why an item failed.
#[derive(Debug, Serialize, ToSchema)]
struct Reason {
    /// For a program.
    code: Code,
    /// For a person.
    detail: String,
}

impl Item {
    pub(super) fn new(app: &App, item: library::Item) -> Self {
        use library::State;
        let mut answer = Self {
            item_id: item.item_id.to_string(),
            state: item.state.as_str(),
            progress_permille: 0,
            title: item.title,
            description: item.description,
            file_name: item.file_name,
            owner: item.owner.map(|owner| owner.to_string()),
            cid: None,
            metadata_cid: None,
            picture_cid: None,
            size: item.length,
            received: item.received,
            duration_ms: None,
            mime_type: None,
            width: None,
            height: None,
            free: item.free,
            error: None,
            created_at: item.created_at,
        };
        match item.state {
            State::Uploading => {
                let length = item.length.unwrap_or(0).max(1);
                let permille = u128::from(item.received) * 1000 / u128::from(length);
                answer.progress_permille = u32::try_from(permille).unwrap_or(0).min(1000);
            }
            State::Preparing | State::Adding => {
                answer.progress_permille = app.preparer.permille(item.item_id);
            }
            State::Ready(stored) => {
                answer.progress_permille = 1000;
                answer.cid = Some(stored.cid_text());
                answer.metadata_cid = stored.metadata.map(|cid| cid.to_string());
                answer.picture_cid = stored.picture.map(|cid| cid.to_string());
                answer.size = Some(stored.size);
                answer.duration_ms = Some(stored.duration_ms);
                answer.mime_type = Some(stored.mime_type);
                answer.width = Some(stored.width);
                answer.height = Some(stored.height);
            }
            State::Failed(failure) => {
                answer.error = Some(Reason {
                    code: failure.code,
                    detail: failure.detail,
                });
            }
            State::Queued | State::Cancelled => {}
        }
        answer
    }
}

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Page {
    /// Those begun before this time (RFC 3339): the `created_at` of the last of the page before.
    #[param(value_type = Option<String>)]
    before: Option<Timestamp>,
}

/// Items, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Items {
    items: Vec<Item>,
}

/// The caller's items, newest first, 500 at most; the operator's call lists everybody's.
#[utoipa::path(get, path = "/v1/items", params(Page), responses(
    (status = 200, body = Items),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Query(page): Query<Page>,
) -> Result<Json<Items>> {
    let whose = match caller {
        Authorised::Operator => Whose::All,
        Authorised::Creator(creator) => Whose::Creator(creator),
    };
    let items = app.library.items(whose, page.before).await?;
    let items = items
        .into_iter()
        .map(|item| Item::new(&app, item))
        .collect();
    Ok(Json(Items { items }))
}

/// One item.
#[utoipa::path(get, path = "/v1/items/{item_id}", params(("item_id" = String, Path)), responses(
    (status = 200, body = Item),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Path(item_id): Path<String>,
) -> Result<Json<Item>> {
    let item = of_caller(&app, caller, &item_id).await?;
    Ok(Json(Item::new(&app, item)))
}

/// Ends an item, wherever it stands: cancels its upload or its preparation, or takes its video out of the store.
#[utoipa::path(delete, path = "/v1/items/{item_id}", params(("item_id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Path(item_id): Path<String>,
) -> Result<StatusCode> {
    let item = of_caller(&app, caller, &item_id).await?;
    app.uploads.discard(item.item_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file that is pinned in the store already.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pinned {
    /// Its CID, as it is registered on chain.
    cid: String,
    /// Its title here.
    #[serde(default)]
    title: String,
    /// Whether it is given to everybody.
    #[serde(default)]
    free: bool,
}

/// Serves a video that `paystream-streamer pin` has brought into the store: somebody else's upload, under its creator's registration. For the
/// operator. The same again answers the item that is there.
#[utoipa::path(post, path = "/v1/items", request_body = Pinned, responses(
    (status = 200, body = Item, description = "It was there already"),
    (status = 201, body = Item),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn take_in(
    State(app): State<Arc<App>>,
    caller: Authorised,
    JsonBody(body): JsonBody<Pinned>,
) -> Result<(StatusCode, Json<Item>)> {
    caller.operator()?;
    let cid = Cid::from_str(&body.cid)
        .ok()
        .filter(|cid| cid.to_string() == body.cid)
        .ok_or_else(|| refused(Code::Malformed, "cid is no CID in its usual spelling"))?;
    let now = Timestamp::now();
    let mut item = library::Item {
        item_id: ItemId::random(),
        owner: None,
        title: String::new(),
        description: String::new(),
        file_name: String::new(),
        free: false,
        length: None,
        received: 0,
        state: library::State::Uploading,
        created_at: now,
        touched_at: now,
    };
    let said = Description {
        title: Some(body.title),
        free: body.free,
        ..Description::default()
    };
    describe(&mut item, said)?;
    let unpinned = || {
        refused(
            Code::NotFound,
            "no such file is pinned here; `paystream-streamer pin` brings it",
        )
    };
    if !app.store.is_pinned(&cid).await? {
        return Err(unpinned());
    }
    let stored = stored(&app, cid).await?;
    (item.length, item.received) = (Some(stored.size), stored.size);
    item.state = library::State::Ready(Box::new(stored));
    let new = item.item_id;
    let item = app.preparer.take_in(item, &cid).await?;
    let item = item.ok_or_else(unpinned)?;
    let status = if item.item_id == new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(Item::new(&app, item))))
}

/// What the file itself says of the video that it is.
async fn stored(app: &App, cid: Cid) -> Result<Stored> {
    let film = app.films.film(cid).await?;
    let begin = film.timeline.media_begin();
    let mut head = Vec::new();
    let mut parts = std::pin::pin!(store::read(Arc::clone(&app.store), cid, 0..begin));
    while let Some(part) = parts.next().await {
        head.extend_from_slice(&part?);
    }
    let (mime_type, width, height) = Preparer::describe(&head)
        .map_err(|error| refused(Code::UnprocessableVideo, error.to_string()))?;
    Ok(Stored {
        cid,
        metadata: None,
        picture: None,
        size: film.size,
        duration_ms: film.timeline.duration_ms(),
        mime_type,
        width,
        height,
    })
}

/// Whether an item is given to everybody.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Freedom {
    /// True: no session and no payment is needed to watch it here.
    free: bool,
}

/// Gives a video to everybody, or takes that back. For the operator.
#[utoipa::path(post, path = "/v1/items/{item_id}/free", params(("item_id" = String, Path)), request_body = Freedom, responses(
    (status = 200, body = Item),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn free(
    State(app): State<Arc<App>>,
    caller: Authorised,
    Path(item_id): Path<String>,
    JsonBody(body): JsonBody<Freedom>,
) -> Result<Json<Item>> {
    caller.operator()?;
    let item_id = ItemId::from_str(&item_id).map_err(|_| missing())?;
    let item = app.library.set_free(item_id, body.free).await?;
    Ok(Json(Item::new(&app, item.ok_or_else(missing)?)))
}

/// The item of a path, when it is the caller's. Of others' items nobody is told that they are there.
pub(super) async fn of_caller(app: &App, caller: Authorised, id: &str) -> Result<library::Item> {
    let id = ItemId::from_str(id).map_err(|_| missing())?;
    let item = app.library.item(id).await?.ok_or_else(missing)?;
    match (caller, item.owner) {
        (Authorised::Operator, _) => Ok(item),
        (Authorised::Creator(creator), Some(owner)) if creator == owner => Ok(item),
        (Authorised::Creator(_), _) => Err(missing()),
    }
}

fn missing() -> Error {
    refused(Code::NotFound, "you have no such item here")
}
