use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use bitcoin::ScriptBuf;
use paystream_contracts::deploy::{Plan, SALT, Waiting, deploy};
use paystream_contracts::{Deployment, StreamRegistry, content_id};
use serde_json::Value;

use super::process::{Process, free_tcp_port, program};
use super::until;

/// The well-known keys of a development chain.
pub const CREATOR: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
pub const PROVIDER: &str = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

/// An Ethereum chain with the contracts and one content.
pub struct Chain {
    process: Mutex<Process>,
    state: PathBuf,
    pub provider: DynProvider,
    pub deployed: paystream_contracts::Deployment,
    pub port: u16,
    /// What the streamer asks: the node itself, or something in front of it.
    pub rpc_port: u16,
    pub deployment: PathBuf,
    pub content: B256,
    pub free_content: B256,
    pub creator: PrivateKeySigner,
    pub creator_script: ScriptBuf,
}

impl Chain {
    /// A chain whose clock begins now, or at this second.
    pub async fn start(data: &Path, begun_at: Option<i64>) -> Self {
        let port = free_tcp_port();
        let state = data.join("anvil.json");
        let process = Mutex::new(launch(port, &state, begun_at));
        let creator: PrivateKeySigner = CREATOR.parse().unwrap();
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(creator.clone()))
            .connect_http(format!("http://127.0.0.1:{port}").parse().unwrap())
            .erased();
        until("the Ethereum node answers", || async {
            provider.get_chain_id().await.ok()
        })
        .await;
        let (plan, waiting) = (Plan::new(SALT), Waiting::on_development_chain());
        let placed = deploy(&provider, creator.address(), &plan, waiting, |_| {}).await;
        let deployed = placed.unwrap().deployment;
        let registry = StreamRegistry::new(deployed.registry, provider.clone());
        let deployment = data.join("31337.json");
        std::fs::write(&deployment, serde_json::to_vec(&deployed).unwrap()).unwrap();
        let creator_script =
            ScriptBuf::from_hex("00140202020202020202020202020202020202020202").unwrap();
        let payout = registry.setBitcoinPayout(Bytes::from(creator_script.to_bytes()));
        payout.send().await.unwrap().get_receipt().await.unwrap();
        let content = register(&registry, creator.address(), "bafkreiexample", 20_000).await;
        let free_content = register(&registry, creator.address(), "bafkreiwithoutprice", 0).await;
        Self {
            process,
            state,
            provider,
            deployed,
            port,
            rpc_port: port,
            deployment,
            content,
            free_content,
            creator,
            creator_script,
        }
    }

    /// Registers another content of the creator.
    pub async fn register(&self, cid: &str, msat_per_second: u64) -> B256 {
        let deployed: Deployment =
            serde_json::from_slice(&std::fs::read(&self.deployment).unwrap()).unwrap();
        let registry = StreamRegistry::new(deployed.registry, self.provider.clone());
        register(&registry, self.creator.address(), cid, msat_per_second).await
    }

    /// Stops the node in good order, so that it keeps its state.
    pub fn stop(&self) {
        self.process.lock().unwrap().terminate();
    }

    /// Starts the node again with the state that it left.
    pub async fn start_again(&self) {
        *self.process.lock().unwrap() = launch(self.port, &self.state, None);
        until("the Ethereum node answers", || async {
            self.provider.get_chain_id().await.ok()
        })
        .await;
    }

    /// Calls one of the development node's own methods.
    pub async fn call(&self, method: &'static str, params: Value) -> Value {
        self.provider
            .raw_request(method.into(), params)
            .await
            .unwrap()
    }
}

fn launch(port: u16, state: &Path, begun_at: Option<i64>) -> Process {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/@foundry-rs");
    let others: Vec<PathBuf> = std::fs::read_dir(root)
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin/anvil"))
                .collect()
        })
        .unwrap_or_default();
    Process::start(
        Command::new(program("ANVIL", "anvil", &others))
            .args(["--silent", "--port", &port.to_string(), "--state"])
            .arg(state)
            .args(begun_at.map(|second| format!("--timestamp={second}"))),
    )
}

async fn register(
    registry: &StreamRegistry::StreamRegistryInstance<DynProvider>,
    creator: Address,
    cid: &str,
    msat_per_second: u64,
) -> B256 {
    let terms = StreamRegistry::Terms {
        token: Address::ZERO,
        payout: creator,
        creatorShareBps: 9000,
        pricePerView: alloy::primitives::aliases::U96::from(1),
        pricePerSecond: alloy::primitives::aliases::U96::ZERO,
        msatPerSecond: msat_per_second,
    };
    let call =
        registry.registerContent(cid.to_owned(), "A stream".to_owned(), String::new(), terms);
    assert!(
        call.send()
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap()
            .status()
    );
    content_id(creator, cid)
}
