//! `GET /v1/channels`: the operator's list of channels, the newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use paystream_channel::{ChannelId, ChannelState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::authorisation::Authorised;
use crate::app::App;
use crate::channels::{ChannelView, Record};
use crate::error::{Code, Problem, Result, refused};

/// Channels of an answer that is not told otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Channels of an answer at most.
const MAX_LIMIT: usize = 1000;

/// Which channels.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those in this state: `awaiting_funding`, `unconfirmed`, `open`, `closing`, `closed` or `lost`.
    #[param(value_type = Option<String>)]
    state: Option<ChannelState>,
    /// Only those older than this one: `next` of the answer before.
    #[param(value_type = Option<String>)]
    before: Option<ChannelId>,
    /// At most so many, up to 1000.
    #[param(maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// Some of the provider's channels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelList {
    /// The newest first.
    channels: Vec<ChannelView>,
    /// Goes into `before` for those that follow; null when there are none.
    #[schema(value_type = Option<String>)]
    next: Option<ChannelId>,
}

/// Lists the provider's channels.
#[utoipa::path(get, path = "/v1/channels", params(ListQuery), responses(
    (status = 200, body = ChannelList),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    authorised: Authorised,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ChannelList>> {
    authorised.operator()?;
    let Query(query) =
        query.map_err(|rejection| refused(Code::Malformed, rejection.body_text()))?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(refused(
            Code::Malformed,
            format!("limit is not in 1 to {MAX_LIMIT}"),
        ));
    }
    let age = |record: &Record| (record.created_at, record.key_index);
    let before = match query.before {
        Some(id) => Some(age(&app.book.find(id)?.record())),
        None => None,
    };
    let mut records: Vec<_> = (app.book.all().iter())
        .map(|channel| channel.record())
        .filter(|record| before.is_none_or(|before| age(record) < before))
        .map(|record| (age(&record), app.book.view(&record)))
        .filter(|(_, view)| query.state.is_none_or(|state| view.state == state))
        .collect();
    records.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    let more = records.len() > limit;
    records.truncate(limit);
    let channels: Vec<_> = records.into_iter().map(|(_, view)| view).collect();
    let next = channels
        .last()
        .filter(|_| more)
        .map(|channel| channel.channel_id);
    Ok(Json(ChannelList { channels, next }))
}
