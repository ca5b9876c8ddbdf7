//! `POST /register` and `POST /deregister`: this provider's stream of a content, or a creator's own registration, which the
//! creator signed (EIP-712) and this provider sends and pays for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolStruct};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use paystream_contracts::StreamRegistry::{
    DeregisterContent, RegisterContent, Terms, deregisterContentBySigCall, registerContentBySigCall,
};
use paystream_contracts::{content_id, registry_domain};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::authorisation::Authorised;
use super::body::JsonBody;
use super::client_address::client_address;
use super::record_view::{RelayBody, answered};
use crate::app::App;
use crate::error::{Code, Problem, Result, refused};
use crate::relay::{Intent, Kind, Relay};

/// How long the answer waits for the block.
const WAIT: Duration = Duration::from_secs(10);

/// Either the stream of a content, or an action that a creator signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Register {
    /// A creator's content.
    Signed {
        /// What was signed.
        action: Box<RegisterAction>,
        /// The creator's.
        #[schema(value_type = String)]
        signature: Bytes,
    },
    /// This provider's stream.
    Stream {
        /// The content.
        #[schema(value_type = String)]
        content_id: B256,
    },
}

/// `RegisterContent`; numbers are decimal texts.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RegisterAction {
    /// Who signed.
    #[schema(value_type = String)]
    creator: Address,
    /// The content's CID.
    cid: String,
    /// Its name.
    name: String,
    /// `ipfs://` of its metadata, or empty.
    metadata_uri: String,
    /// The terms.
    terms: TermsBody,
    /// The creator's next nonce at the registry.
    #[schema(value_type = String)]
    nonce: U256,
    /// The last second at which it may be sent.
    #[schema(value_type = String)]
    deadline: U256,
}

/// `Terms`.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TermsBody {
    /// What is paid in; zero is ether.
    #[schema(value_type = String)]
    token: Address,
    /// Who gets the creator's share.
    #[schema(value_type = String)]
    payout: Address,
    /// The creator's share in hundredths of a percent.
    creator_share_bps: u16,
    /// The price of a view in the token's smallest unit.
    #[schema(value_type = String)]
    price_per_view: U96,
    /// The price of a second in the token's smallest unit.
    #[schema(value_type = String)]
    price_per_second: U96,
    /// The price of a second on the Bitcoin rail, as a decimal text; 0 when there is none.
    #[schema(value_type = String)]
    msat_per_second: U256,
}

/// Either the stream of a content, or an action that a creator signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Deregister {
    /// A creator's content.
    Signed {
        /// What was signed.
        action: DeregisterAction,
        /// The creator's.
        #[schema(value_type = String)]
        signature: Bytes,
    },
    /// This provider's stream.
    Stream {
        /// The content.
        #[schema(value_type = String)]
        content_id: B256,
    },
}

/// `DeregisterContent`; numbers are decimal texts.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DeregisterAction {
    /// Who signed.
    #[schema(value_type = String)]
    creator: Address,
    /// The content.
    #[schema(value_type = String)]
    content_id: B256,
    /// The creator's next nonce at the registry.
    #[schema(value_type = String)]
    nonce: U256,
    /// The last second at which it may be sent.
    #[schema(value_type = String)]
    deadline: U256,
}

/// How a registration goes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegistrationBody {
    /// The content.
    #[schema(value_type = String)]
    content_id: B256,
    /// The transaction, unless everything is on chain already.
    relay: Option<RelayBody>,
}

/// Registers this provider's stream of a content, or sends a creator's registration.
#[utoipa::path(post, path = "/register", request_body = Register, responses(
    (status = 200, body = RegistrationBody, description = "It is on chain, or `relay` says why it failed"),
    (status = 202, body = RegistrationBody, description = "It is on its way: GET /api/record-view/{relay_id} tells how it goes"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    authorised: Authorised,
    JsonBody(body): JsonBody<Register>,
) -> Result<Response> {
    pace(&app, connection, &headers, authorised)?;
    match body {
        Register::Stream { content_id } => {
            let content = app.served_content(content_id).await?;
            authorised.acts_for(content.creator)?;
            let url = app.config.public_base();
            let relay = app
                .ethereum
                .begin_registration(content_id, &url, authorised.creator())
                .await?;
            finished(&app, content_id, relay).await
        }
        Register::Signed { action, signature } => {
            authorised.acts_for(action.creator)?;
            app.serves_creator(action.creator)?;
            let action = *action;
            let id = content_id(action.creator, &action.cid);
            let terms = &action.terms;
            let action = RegisterContent {
                creator: action.creator,
                cid: action.cid,
                name: action.name,
                metadataURI: action.metadata_uri,
                terms: Terms {
                    token: terms.token,
                    payout: terms.payout,
                    creatorShareBps: terms.creator_share_bps,
                    pricePerView: terms.price_per_view,
                    pricePerSecond: terms.price_per_second,
                    msatPerSecond: u64::try_from(terms.msat_per_second).map_err(|_| {
                        refused(Code::Malformed, "terms.msat_per_second is over 64 bits")
                    })?,
                },
                nonce: action.nonce,
                deadline: action.deadline,
            };
            let (creator, nonce) = (action.creator, action.nonce);
            let signed = signing_hash(&app, &action);
            let call = registerContentBySigCall { action, signature };
            let relay = send(&app, creator, nonce, signed, call.abi_encode()).await?;
            finished(&app, id, Some(relay)).await
        }
    }
}

/// Withdraws this provider's stream of a content, or sends a creator's withdrawal of the content.
#[utoipa::path(post, path = "/deregister", request_body = Deregister, responses(
    (status = 200, body = RegistrationBody, description = "It is on chain, or `relay` says why it failed"),
    (status = 202, body = RegistrationBody, description = "It is on its way: GET /api/record-view/{relay_id} tells how it goes"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
), security(("bearer" = [])))]
pub(super) async fn deregister(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    authorised: Authorised,
    JsonBody(body): JsonBody<Deregister>,
) -> Result<Response> {
    pace(&app, connection, &headers, authorised)?;
    match body {
        Deregister::Stream { content_id } => {
            // The operator may withdraw a stream whose content is not active any more, too.
            if authorised != Authorised::Operator {
                authorised.acts_for(app.ethereum.content(content_id).await?.creator)?;
            }
            let relay = app
                .ethereum
                .begin_deregistration(content_id, authorised.creator())
                .await?;
            finished(&app, content_id, relay).await
        }
        Deregister::Signed { action, signature } => {
            authorised.acts_for(action.creator)?;
            app.serves_creator(action.creator)?;
            let action = DeregisterContent {
                creator: action.creator,
                contentId: action.content_id,
                nonce: action.nonce,
                deadline: action.deadline,
            };
            let (creator, content, nonce) = (action.creator, action.contentId, action.nonce);
            let signed = signing_hash(&app, &action);
            let call = deregisterContentBySigCall { action, signature };
            let relay = send(&app, creator, nonce, signed, call.abi_encode()).await?;
            finished(&app, content, Some(relay)).await
        }
    }
}

/// What a creator asks for is simulated, which costs the node something also when it is refused.
fn pace(
    app: &App,
    connection: SocketAddr,
    headers: &HeaderMap,
    authorised: Authorised,
) -> Result<()> {
    match authorised {
        Authorised::Operator => Ok(()),
        Authorised::Creator(_) => {
            let client = client_address(connection, headers, app.config.trust_forwarded_for);
            app.relay_pace.take(client)
        }
    }
}

fn signing_hash(app: &App, action: &impl SolStruct) -> B256 {
    let deployment = app.ethereum.deployment();
    action.eip712_signing_hash(&registry_domain(deployment.chain_id, deployment.registry))
}

async fn send(
    app: &App,
    creator: Address,
    nonce: U256,
    signed: B256,
    call: Vec<u8>,
) -> Result<Relay> {
    let intent = Intent {
        id: signed,
        kind: Kind::Registration,
        account: Some(creator),
        once: Some(format!("registry:{creator}:{nonce}")),
        to: app.ethereum.deployment().registry,
        data: call.into(),
    };
    app.outbox.submit(&intent).await
}

async fn finished(app: &App, content_id: B256, relay: Option<Relay>) -> Result<Response> {
    let (status, relay) = match relay {
        Some(relay) => {
            let (status, Json(relay)) = answered(app.outbox.settled(relay.id, WAIT).await?);
            (status, Some(relay))
        }
        None => (StatusCode::OK, None),
    };
    Ok((status, Json(RegistrationBody { content_id, relay })).into_response())
}
