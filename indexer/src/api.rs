//! The HTTP API: one file for each resource, one for errors ([`problem`]), one for lists ([`page`]).
//!
//! Every request is bounded in size, time and number; every error is a problem document. Nothing here writes to the database.

pub mod all_streams;
pub mod contents;
pub mod earnings;
pub mod health;
pub mod heartbeats;
pub mod page;
pub mod problem;
pub mod records;
pub mod streams;
pub mod value;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use paystream_contracts::Deployment;
use tokio::sync::Semaphore;
use tower_http::cors::{Any, CorsLayer};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::liveness::Liveness;
use crate::status::Status;
use crate::store::read::Reader;
use problem::ApiError;

/// The bounds of the API.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How far behind the chain's head the database may be and still be ready.
    pub max_lag_blocks: u64,
    /// How long the Ethereum node may be silent.
    pub max_silence: Duration,
    /// How old the node's newest block may be; nothing where blocks come on demand only.
    pub max_head_age: Option<Duration>,
}

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub reader: Reader,
    /// The providers' signs of life.
    pub liveness: Arc<Liveness>,
    /// What the follower does.
    pub status: Arc<Status>,
    /// Which contracts are mirrored.
    pub deployment: Deployment,
    /// The bounds.
    pub limits: Arc<Limits>,
    /// A permit for each request that is being served.
    pub permits: Arc<Semaphore>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Paystream indexer",
        description = "What Paystream's contracts say, as an API: contents, streams, views and earnings. Amounts are decimal strings; addresses, \
                       hashes and ids are 0x and lower-case hex; times are RFC 3339; errors are problem documents (RFC 9457).",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "contents", description = "What is registered"),
        (name = "streams", description = "The providers' signs of life"),
        (name = "accounts", description = "What was earned"),
        (name = "service", description = "The indexer itself")
    )
)]
struct Document;

fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(contents::list_contents))
        .routes(routes!(contents::get_content))
        .routes(routes!(views::list_views))
        .routes(routes!(streams::list_streams))
        .routes(routes!(all_streams::list_all_streams))
        .routes(routes!(records::records_by_cid))
        .routes(routes!(records::records_by_provider))
        .routes(routes!(earnings::get_earnings))
        .routes(routes!(heartbeats::post_heartbeat))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().split_for_parts().1
}

/// The whole API, with its bounds and its documentation at `/docs`.
pub fn router(api: Api) -> axum::Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::LINK, header::RETRY_AFTER]);
    let (router, document) = documented().split_for_parts();
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::max(api.limits.max_body_bytes))
        .layer(middleware::from_fn_with_state(api.clone(), bounded))
        .layer(cors)
        // What fails is logged where it becomes a problem document.
        .layer(TraceLayer::new_for_http().on_failure(()))
        .with_state(api)
}

/// Serves no more requests at once, and none for longer, than the limits say.
async fn bounded(State(api): State<Api>, request: Request, next: Next) -> Response {
    // Probes are answered however busy the service is.
    let is_probe = matches!(request.uri().path(), "/health" | "/ready");
    let permit = api.permits.try_acquire();
    if permit.is_err() && !is_probe {
        return ApiError::Unavailable("too many requests at once").into_response();
    }
    match tokio::time::timeout(api.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Unavailable("the request took too long").into_response(),
    }
}
