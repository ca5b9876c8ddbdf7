//! The registry on Ethereum: whose content it is, on which terms; and the registration of our own streams.
//!
//! Answers are kept for a few seconds, so that offers cost the node little; a payment never waits for Ethereum.

mod wallet;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use bitcoin::ScriptBuf;
use paystream_contracts::{Deployment, StreamRegistry};
use url::Url;

use crate::error::{Code, Error, Result, refused};

/// How long an answer of the registry is used.
const FRESH: Duration = Duration::from_secs(5);
/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Contents that are remembered at a time.
const MAX_REMEMBERED: usize = 4096;

/// A content as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its id.
    pub id: B256,
    /// Who made it.
    pub creator: Address,
    /// The price on the Bitcoin rail; 0 when there is none.
    pub msat_per_second: u64,
    /// The creator's share in hundredths of a percent.
    pub creator_share_bps: u16,
    /// Where the creator is paid on Bitcoin; empty when they registered nothing.
    pub creator_script: ScriptBuf,
}

/// Reads the registry and registers streams in it.
pub struct Ethereum {
    registry: StreamRegistry::StreamRegistryInstance<DynProvider>,
    provider: DynProvider,
    deployment: Deployment,
    signer: PrivateKeySigner,
    contents: Mutex<HashMap<B256, (Instant, Option<Content>)>>,
    /// Held while a transaction is sent, so that no two take the same nonce.
    sending: tokio::sync::Mutex<()>,
}

impl Ethereum {
    /// A client of the node at `url`. Nothing is asked yet.
    #[must_use]
    pub fn new(url: Url, deployment: Deployment, signer: PrivateKeySigner) -> Self {
        let wallet = EthereumWallet::from(signer.clone());
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(wallet)
            .connect_http(url)
            .erased();
        let registry = StreamRegistry::new(deployment.registry, provider.clone());
        Self {
            registry,
            provider,
            deployment,
            signer,
            contents: Mutex::new(HashMap::new()),
            sending: tokio::sync::Mutex::default(),
        }
    }

    /// The provider's account.
    #[must_use]
    pub fn account(&self) -> Address {
        self.signer.address()
    }

    /// The key of the provider's account.
    #[must_use]
    pub fn signer(&self) -> &PrivateKeySigner {
        &self.signer
    }

    /// Where the contracts are.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Asks the node whether it is on the chain of the deployment record and knows the registry.
    ///
    /// # Errors
    /// When it does not answer, is on another chain, or has no code at the registry's address.
    pub async fn check(&self) -> Result<u64> {
        let chain = within(self.provider.get_chain_id()).await?;
        if chain != self.deployment.chain_id {
            return Err(unavailable(format!(
                "the node is on chain {chain}, the deployment on {}",
                self.deployment.chain_id
            )));
        }
        if within(
            self.provider
                .get_code_at(self.deployment.registry)
                .into_future(),
        )
        .await?
        .is_empty()
        {
            return Err(unavailable(format!(
                "there is no contract at {}",
                self.deployment.registry
            )));
        }
        within(self.provider.get_block_number()).await
    }

    /// An active content, from the registry.
    ///
    /// # Errors
    /// `unknown_content` when it is not registered or not any more; unavailable when the node does not answer.
    pub async fn content(&self, id: B256) -> Result<Content> {
        let known = {
            let contents = self
                .contents
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            contents
                .get(&id)
                .filter(|(at, _)| at.elapsed() < FRESH)
                .map(|(_, content)| content.clone())
        };
        let content = match known {
            Some(content) => content,
            None => {
                let content = self.read(id).await?;
                let mut contents = self
                    .contents
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                if contents.len() >= MAX_REMEMBERED {
                    contents.retain(|_, (at, _)| at.elapsed() < FRESH);
                    if contents.len() >= MAX_REMEMBERED {
                        contents.clear();
                    }
                }
                contents.insert(id, (Instant::now(), content.clone()));
                content
            }
        };
        content.ok_or_else(|| {
            refused(
                Code::UnknownContent,
                format!("{id} is not an active content of the registry"),
            )
        })
    }

    async fn read(&self, id: B256) -> Result<Option<Content>> {
        let found = tokio::time::timeout(TIMEOUT, self.registry.termsOf(id).call().into_future())
            .await
            .map_err(|_| unavailable("no answer in time".to_owned()))?;
        let found = match found {
            Ok(found) => found,
            Err(error)
                if error
                    .as_decoded_error::<StreamRegistry::ContentNotFound>()
                    .is_some() =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unavailable(error.to_string())),
        };
        if !found.active {
            return Ok(None);
        }
        let script = within(
            self.registry
                .bitcoinPayoutOf(found.creator)
                .call()
                .into_future(),
        )
        .await?;
        Ok(Some(Content {
            id,
            creator: found.creator,
            msat_per_second: found.terms.msatPerSecond,
            creator_share_bps: found.terms.creatorShareBps,
            creator_script: ScriptBuf::from_bytes(script.to_vec()),
        }))
    }

    /// Whether our stream of a content is registered under `url`.
    ///
    /// # Errors
    /// Unavailable when the node does not answer.
    pub async fn is_registered(&self, content: B256, url: &str) -> Result<bool> {
        let call = self.registry.streamOf(content, self.account());
        Ok(within(call.call().into_future()).await? == url)
    }

    /// Registers our stream of a content under `url`, unless it is registered so already, and waits for the block. Several may wait at
    /// a time.
    ///
    /// # Errors
    /// When the node does not answer or the transaction fails.
    pub async fn register_stream(&self, content: B256, url: &str) -> Result<()> {
        let registered = within(
            self.registry
                .streamOf(content, self.account())
                .call()
                .into_future(),
        )
        .await?;
        if registered == url {
            return Ok(());
        }
        let pending = {
            let _turn = self.sending.lock().await;
            within(self.registry.registerStream(content, url.to_owned()).send()).await?
        };
        let hash = *pending.tx_hash();
        let receipt = pending
            .with_timeout(Some(Duration::from_secs(120)))
            .get_receipt()
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        if !receipt.status() {
            return Err(unavailable(format!("the registration {hash} was reverted")));
        }
        tracing::info!(%content, url, transaction = %hash, "registered the stream on chain");
        Ok(())
    }
}

fn unavailable(detail: String) -> Error {
    Error::Unavailable {
        service: "Ethereum",
        detail,
    }
}

async fn within<T, E: std::fmt::Display>(
    question: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    tokio::time::timeout(TIMEOUT, question)
        .await
        .map_err(|_| unavailable("no answer in time".to_owned()))?
        .map_err(|error| unavailable(error.to_string()))
}
