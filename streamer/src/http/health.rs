//! `GET /health` and `GET /ready`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// A view of the Bitcoin chain older than this is not ready.
const FRESH: Duration = Duration::from_secs(15);
/// A store that takes longer to answer is not ready.
const STORE_ANSWERS: Duration = Duration::from_secs(3);

/// That the process runs.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version of the streamer.
    version: &'static str,
}

/// Whether one thing that is needed works.
#[derive(Serialize, ToSchema)]
pub(super) struct Check {
    /// Whether it does.
    ok: bool,
    /// What was seen.
    detail: String,
}

/// Whether everything works that is needed.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether all checks are good.
    ready: bool,
    /// The Ethereum node answers, on the right chain, with the registry.
    ethereum: Check,
    /// The Bitcoin node answers and is in step with its network.
    bitcoin: Check,
    /// The journal can be written.
    journal: Check,
    /// The media threads run; how many streams are live.
    media: Check,
    /// The content store can be written and read; whether something in it is damaged.
    store: Check,
}

/// Says that the process runs.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Says whether everything works that is needed.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let ethereum = match app.ethereum.check().await {
        Ok(block) => Check {
            ok: true,
            detail: format!("block {block}"),
        },
        Err(error) => Check {
            ok: false,
            detail: cause(&error),
        },
    };
    let bitcoin = match app.chain.within(FRESH) {
        Ok(view) => Check {
            ok: true,
            detail: format!("height {}", view.tip.height),
        },
        Err(error) => Check {
            ok: false,
            detail: cause(&error),
        },
    };
    let journal = Check {
        ok: app.journal.is_healthy(),
        detail: format!("{} channels", app.book.all().len()),
    };
    let media = Check {
        ok: app.media.is_running(),
        detail: format!("{} streams", app.media.streams().len()),
    };
    let store = store(&app).await;
    let ready = ethereum.ok && bitcoin.ok && journal.ok && media.ok && store.ok;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            ready,
            ethereum,
            bitcoin,
            journal,
            media,
            store,
        }),
    )
}

async fn store(app: &App) -> Check {
    let check = |ok, detail: String| Check { ok, detail };
    match tokio::time::timeout(STORE_ANSWERS, app.store.health()).await {
        Ok(Ok(())) => match app.tidy.fault() {
            None => check(true, "it can be read and written".to_owned()),
            // What can be served is served; it takes up room that cannot be given back.
            Some(fault) => check(true, format!("nothing can be collected: {fault}")),
        },
        Ok(Err(error)) => check(false, error.public_detail()),
        Err(_) => check(false, "it does not answer".to_owned()),
    }
}

fn cause(error: &crate::error::Error) -> String {
    match error {
        crate::error::Error::Unavailable { service, .. } => {
            format!("the {service} node does not answer as it should")
        }
        other => other.public_detail(),
    }
}
