//! A real Ethereum node for development, with Sepolia's chain id unless it is told otherwise.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use alloy::primitives::{Address, Bytes, address};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The first account, which has ether.
pub const DEPLOYER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

/// A node, which ends with the test.
pub struct Anvil {
    _process: Child,
    pub url: String,
    pub provider: DynProvider,
}

impl Anvil {
    /// Sepolia, with a block for each transaction.
    pub async fn start() -> Self {
        Self::with(&["--chain-id", "11155111"]).await
    }

    /// A chain with these arguments.
    pub async fn with(arguments: &[&str]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let process = Command::new(program())
            .args(["--silent", "--port", &port.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let provider = ProviderBuilder::new().connect_http(url.parse().unwrap());
        let provider = provider.erased();
        until("anvil answers", || async {
            provider.get_chain_id().await.ok()
        })
        .await;
        Self {
            _process: process,
            url,
            provider,
        }
    }

    /// Calls one of anvil's own methods.
    pub async fn call(&self, method: &'static str, params: Value) -> Value {
        let answer = self.provider.raw_request(method.into(), params).await;
        answer.unwrap()
    }

    /// From now on a block each second, which confirms what was sent before.
    pub async fn mine_by_itself(&self) {
        self.call("evm_setIntervalMining", json!([1])).await;
    }

    /// From now on no block but by `mine`.
    pub async fn stop_mining(&self) {
        self.call("evm_setAutomine", json!([false])).await;
    }

    /// Makes a block.
    pub async fn mine(&self) {
        self.call("evm_mine", json!([])).await;
    }

    /// The transactions that the deployer has in blocks.
    pub async fn sent(&self) -> u64 {
        self.provider.get_transaction_count(DEPLOYER).await.unwrap()
    }

    /// The transactions that the deployer has sent, whether in a block or not.
    pub async fn known(&self) -> u64 {
        let count = self.provider.get_transaction_count(DEPLOYER).pending();
        count.await.unwrap()
    }

    pub async fn code(&self, address: Address) -> Bytes {
        self.provider.get_code_at(address).await.unwrap()
    }

    pub async fn set_code(&self, address: Address, code: &[u8]) {
        let code = Bytes::copy_from_slice(code);
        self.call("anvil_setCode", json!([address, code])).await;
    }
}

/// Asks again and again until `condition` answers something.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The native binary: a kill of npm's launcher would leave the node behind.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("ANVIL") {
        return path.into();
    }
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/@foundry-rs");
    let mut entries = std::fs::read_dir(packages).into_iter().flatten().flatten();
    entries
        .find_map(|entry| Some(entry.path().join("bin/anvil")).filter(|path| path.is_file()))
        .expect("anvil is needed: set ANVIL, or run scripts/setup")
}
