//! The indexer as a service: the follower and the API, from their settings to a graceful end.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use paystream_contracts::Deployment;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::api::{self, Api, Limits};
use crate::config::{Config, SecretUrl};
use crate::error::Error;
use crate::follow::Follower;
use crate::liveness::Liveness;
use crate::source::Source;
use crate::status::Status;
use crate::store::{self, read::Reader};

/// How long requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Runs until `stop`. Neither the database, nor Redis, nor an Ethereum node needs to be there at the start.
///
/// # Errors
/// What no retry can mend: a bad deployment record, an address that is taken, a database of another deployment.
pub async fn serve(config: &Config, stop: CancellationToken) -> Result<(), Error> {
    let deployment = Deployment::load(&config.deployment)?;
    let database = store::options(config.database_url.reveal().as_str())?;
    let redis = config.redis_url.as_ref().map(|url| url.reveal().as_str());
    let liveness = Liveness::new(redis, &deployment)?;
    let endpoints: Vec<Url> = config
        .ethereum_rpc
        .iter()
        .map(SecretUrl::reveal)
        .cloned()
        .collect();
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| Error::Io {
            what: format!("cannot listen on {}", config.listen),
            source,
        })?;

    let poll_interval = Duration::from_millis(config.poll_interval_ms);
    let status = Arc::new(Status::default());
    let follower = Follower::new(
        Source::new(&endpoints, deployment),
        database.clone(),
        deployment,
        Arc::clone(&status),
        poll_interval,
        config.max_block_range,
    );
    let pool = store::pool(database, config.database_connections);
    let router = api::router(Api {
        reader: Reader::new(pool.clone()),
        liveness: Arc::new(liveness),
        status,
        deployment,
        limits: Arc::new(Limits {
            max_body_bytes: config.max_body_bytes,
            request_timeout: Duration::from_millis(config.request_timeout_ms),
            max_lag_blocks: config.max_lag_blocks,
            max_silence: Duration::from_secs(15).max(poll_interval * 3),
            max_head_age: config.max_head_age(),
        }),
        permits: Arc::new(Semaphore::new(config.max_requests as usize)),
    });

    let stopping = stop.clone();
    let mut server = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(stopping.cancelled_owned())
            .into_future(),
    );
    tracing::info!(listen = %config.listen, chain = deployment.chain_id, registry = %deployment.registry, "serving");
    // The follower ends by itself only with an error, and then the service ends with it.
    let followed = follower.run(stop.clone()).await;
    stop.cancel();
    let abort = server.abort_handle();
    if tokio::time::timeout(GRACE, &mut server).await.is_err() {
        tracing::warn!("requests under way were cut off");
        abort.abort();
    }
    tokio::time::timeout(GRACE, pool.close()).await.ok();
    tracing::info!("stopped");
    followed
}
