//! The registry on Ethereum: whose content it is, on which terms; and the registration of our own streams.
//!
//! Answers are kept for a few seconds, so that offers cost the node little; a payment never waits for Ethereum.

pub(crate) mod logs;
mod registered;
mod registration;
mod views;
mod wallet;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use bitcoin::ScriptBuf;
use paystream_contracts::{Deployment, StreamRegistry};

pub use self::registered::{Block, Registrations};
use crate::error::{Code, Error, Result, refused, unanswered};
use crate::relay::Outbox;

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
    /// What a view is paid in; zero is ether.
    pub token: Address,
    /// The price of a view in the token's smallest unit.
    pub price_per_view: U256,
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
    /// Sends what is ours.
    outbox: Arc<Outbox>,
    /// The first block of the last 24 hours, as it was seen at some time.
    day: Mutex<Option<(Instant, u64)>>,
}

impl Ethereum {
    /// A client of a node. Nothing is asked yet.
    #[must_use]
    pub fn new(
        provider: DynProvider,
        deployment: Deployment,
        signer: PrivateKeySigner,
        outbox: Arc<Outbox>,
    ) -> Self {
        let registry = StreamRegistry::new(deployment.registry, provider.clone());
        Self {
            registry,
            provider,
            deployment,
            signer,
            contents: Mutex::new(HashMap::new()),
            outbox,
            day: Mutex::default(),
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

    /// The tokens of contents that were asked for lately.
    #[must_use]
    pub fn tokens_seen(&self) -> BTreeSet<Address> {
        let contents = self
            .contents
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = contents
            .values()
            .filter_map(|(_, content)| content.as_ref());
        known.map(|content| content.token).collect()
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
            token: found.terms.token,
            price_per_view: U256::from(found.terms.pricePerView),
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
}

pub(crate) fn unavailable(detail: String) -> Error {
    unanswered("Ethereum", &detail)
}

/// The node's answer to a question, unless it takes too long.
pub(crate) async fn in_time<T>(question: impl IntoFuture<Output = T>) -> Result<T> {
    tokio::time::timeout(TIMEOUT, question)
        .await
        .map_err(|_| unavailable("no answer in time".to_owned()))
}

/// The same, where a refusal is no answer.
pub(crate) async fn within<T, E: std::fmt::Display>(
    question: impl IntoFuture<Output = Result<T, E>>,
) -> Result<T> {
    in_time(question)
        .await?
        .map_err(|error| unavailable(error.to_string()))
}
