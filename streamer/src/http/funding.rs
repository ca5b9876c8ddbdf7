//! `POST /v1/channels/{channel_id}/funding`: a hint where to look for the funding output.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use bitcoin::{OutPoint, Txid};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::JsonBody;
use super::channels::find;
use crate::app::App;
use crate::channels::ChannelView;
use crate::error::{Problem, Result};

/// Where the funding output is.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct FundingHint {
    /// The transaction, in display order.
    #[schema(value_type = String)]
    txid: Txid,
    /// The output's index.
    vout: u32,
}

/// Has the provider look for the funding output on its own node.
#[utoipa::path(post, path = "/v1/channels/{channel_id}/funding", params(("channel_id" = String, Path)), request_body = FundingHint, responses(
    (status = 200, body = ChannelView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn fund(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    JsonBody(hint): JsonBody<FundingHint>,
) -> Result<Json<ChannelView>> {
    let channel = find(&app, &id)?;
    let record = app
        .book
        .fund(
            &channel,
            OutPoint {
                txid: hint.txid,
                vout: hint.vout,
            },
        )
        .await?;
    Ok(Json(app.book.view(&record)))
}
