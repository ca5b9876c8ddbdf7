//! The contracts on a chain, and what people do with them.

use alloy::primitives::{Address, B256, Bytes, U256, Uint};
use alloy::providers::DynProvider;
use paystream_contracts::deploy::{self, Plan, Waiting};
use paystream_contracts::{Deployment, EarningsSplitter, StreamRegistry, content_id};

use crate::anvil::Anvil;

/// The accounts by their parts.
pub const CREATOR: usize = 1;
/// Who streams.
pub const PROVIDER: usize = 2;
/// Who pays.
pub const VIEWER: usize = 3;

/// The price of a view.
pub const PRICE: u64 = 1_001;

/// The contracts, deployed.
pub struct Contracts {
    /// Where they are.
    pub deployment: Deployment,
}

impl Contracts {
    /// Deploys them on a chain.
    pub async fn deploy(anvil: &Anvil) -> Self {
        Self::deploy_with(anvil, deploy::SALT).await
    }

    /// Deploys them with a salt, and so elsewhere.
    pub async fn deploy_with(anvil: &Anvil, salt: B256) -> Self {
        let (plan, waiting) = (Plan::new(salt), Waiting::on_development_chain());
        let provider = anvil.provider(0);
        let placed = deploy::deploy(&provider, address(0), &plan, waiting, |_| {}).await;
        Self {
            deployment: placed.unwrap().deployment,
        }
    }

    fn registry(
        &self,
        anvil: &Anvil,
        account: usize,
    ) -> StreamRegistry::StreamRegistryInstance<DynProvider> {
        StreamRegistry::new(self.deployment.registry, anvil.provider(account))
    }

    fn splitter(
        &self,
        anvil: &Anvil,
        account: usize,
    ) -> EarningsSplitter::EarningsSplitterInstance<DynProvider> {
        EarningsSplitter::new(self.deployment.splitter, anvil.provider(account))
    }

    /// The creator registers a content.
    pub async fn register(&self, anvil: &Anvil, cid: &str, name: &str) -> B256 {
        let registry = self.registry(anvil, CREATOR);
        let call = registry.registerContent(
            cid.to_owned(),
            name.to_owned(),
            "ipfs://about".to_owned(),
            terms(PRICE),
        );
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
        content_id(address(CREATOR), cid)
    }

    /// The creator asks another price.
    pub async fn reprice(&self, anvil: &Anvil, content: B256, price: u64) {
        let registry = self.registry(anvil, CREATOR);
        let call = registry.updateTerms(content, terms(price));
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// The creator withdraws a content.
    pub async fn deregister(&self, anvil: &Anvil, content: B256) {
        let registry = self.registry(anvil, CREATOR);
        let call = registry.deregisterContent(content);
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// The creator says where bitcoin goes.
    pub async fn set_bitcoin_payout(&self, anvil: &Anvil, script: &[u8]) {
        let registry = self.registry(anvil, CREATOR);
        let call = registry.setBitcoinPayout(Bytes::copy_from_slice(script));
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// The provider offers a stream.
    pub async fn stream(&self, anvil: &Anvil, content: B256, url: &str) {
        let registry = self.registry(anvil, PROVIDER);
        let call = registry.registerStream(content, url.to_owned());
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// The provider withdraws it.
    pub async fn unstream(&self, anvil: &Anvil, content: B256) {
        let registry = self.registry(anvil, PROVIDER);
        let call = registry.deregisterStream(content);
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// The viewer pays for a view at `PRICE`.
    pub async fn view(&self, anvil: &Anvil, content: B256) {
        let splitter = self.splitter(anvil, VIEWER);
        let call = splitter
            .recordView(
                content,
                address(PROVIDER),
                address(VIEWER),
                U256::from(PRICE),
            )
            .value(U256::from(PRICE));
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }

    /// An account takes out what it earned.
    pub async fn claim(&self, anvil: &Anvil, account: usize) {
        let splitter = self.splitter(anvil, account);
        let call = splitter.claim(Address::ZERO, address(account));
        assert!(
            call.send()
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap()
                .status()
        );
    }
}

/// An account's address.
pub fn address(account: usize) -> Address {
    Anvil::key(account).address()
}

fn terms(price: u64) -> StreamRegistry::Terms {
    StreamRegistry::Terms {
        token: Address::ZERO,
        payout: address(CREATOR),
        creatorShareBps: 9_000,
        pricePerView: Uint::from(price),
        pricePerSecond: Uint::from(7),
        msatPerSecond: 20_000,
    }
}
