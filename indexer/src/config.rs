//! The settings of `paystream-indexer serve`. Nothing else reads the environment.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use url::Url;

/// Every flag is also an environment variable: `PAYSTREAM_INDEXER_` and the flag's name.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where the API listens.
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_LISTEN",
        default_value = "127.0.0.1:8180"
    )]
    pub listen: SocketAddr,

    /// The PostgreSQL database, postgres://user:password@host/name. It must exist; its tables are made and kept up to date.
    /// With ?sslmode=require the connection is encrypted, with ?sslmode=verify-full&sslrootcert=/ca.pem the server is known for sure.
    /// Give it by the environment: command lines are for everybody to see.
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_url: SecretUrl,

    /// The Redis that keeps providers' signs of life, redis://host. Without it, liveness is "unknown".
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_REDIS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub redis_url: Option<SecretUrl>,

    /// An Ethereum node's JSON-RPC over HTTP. Several may be given, separated by commas or by repeating the flag: the next
    /// one is used when one fails.
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_ETHEREUM_RPC",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ',',
        required = true,
        value_parser = http_url
    )]
    pub ethereum_rpc: Vec<SecretUrl>,

    /// Where the contracts are: the file deployments/<chain id>.json.
    #[arg(long, env = "PAYSTREAM_INDEXER_DEPLOYMENT", value_name = "FILE")]
    pub deployment: PathBuf,

    /// How long to wait for a new block before asking again, in milliseconds.
    #[arg(long, env = "PAYSTREAM_INDEXER_POLL_INTERVAL_MS", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub poll_interval_ms: u64,

    /// How many final blocks are asked for at once. It shrinks by itself where a node refuses.
    #[arg(long, env = "PAYSTREAM_INDEXER_MAX_BLOCK_RANGE", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub max_block_range: u64,

    /// How many blocks the database may be behind the chain's head and still be ready.
    #[arg(long, env = "PAYSTREAM_INDEXER_MAX_LAG_BLOCKS", default_value_t = 10)]
    pub max_lag_blocks: u64,

    /// How old the node's newest block may be, in seconds, for its answers to count as current. 0 turns this off, for development
    /// chains that make blocks on demand only.
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_MAX_HEAD_AGE_SECONDS",
        default_value_t = 300
    )]
    pub max_head_age_seconds: u64,

    /// How many connections to the database the API uses.
    #[arg(long, env = "PAYSTREAM_INDEXER_DATABASE_CONNECTIONS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub database_connections: u32,

    /// The largest body of a request, in bytes.
    #[arg(
        long,
        env = "PAYSTREAM_INDEXER_MAX_BODY_BYTES",
        default_value_t = 16_384
    )]
    pub max_body_bytes: usize,

    /// How many requests are served at once; more are turned away.
    #[arg(long, env = "PAYSTREAM_INDEXER_MAX_REQUESTS", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_requests: u32,

    /// How long a request may take, in milliseconds.
    #[arg(long, env = "PAYSTREAM_INDEXER_REQUEST_TIMEOUT_MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(100..))]
    pub request_timeout_ms: u64,

    /// What is logged: a level, or levels by module (info, paystream_indexer=debug).
    #[arg(long, env = "PAYSTREAM_INDEXER_LOG", default_value = "info")]
    pub log: String,
}

impl Config {
    /// How old the node's newest block may be; nothing when it does not matter.
    #[must_use]
    pub fn max_head_age(&self) -> Option<Duration> {
        (self.max_head_age_seconds > 0).then(|| Duration::from_secs(self.max_head_age_seconds))
    }
}

/// A URL that may carry a password or a key; it is shown without them.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// The whole URL.
    #[must_use]
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

impl FromStr for SecretUrl {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or("");
        write!(formatter, "{}://{host}", self.0.scheme())?;
        match self.0.port() {
            Some(port) => write!(formatter, ":{port}/…"),
            None => write!(formatter, "/…"),
        }
    }
}

fn http_url(text: &str) -> Result<SecretUrl, String> {
    let url: SecretUrl = text.parse().map_err(|error| format!("{error}"))?;
    match url.0.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("{other}:// is not http:// or https://")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let required = [
            "indexer",
            "--database-url",
            "postgres://paystream:hunter2@db.example:5432/paystream",
            "--deployment",
            "deployments/1.json",
        ];
        Cli::try_parse_from(required.iter().chain(extra)).map(|cli| cli.config)
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = parse(&[
            "--ethereum-rpc",
            "https://rpc.example/hunter2",
            "--redis-url",
            "redis://:hunter2@redis.example",
        ])
        .unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("db.example:5432"), "{shown}");
    }

    #[test]
    fn several_endpoints_are_given_by_commas_or_by_repeating() {
        let config = parse(&[
            "--ethereum-rpc",
            "http://a,http://b",
            "--ethereum-rpc",
            "http://c",
        ]);
        assert_eq!(config.unwrap().ethereum_rpc.len(), 3);
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_starts() {
        assert!(parse(&[]).is_err(), "no endpoint");
        for bad in [
            &["--ethereum-rpc", "ws://a"][..],
            &["--ethereum-rpc", "not a url"],
            &["--ethereum-rpc", "http://a", "--poll-interval-ms", "0"],
            &["--ethereum-rpc", "http://a", "--listen", "nowhere"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
