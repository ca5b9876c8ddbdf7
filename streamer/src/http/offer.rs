//! `GET /v1/contents/{content_id}/offer`: what the provider asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::content_id;
use crate::app::App;
use crate::channels::{BitcoinOffer, Quote, quote};
use crate::error::{Error, Problem, Result};
use crate::ethereum::Content;

/// An offer (docs/protocol.md, section 2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Offer {
    /// The protocol's version.
    protocol: u32,
    /// The content.
    #[schema(value_type = String)]
    content_id: B256,
    /// The provider's Ethereum account.
    #[schema(value_type = String)]
    provider: Address,
    /// Whether a publisher is sending now.
    live: bool,
    /// The stored video behind this content; null when it is a live stream.
    stored: Option<StoredOffer>,
    /// The tick of payment.
    tick_ms: u64,
    /// How it can be paid for.
    rails: Rails,
}

/// A stored video (docs/protocol.md, section 12.1).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredOffer {
    /// The root of its file.
    cid: String,
    /// Its bytes.
    size: u64,
    /// How long it plays.
    duration_ms: u64,
    /// With codecs, as Media Source Extensions want it.
    mime_type: String,
    /// A poster, free to read.
    picture: Option<String>,
    /// Whether everybody may watch, without a session.
    free: bool,
}

/// The rails of an offer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rails {
    /// A Bitcoin payment channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    bitcoin: Option<BitcoinOffer>,
    /// Why a rail cannot be used.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unavailable: BTreeMap<&'static str, String>,
}

/// What this provider asks for this content now.
#[utoipa::path(get, path = "/v1/contents/{content_id}/offer", params(("content_id" = String, Path)), responses(
    (status = 200, body = Offer),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn offer(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Offer>> {
    Ok(Json(make(&app, content_id(&id)?).await?))
}

/// Makes the offer for a content.
pub(super) async fn make(app: &App, id: B256) -> Result<Offer> {
    let content = app.served_content(id).await?;
    let mut unavailable = BTreeMap::new();
    let bitcoin = match quote_now(app, &content) {
        Ok(quote) => Some(quote.offer(
            app.config.preview_seconds * 1000,
            app.config.min_confirmations,
        )),
        Err(error @ (Error::Refused { .. } | Error::Unavailable { .. })) => {
            unavailable.insert("bitcoin", error.public_detail());
            None
        }
        Err(error) => return Err(error),
    };
    Ok(Offer {
        protocol: 1,
        content_id: id,
        provider: app.ethereum.account(),
        live: app.is_live(id),
        stored: app.stored_of(&content).map(|(item, stored)| StoredOffer {
            cid: stored.cid_text(),
            size: stored.size,
            duration_ms: stored.duration_ms,
            mime_type: stored.mime_type,
            picture: stored.picture.map(|picture| picture.to_string()),
            free: item.free,
        }),
        tick_ms: app.config.tick_ms,
        rails: Rails {
            bitcoin,
            unavailable,
        },
    })
}

/// Quotes a channel at the present tip and feerate.
pub(super) fn quote_now(app: &App, content: &Content) -> Result<Quote> {
    let view = app.chain.fresh()?;
    quote(content, &app.provider, view.tip.height, view.feerate_sat_vb)
}
