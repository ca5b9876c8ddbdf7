//! A token as USDC is (EIP-2612, EIP-3009), a content that is paid in it, and viewers who own nothing else.

use std::path::Path;
use std::process::Command;

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolEvent, SolStruct, eip712_domain};
use paystream_contracts::{
    EarningsSplitter, StreamRegistry, content_id, splitter_domain, view_authorization_nonce,
};
use serde_json::{Value, json};

use super::{OPERATOR_TOKEN, Stack};

/// What a view costs.
pub const PRICE: u64 = 1_000_000;
const CHAIN: u64 = 31_337;

sol! {
    #[sol(rpc)]
    interface Usd {
        function mint(address to, uint256 amount) external;
        function balanceOf(address account) external view returns (uint256);
        function nonces(address account) external view returns (uint256);
    }

    struct ReceiveWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }
}

/// The token and the content.
pub struct Token {
    pub address: Address,
    pub content: B256,
    provider: DynProvider,
    splitter: Address,
    pub streamer_account: Address,
}

impl Token {
    /// Deploys the token, registers a content that is paid in it, and the streamer's stream of it.
    pub async fn deploy(stack: &Stack) -> Self {
        let provider = stack.chain.provider.clone();
        let request = TransactionRequest::default();
        let request = alloy::network::TransactionBuilder::with_deploy_code(request, code());
        let sent = provider.send_transaction(request).await.unwrap();
        let address = sent.get_receipt().await.unwrap().contract_address.unwrap();
        let terms = StreamRegistry::Terms {
            token: address,
            payout: stack.chain.creator.address(),
            creatorShareBps: 9000,
            pricePerView: U96::from(PRICE),
            pricePerSecond: U96::ZERO,
            msatPerSecond: 20_000,
        };
        let registry = StreamRegistry::new(stack.chain.deployed.registry, provider.clone());
        let cid = "bafkreipaidintokens".to_owned();
        let call =
            registry.registerContent(cid.clone(), "A video".to_owned(), String::new(), terms);
        let receipt = call.send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        let content = content_id(stack.chain.creator.address(), &cid);
        let body = json!({"content_id": content});
        let (status, answer) = (stack.streamer)
            .post_as(OPERATOR_TOKEN, "/register", &body)
            .await;
        assert_eq!(status, 200, "{answer}");
        let key: PrivateKeySigner = super::ethereum::PROVIDER.parse().unwrap();
        Self {
            address,
            content,
            provider,
            splitter: stack.chain.deployed.splitter,
            streamer_account: key.address(),
        }
    }

    /// A viewer with money for so many views, and no ether.
    pub async fn viewer(&self, views: u64) -> PrivateKeySigner {
        let viewer = PrivateKeySigner::random();
        let token = Usd::new(self.address, &self.provider);
        let minted = token.mint(viewer.address(), U256::from(views * PRICE));
        let sent = minted.send().await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
        viewer
    }

    pub async fn balance(&self, account: Address) -> u64 {
        let token = Usd::new(self.address, &self.provider);
        token.balanceOf(account).call().await.unwrap().to()
    }

    /// The views of a viewer that are on chain.
    pub async fn views(&self, viewer: Address) -> usize {
        let filter = Filter::new()
            .address(self.splitter)
            .event_signature(EarningsSplitter::ViewRecorded::SIGNATURE_HASH)
            .topic3(viewer)
            .from_block(0);
        self.provider.get_logs(&filter).await.unwrap().len()
    }

    fn domain(&self) -> Eip712Domain {
        eip712_domain! { name: "USD Coin", version: "2", chain_id: CHAIN, verifying_contract: self.address, }
    }

    /// A view by EIP-3009, for the provider, valid until a second.
    pub fn authorization(
        &self,
        viewer: &PrivateKeySigner,
        price: u64,
        provider: Address,
        until: i64,
    ) -> Value {
        let salt = B256::from(rand::random::<[u8; 32]>());
        let message = ReceiveWithAuthorization {
            from: viewer.address(),
            to: self.splitter,
            value: U256::from(price),
            validAfter: U256::ZERO,
            validBefore: U256::from(until),
            nonce: view_authorization_nonce(self.content, provider, viewer.address(), salt),
        };
        let signature = viewer
            .sign_typed_data_sync(&message, &self.domain())
            .unwrap();
        json!({
            "method": "authorization", "content_id": self.content, "viewer": viewer.address(), "price": price.to_string(),
            "salt": salt, "valid_after": "0", "valid_before": until.to_string(), "signature": signature.to_string(),
        })
    }

    /// A good view by EIP-3009.
    pub fn view(&self, viewer: &PrivateKeySigner) -> Value {
        self.authorization(viewer, PRICE, self.streamer_account, in_an_hour())
    }

    /// A view by `RecordView` and an EIP-2612 permit.
    pub async fn permitted(&self, viewer: &PrivateKeySigner, provider: Address) -> Value {
        let deadline = in_an_hour();
        let token = Usd::new(self.address, &self.provider);
        let permit = Permit {
            owner: viewer.address(),
            spender: self.splitter,
            value: U256::from(PRICE),
            nonce: token.nonces(viewer.address()).call().await.unwrap(),
            deadline: U256::from(deadline),
        };
        let permit = viewer
            .sign_typed_data_sync(&permit, &self.domain())
            .unwrap();
        let view = EarningsSplitter::RecordView {
            viewer: viewer.address(),
            contentId: self.content,
            provider,
            token: self.address,
            maxPrice: U256::from(PRICE),
            nonce: U256::ZERO,
            deadline: U256::from(deadline),
        };
        let digest = view.eip712_signing_hash(&splitter_domain(CHAIN, self.splitter));
        let signature = viewer.sign_hash_sync(&digest).unwrap();
        json!({
            "method": "signature",
            "view": {
                "viewer": viewer.address(), "content_id": self.content, "provider": provider, "token": self.address,
                "max_price": PRICE.to_string(), "nonce": "0", "deadline": deadline.to_string(),
            },
            "signature": signature.to_string(),
            "permit": {"value": PRICE.to_string(), "deadline": deadline.to_string(), "signature": permit.to_string()},
        })
    }
}

pub fn in_an_hour() -> i64 {
    jiff::Timestamp::now().as_second() + 3600
}

/// The token that the contracts' own tests pay with, compiled once into cargo's folder for tests.
fn code() -> Bytes {
    static CODE: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    let compile = || compile("tokens", "UsdLikeToken");
    CODE.get_or_init(compile).clone()
}

/// The code that makes a contract of the contracts' own tests, without arguments.
pub fn compile(folder: &str, name: &str) -> Bytes {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let output = Command::new(contracts.join("forge"))
        .args(["build", &format!("contracts/test/{folder}/{name}.sol")])
        .arg("--out")
        .arg(target.join("out"))
        .arg("--cache-path")
        .arg(target.join("cache"))
        .env("FOUNDRY_PROFILE", "default")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let artefact = target.join(format!("out/{name}.sol/{name}.json"));
    let artefact: Value = serde_json::from_slice(&std::fs::read(artefact).unwrap()).unwrap();
    let code = artefact["bytecode"]["object"].as_str().unwrap();
    code.parse().unwrap()
}
