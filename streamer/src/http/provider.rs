//! What the operator reads: `GET /v1/sessions`, `GET /v1/earnings`, `GET /v1/storage`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::authorisation::Authorised;
use crate::app::App;
use crate::error::{Problem, Result};

/// A session that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionBody {
    /// The content that is watched.
    #[schema(value_type = String)]
    content_id: B256,
    /// Whether a WebRTC connection stands.
    connected: bool,
    /// Live media delivered, in milliseconds.
    delivered_ms: u64,
}

/// The sessions that go on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    /// One each.
    sessions: Vec<SessionBody>,
    /// Passes of bought views that are out.
    passes: usize,
}

/// Lists the sessions.
#[utoipa::path(get, path = "/v1/sessions", responses(
    (status = 200, body = SessionList),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn sessions(
    State(app): State<Arc<App>>,
    authorised: Authorised,
) -> Result<Json<SessionList>> {
    authorised.operator()?;
    let sessions = app.sessions.all();
    let sessions = sessions.iter().map(|grant| SessionBody {
        content_id: grant.content,
        connected: grant.viewer.connected(),
        delivered_ms: u64::try_from(grant.viewer.delivered().as_millis()).unwrap_or(u64::MAX),
    });
    Ok(Json(SessionList {
        sessions: sessions.collect(),
        passes: app.passes.count(),
    }))
}

/// What was earned in one token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenEarnings {
    /// The token; the zero address is ether.
    #[schema(value_type = String)]
    token: Address,
    /// What the splitter holds for the provider's account, in the token's smallest unit.
    unclaimed: String,
}

/// What channels in one state have paid.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ChannelEarnings {
    /// How many there are.
    channels: u64,
    /// What they have paid in all, creators' shares and closing fees included.
    paid_sat: String,
}

/// What the provider has earned.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Earnings {
    /// The provider's account.
    #[schema(value_type = String)]
    provider: Address,
    /// On Ethereum: ether, the tokens that are relayed, and those of stored contents.
    ethereum: Vec<TokenEarnings>,
    /// On Bitcoin, by the channels' state.
    #[schema(value_type = Object)]
    bitcoin: BTreeMap<String, ChannelEarnings>,
    /// On Bitcoin, in all.
    bitcoin_total_sat: String,
}

/// Says what the provider has earned.
#[utoipa::path(get, path = "/v1/earnings", responses(
    (status = 200, body = Earnings),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn earnings(
    State(app): State<Arc<App>>,
    authorised: Authorised,
) -> Result<Json<Earnings>> {
    authorised.operator()?;
    let mut tokens: BTreeSet<Address> = [Address::ZERO].into();
    tokens.extend((app.config.relay_token.iter()).filter_map(|relayed| relayed.token));
    tokens.extend(app.ethereum.tokens_seen());
    let mut ethereum = Vec::with_capacity(tokens.len());
    for token in tokens {
        ethereum.push(TokenEarnings {
            token,
            unclaimed: app.ethereum.earned(token).await?.to_string(),
        });
    }
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for channel in app.book.all() {
        let record = channel.record();
        let (channels, sat) = sums
            .entry(app.book.view(&record).state.as_str().to_owned())
            .or_default();
        *channels += 1;
        *sat += record.paid_sat();
    }
    let total: u64 = sums.values().map(|(_, sat)| sat).sum();
    let bitcoin = sums.into_iter().map(|(state, (channels, sat))| {
        let paid_sat = sat.to_string();
        (state, ChannelEarnings { channels, paid_sat })
    });
    Ok(Json(Earnings {
        provider: app.ethereum.account(),
        ethereum,
        bitcoin: bitcoin.collect(),
        bitcoin_total_sat: total.to_string(),
    }))
}

/// What the store holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Storage {
    /// Bytes of all blocks.
    used_bytes: u64,
    /// The most that is stored.
    quota_bytes: u64,
    /// Roots that are kept.
    pins: usize,
    /// Why room is not given back, when that is so: a kept file is damaged, and nobody can tell which blocks are its own. `store verify` names it.
    fault: Option<String>,
}

/// Says how full the store is.
#[utoipa::path(get, path = "/v1/storage", responses(
    (status = 200, body = Storage),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn storage(
    State(app): State<Arc<App>>,
    authorised: Authorised,
) -> Result<Json<Storage>> {
    authorised.operator()?;
    let usage = app.store.usage().await?;
    Ok(Json(Storage {
        used_bytes: usage.used_bytes,
        quota_bytes: usage.quota_bytes,
        pins: app.store.pins().await?.len(),
        fault: app.tidy.fault(),
    }))
}
