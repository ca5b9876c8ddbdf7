//! PostgreSQL: the only place that knows SQL. [`mod@write`] is the follower's, [`read`] is the API's.

pub mod read;
pub mod rows;
pub mod write;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::error::Error;

/// Reads a database's URL.
///
/// # Errors
/// When it is not a URL of a PostgreSQL database.
pub fn options(url: &str) -> Result<PgConnectOptions, Error> {
    Ok(PgConnectOptions::from_str(url)?.application_name("paystream-indexer"))
}

/// Connections for the API. Does not connect: the database may come later. A request that gets none within two seconds, or
/// whose query takes five, is told so.
#[must_use]
pub fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy_with(options.options([("statement_timeout", "5000")]))
}
