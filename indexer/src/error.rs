//! Everything that can go wrong in the indexer.

use std::error::Error as _;
use std::fmt::Write as _;

use alloy::primitives::{Address, B256};
use paystream_contracts::DeploymentError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The deployment record cannot be used.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The database refuses or does not answer.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("the database cannot be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database mirrors another deployment: it needs a database of its own.
    #[error(
        "the database follows chain {chain_id} with registry {registry} and splitter {splitter}, which is not the deployment given"
    )]
    OtherDeployment {
        /// The chain that the database mirrors.
        chain_id: i64,
        /// Its registry.
        registry: Address,
        /// Its splitter.
        splitter: Address,
    },
    /// The database is not where this writer left it.
    #[error("another writer moved the database's head")]
    HeadMoved,
    /// Another process holds the writer's lock.
    #[error("another indexer writes to this database")]
    Standby,
    /// An Ethereum node refuses or cannot be reached.
    #[error("the Ethereum node at {endpoint} failed: {detail}")]
    Ethereum {
        /// Which one, without what may be a key in its path.
        endpoint: String,
        /// What it said.
        detail: String,
    },
    /// An Ethereum node does not answer in time.
    #[error("the Ethereum node at {endpoint} does not answer")]
    EthereumTimeout {
        /// Which one.
        endpoint: String,
    },
    /// The Ethereum node is on another chain.
    #[error("the Ethereum node at {endpoint} is on chain {found}, not {expected}")]
    OtherChain {
        /// Which one.
        endpoint: String,
        /// The deployment's chain.
        expected: u64,
        /// The node's.
        found: u64,
    },
    /// There is no contract where the deployment record says.
    #[error("there is no contract at {0}")]
    NoContract(Address),
    /// The node said things that cannot all be true: it changed its mind meanwhile, or is broken.
    #[error("the Ethereum node contradicts itself: {0}")]
    Inconsistent(String),
    /// The node's chain parts from what was final.
    #[error(
        "the Ethereum node's chain parts from this database below block {finalized}, which was final (hash {known} at {number})"
    )]
    FinalizedReorganised {
        /// The finalized block.
        finalized: u64,
        /// The highest block that is known at or below it.
        number: u64,
        /// Its hash.
        known: B256,
    },
    /// A value in the database is not what was written there.
    #[error("the database holds a value that is not valid: {0}")]
    Corrupt(&'static str),
    /// Redis refuses or does not answer.
    #[error("Redis failed")]
    Redis(#[from] redis::RedisError),
    /// Redis does not answer in time.
    #[error("Redis does not answer")]
    RedisTimeout,
    /// The operating system refuses something.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same may well succeed later without anybody's hand.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => database_is_away(error),
            Self::Migration(
                sqlx::migrate::MigrateError::Execute(error)
                | sqlx::migrate::MigrateError::ExecuteMigration(error, _),
            ) => database_is_away(error),
            Self::HeadMoved
            | Self::Standby
            | Self::Ethereum { .. }
            | Self::EthereumTimeout { .. }
            | Self::OtherChain { .. }
            | Self::NoContract(_)
            | Self::Inconsistent(_)
            | Self::FinalizedReorganised { .. }
            | Self::Redis(_)
            | Self::RedisTimeout => true,
            Self::Deployment(_)
            | Self::Migration(_)
            | Self::OtherDeployment { .. }
            | Self::Corrupt(_)
            | Self::Io { .. } => false,
        }
    }

    /// The error and what caused it, on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let _ = write!(line, ": {cause}");
            source = cause.source();
        }
        line
    }
}

/// Whether the database is unreachable or going down or up, rather than refusing what was asked.
fn database_is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Class 08 connection, 53 resources, 57 operator's intervention, 40 conflict; 25006 a read-only replica.
            ["08", "53", "57", "40"]
                .iter()
                .any(|class| code.starts_with(class))
                || code == "25006"
                // Before the first start of a writer there are no tables.
                || code == "42P01"
        }),
        _ => false,
    }
}
