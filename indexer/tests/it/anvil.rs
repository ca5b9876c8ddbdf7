//! A real Ethereum node for development: anvil.

use std::path::{Path, PathBuf};
use std::process::Command;

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, binary, free_port, matching};
use crate::wait::until;

/// The keys of anvil's first accounts, which are funded.
const KEYS: [&str; 4] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

/// A node that makes a block for each transaction.
pub struct Anvil {
    folder: TempDir,
    port: u16,
    process: Option<Process>,
}

impl Anvil {
    /// Starts a fresh chain.
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut anvil = Self {
            folder,
            port: free_port(),
            process: None,
        };
        anvil.resume().await;
        anvil
    }

    /// Starts the node (again) with the state that it left.
    pub async fn resume(&mut self) {
        let mut command = Command::new(program());
        command
            .args([
                "--port",
                &self.port.to_string(),
                "--chain-id",
                "31337",
                "--silent",
                "--state",
            ])
            .arg(self.folder.path().join("state.json"));
        self.process = Some(Process::start(command, &self.folder.path().join("log")));
        until("anvil answers", || async {
            self.provider(0).get_block_number().await.ok()
        })
        .await;
    }

    /// Stops the node in good order, so that it keeps its state.
    pub fn stop(&mut self) {
        self.process.take().unwrap().end("TERM");
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The key of a funded account.
    pub fn key(account: usize) -> PrivateKeySigner {
        KEYS[account].parse().unwrap()
    }

    /// A provider that signs for a funded account.
    pub fn provider(&self, account: usize) -> DynProvider {
        let wallet = EthereumWallet::from(Self::key(account));
        ProviderBuilder::new()
            .wallet(wallet)
            .connect_http(self.url().parse().unwrap())
            .erased()
    }

    /// Calls one of anvil's own methods.
    pub async fn call(&self, method: &'static str, params: Value) -> Value {
        self.provider(0)
            .raw_request(method.into(), params)
            .await
            .unwrap()
    }

    /// Makes empty blocks.
    pub async fn mine(&self, blocks: u64) {
        self.call("anvil_mine", json!([format!("{blocks:#x}")]))
            .await;
    }
}

fn program() -> PathBuf {
    // The native binary: a kill of npm's launcher would leave the node behind.
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/@foundry-rs");
    let usual: Vec<PathBuf> = matching(&packages, "anvil-")
        .into_iter()
        .map(|package| package.join("bin/anvil"))
        .collect();
    binary("ANVIL", "anvil", &usual)
}
