//! The HTTP interface: one handler a file.

mod admission;
mod announcements;
mod authorisation;
mod body;
mod channel_list;
mod channels;
mod client_address;
mod connection;
mod esplora;
mod funding;
mod health;
mod ipfs;
mod items;
mod offer;
mod passes;
mod provider;
mod publish;
mod record_view;
mod registrations;
mod session;
mod sign_in;
mod upload_content;
mod upload_web3;
mod uploads;
mod whep;
mod whip;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, header};
use paystream_channel::Network;
use tower_http::cors::{Any, CorsLayer};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

pub use self::ipfs::Slots;

use self::admission::{Admission, admit};
use crate::app::App;
use crate::error::{Code, Error, Result, problem};

/// Whatever a request does, it is answered in this time; but for uploads, whose senders are bounded in their silence instead.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long open connections are given to finish when the streamer stops.
const DRAIN: Duration = Duration::from_secs(5);

#[derive(OpenApi)]
#[openapi(info(
    title = "Paystream streamer",
    description = "Live video, paid by the second. The protocol is described in docs/protocol.md."
))]
struct Documentation;

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Documentation::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(offer::offer))
        .routes(routes!(channels::open))
        .routes(routes!(channels::show))
        .routes(routes!(channel_list::list))
        .routes(routes!(funding::fund))
        .routes(routes!(session::session))
        .routes(routes!(whep::view))
        .routes(routes!(whep::end))
        .routes(routes!(whip::publish))
        .routes(routes!(whip::end))
        .routes(routes!(publish::challenge))
        .routes(routes!(publish::token))
        .routes(routes!(sign_in::challenge))
        .routes(routes!(sign_in::token))
        .routes(routes!(uploads::create))
        .routes(routes!(
            uploads::look,
            uploads::append,
            uploads::end,
            uploads::overridden
        ))
        .routes(routes!(items::list, items::take_in))
        .routes(routes!(items::show, items::remove))
        .routes(routes!(items::free))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(upload_content::upload))
                .layer(DefaultBodyLimit::disable()),
        )
        .routes(routes!(record_view::record))
        .routes(routes!(record_view::show))
        .routes(routes!(passes::pass))
        .routes(routes!(registrations::register))
        .routes(routes!(registrations::deregister))
        .routes(routes!(provider::sessions))
        .routes(routes!(provider::earnings))
        .routes(routes!(provider::storage))
        .routes(routes!(announcements::announce))
        .routes(routes!(ipfs::read))
        .routes(routes!(ipfs::below))
}

/// What takes larger bodies than the rest.
fn on_chain(max_bytes: usize) -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(upload_web3::upload))
        .layer(DefaultBodyLimit::max(
            max_bytes.saturating_add(upload_web3::FORM),
        ))
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().merge(on_chain(0)).to_openapi()
}

/// The router over a running streamer.
pub fn router(app: Arc<App>) -> Router {
    let on_chain = on_chain(app.config.web3_max_bytes);
    let (mut router, documentation) = api().merge(on_chain).split_for_parts();
    if app.config.bitcoin_network == Network::Regtest {
        router = router.nest("/esplora", esplora::router());
    }
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ])
        .allow_headers(
            [
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_NONE_MATCH,
                header::RANGE,
            ]
            .into_iter()
            .chain(uploads::REQUEST_HEADERS.map(HeaderName::from_static))
            .collect::<Vec<_>>(),
        )
        .expose_headers(
            [
                header::LOCATION,
                header::WWW_AUTHENTICATE,
                header::LINK,
                header::RETRY_AFTER,
                header::ETAG,
                header::CONTENT_LENGTH,
                header::CONTENT_RANGE,
                HeaderName::from_static("x-ipfs-path"),
                HeaderName::from_static("x-ipfs-roots"),
            ]
            .into_iter()
            .chain(uploads::RESPONSE_HEADERS.map(HeaderName::from_static))
            .collect::<Vec<_>>(),
        )
        .max_age(Duration::from_secs(3600));
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", documentation))
        .fallback(|| async { problem(Code::NotFound, "there is no such path".to_owned(), None) })
        .method_not_allowed_fallback(|| async {
            problem(
                Code::NotFound,
                "this path does not take that method".to_owned(),
                None,
            )
        })
        .layer(DefaultBodyLimit::max(app.config.max_body_bytes))
        .layer(axum::middleware::from_fn(answer_in_time))
        .layer(axum::middleware::from_fn_with_state(
            Admission::new(app.config.max_requests),
            admit,
        ))
        .layer(cors)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&app),
            uploads::discover,
        ))
        .layer(TraceLayer::new_for_http().on_failure(()))
        .with_state(app)
}

async fn answer_in_time(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    if uploads::takes_its_time(&request) {
        return next.run(request).await;
    }
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem(
            Code::Unavailable,
            "the provider is too slow now; try again".to_owned(),
            None,
        ),
    }
}

/// Serves HTTP until the streamer is told to stop, then stops it in good order.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(app: Arc<App>) -> Result<()> {
    let address = app.config.listen;
    let failed = |error: std::io::Error| Error::Config(format!("--listen {address}: {error}"));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, provider = %app.ethereum.account(), "serving");
    let stop = app.stop.clone();
    let service = router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await });
    let stop = app.stop.clone();
    let drained = async move {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server.into_future() => result.map_err(failed)?,
        () = drained => {}
    }
    Ok(())
}
