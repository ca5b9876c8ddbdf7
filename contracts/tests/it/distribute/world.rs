//! Contents of which a view each was bought: by a creator, by a split, by a contract that takes no ether, and for a token.

use std::process::Stdio;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, U256, address, uint};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol;
use alloy::sol_types::SolEvent;
use paystream_contracts::EarningsSplitter::Permit;
use paystream_contracts::StreamRegistry::Terms;
use paystream_contracts::{
    Deployment, EarningsSplitter, PayoutSplitFactory, StreamRegistry, content_id,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::anvil::{Anvil, DEPLOYER};
use crate::run::{Deployer, Ended};
use crate::token;

/// Odd, so that shares have to be rounded.
pub const ETHER_PRICE: U256 = uint!(1_000_000_000_000_000_003_U256);
pub const HALF_A_TOKEN: u64 = 500_000;

const CREATOR: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
const PROVIDER: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
const VIEWER: Address = address!("90F79bf6EB2c4f870365E785982E1f101E93b906");
/// `PUSH0 PUSH0 REVERT`.
const REFUSES: &[u8] = &[0x5f, 0x5f, 0xfd];

sol! {
    #[sol(rpc)]
    interface Token {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
}

pub struct World {
    pub anvil: Anvil,
    pub deployment: Deployment,
    deployer: Deployer,
    folder: TempDir,
    /// An account that never did anything: what it has, it was paid.
    pub creator: Address,
    pub provider: Address,
    pub split: Address,
    /// Of whom the first has three shares, the second two.
    pub recipients: (Address, Address),
    pub refusing: Address,
    pub token: Address,
    provider_had: U256,
}

impl World {
    pub async fn new() -> Self {
        let anvil = Anvil::with(&[]).await;
        let deployer = Deployer::on(&anvil, "local");
        deployer.succeed(&["--broadcast"]).await;
        let recipients = (Address::repeat_byte(0xb1), Address::repeat_byte(0xb2));
        let mut world = Self {
            deployment: deployer.deployment(),
            deployer,
            folder: tempfile::tempdir().unwrap(),
            creator: Address::repeat_byte(0xa1),
            provider: PROVIDER,
            split: Address::ZERO,
            recipients,
            refusing: Address::repeat_byte(0xde),
            token: Address::ZERO,
            provider_had: U256::ZERO,
            anvil,
        };
        world.anvil.set_code(world.refusing, REFUSES).await;
        world.split = world.make_split().await;
        world.token = world.deploy_token().await;
        let (ether, token) = (Address::ZERO, world.token);
        for (cid, payout) in [
            ("one", world.creator),
            ("two", world.split),
            ("three", world.refusing),
        ] {
            world.view(cid, payout, ether, ETHER_PRICE).await;
        }
        let price = U256::from(HALF_A_TOKEN);
        world.view("four", world.creator, token, price).await;
        world.provider_had = world.ether_of(PROVIDER).await;
        world
    }

    async fn make_split(&self) -> Address {
        let provider = &self.anvil.provider;
        let factory = PayoutSplitFactory::new(self.deployment.split_factory, provider);
        let (first, second) = self.recipients;
        let create = factory.createSplit(vec![first, second], vec![3, 2]);
        let split = create.call().await.unwrap();
        let pending = create.from(DEPLOYER).send().await.unwrap();
        assert!(pending.get_receipt().await.unwrap().status());
        split
    }

    async fn deploy_token(&self) -> Address {
        let provider = &self.anvil.provider;
        let request = TransactionRequest::default().from(DEPLOYER);
        let pending = provider.send_transaction(request.with_deploy_code(token::code()));
        let receipt = pending.await.unwrap().get_receipt().await.unwrap();
        let address = receipt.contract_address.unwrap();
        let token = Token::new(address, provider);
        let amount = U256::from(HALF_A_TOKEN);
        let mint = token.mint(VIEWER, amount).from(DEPLOYER);
        mint.send().await.unwrap().get_receipt().await.unwrap();
        let approve = token.approve(self.deployment.splitter, amount).from(VIEWER);
        approve.send().await.unwrap().get_receipt().await.unwrap();
        address
    }

    async fn view(&self, cid: &str, payout: Address, token: Address, price: U256) {
        let provider = &self.anvil.provider;
        let registry = StreamRegistry::new(self.deployment.registry, provider);
        let splitter = EarningsSplitter::new(self.deployment.splitter, provider);
        let terms = Terms {
            token,
            payout,
            creatorShareBps: 7_000,
            pricePerView: price.to(),
            ..Default::default()
        };
        let id: B256 = content_id(CREATOR, cid);
        let register = registry.registerContent(cid.into(), cid.into(), String::new(), terms);
        register
            .from(CREATOR)
            .send()
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap();
        let stream = registry.registerStream(id, "http://127.0.0.1".into());
        stream
            .from(PROVIDER)
            .send()
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap();
        let receipt = if token == Address::ZERO {
            let view = splitter
                .recordView(id, PROVIDER, VIEWER, price)
                .from(VIEWER);
            view.value(price).send().await.unwrap().get_receipt().await
        } else {
            let permit = Permit::default();
            let view = splitter.recordViewInToken(id, PROVIDER, VIEWER, token, price, permit);
            view.from(VIEWER).send().await.unwrap().get_receipt().await
        };
        assert!(receipt.unwrap().status());
    }

    pub async fn ether_of(&self, account: Address) -> U256 {
        self.anvil.provider.get_balance(account).await.unwrap()
    }

    pub async fn tokens_of(&self, account: Address) -> U256 {
        let token = Token::new(self.token, &self.anvil.provider);
        token.balanceOf(account).call().await.unwrap()
    }

    /// What is owed to it in ether.
    pub async fn earned(&self, account: Address) -> U256 {
        let splitter = EarningsSplitter::new(self.deployment.splitter, &self.anvil.provider);
        splitter
            .earned(Address::ZERO, account)
            .call()
            .await
            .unwrap()
    }

    /// How often anybody was paid, in anything.
    pub async fn claims(&self) -> usize {
        let filter = Filter::new()
            .address(self.deployment.splitter)
            .event_signature(EarningsSplitter::EarningsClaimed::SIGNATURE_HASH)
            .from_block(0);
        self.anvil.provider.get_logs(&filter).await.unwrap().len()
    }

    /// By one payment to each, whatever became of the transactions on the way.
    pub async fn everybody_was_paid_once(&self) {
        assert_eq!(self.claims().await, 3);
        self.everybody_has_their_ether().await;
    }

    /// Rounding favours the creator.
    pub async fn everybody_has_their_ether(&self) {
        let providers = ETHER_PRICE * U256::from(3) / U256::from(10);
        let creators = ETHER_PRICE - providers;
        assert_eq!(self.ether_of(self.creator).await, creators);
        let now = self.ether_of(PROVIDER).await - self.provider_had;
        assert_eq!(now, providers * U256::from(3));
        let (first, second) = self.recipients;
        let five = U256::from(5);
        assert_eq!(self.ether_of(first).await, creators * U256::from(3) / five);
        assert_eq!(self.ether_of(second).await, creators * U256::from(2) / five);
        for account in [self.creator, PROVIDER, self.split] {
            assert_eq!(self.earned(account).await, U256::ZERO);
        }
    }

    pub fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub async fn execute(&self, arguments: &[&str]) -> String {
        self.succeed(&[&["--execute"], arguments].concat()).await
    }

    pub async fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert!(ended.good, "{}", ended.output);
        ended.output
    }

    pub async fn fail(&self, arguments: &[&str], says: &str) -> String {
        let ended = self.run(arguments).await;
        assert!(!ended.good, "{}", ended.output);
        assert!(ended.output.contains(says), "{}", ended.output);
        ended.output
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().await.unwrap();
        Ended {
            good: output.status.success(),
            output: [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8(bytes).unwrap())
                .concat(),
        }
    }

    /// Starts it; it is killed when it is dropped.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paystream-distribute"));
        command.args(["local", "--rpc-url", &self.anvil.url, "--deployment"]);
        command.arg(self.deployer.record()).args(arguments);
        command.args(["--journal", &self.path("journal")]);
        if !arguments.contains(&"--csv") {
            command.args(["--csv", &self.path("csv")]);
        }
        for variable in [
            "RPC_URL",
            "ACCOUNT",
            "KEYSTORE",
            "KEY_FILE",
            "PASSWORD_FILE",
        ] {
            command.env_remove(format!("PAYSTREAM_DISTRIBUTE_{variable}"));
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}
