//! A chain of each kind, the contracts, a content, and a streamer: all real, all of one test.

mod bitcoind;
mod ethereum;
mod film;
mod live;
mod process;
mod proxy;
mod reader;
mod streamer;
pub mod token;
mod viewer;

use std::time::Duration;

pub use bitcoind::Bitcoind;
pub use ethereum::{CREATOR, Chain, PROVIDER};
pub use film::{Plan, StoredFilm};
pub use live::Watcher;
pub use proxy::{Proxy, Sends};
pub use reader::{Car, Reader, Seen};
pub use streamer::{OPERATOR_TOKEN, Streamer};
pub use token::Token;
pub use viewer::{CHANGE, Opened, Socket};

/// Waits until something is so, for a minute at most.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    for _ in 0..600 {
        if let Some(value) = probe().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("waited a minute in vain until {what}");
}

/// Everything that a test needs.
pub struct Stack {
    pub bitcoin: Bitcoind,
    pub chain: Chain,
    pub streamer: Streamer,
    pub data: tempfile::TempDir,
}

impl Stack {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(arguments: &[&str]) -> Self {
        let chains = Self::on(tempfile::tempdir().unwrap(), None).await;
        chains.serve(arguments).await
    }

    /// A stack whose Ethereum chain began at this second.
    pub async fn begun_at(second: i64) -> Self {
        let chains = Self::on(tempfile::tempdir().unwrap(), Some(second)).await;
        chains.serve(&[]).await
    }

    /// The chains alone, the Ethereum one begun at this second.
    async fn on(data: tempfile::TempDir, begun_at: Option<i64>) -> Chains {
        let bitcoin = Bitcoind::start(data.path()).await;
        let chain = Chain::start(data.path(), begun_at).await;
        Chains {
            bitcoin,
            chain,
            data,
        }
    }

    pub async fn restart_streamer(&mut self, arguments: &[&str]) {
        self.streamer =
            Streamer::start(self.data.path(), &self.bitcoin, &self.chain, arguments).await;
    }
}

/// What a streamer is started on.
struct Chains {
    bitcoin: Bitcoind,
    chain: Chain,
    data: tempfile::TempDir,
}

impl Chains {
    async fn serve(self, arguments: &[&str]) -> Stack {
        let streamer =
            Streamer::start(self.data.path(), &self.bitcoin, &self.chain, arguments).await;
        Stack {
            bitcoin: self.bitcoin,
            chain: self.chain,
            streamer,
            data: self.data,
        }
    }
}
