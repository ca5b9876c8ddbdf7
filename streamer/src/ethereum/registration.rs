//! Our own streams in the registry.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use paystream_contracts::EarningsSplitter;
use paystream_contracts::StreamRegistry::{deregisterStreamCall, registerStreamCall};

use super::{Ethereum, unavailable, within};
use crate::error::Result;
use crate::relay::{Intent, Relay, State};

/// How long a registration in the background waits for its block.
const PATIENCE: Duration = Duration::from_secs(120);

impl Ethereum {
    /// Where our stream of a content is registered; empty when it is not.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn stream_url(&self, content: B256) -> Result<String> {
        let call = self.registry.streamOf(content, self.account());
        within(call.call().into_future()).await
    }

    /// Sends the registration of our stream under `url`; nothing when it is registered so already. `asked_by` is the creator who asked
    /// for it, if we did not ourselves.
    ///
    /// # Errors
    /// When the node does not answer or the registry refuses it; `rate_limited` when a creator asks for too much.
    pub async fn begin_registration(
        &self,
        content: B256,
        url: &str,
        asked_by: Option<Address>,
    ) -> Result<Option<Relay>> {
        if self.stream_url(content).await? == url {
            return Ok(None);
        }
        let call = registerStreamCall {
            contentId: content,
            url: url.to_owned(),
        };
        let intent = Intent::stream(
            format!("register:{content}:{url}"),
            self.deployment.registry,
            call.abi_encode().into(),
            asked_by,
        );
        Ok(Some(self.outbox.submit(&intent).await?))
    }

    /// Sends the deregistration of our stream; nothing when there is none. `asked_by` as above.
    ///
    /// # Errors
    /// When the node does not answer or the registry refuses it; `rate_limited` when a creator asks for too much.
    pub async fn begin_deregistration(
        &self,
        content: B256,
        asked_by: Option<Address>,
    ) -> Result<Option<Relay>> {
        if self.stream_url(content).await?.is_empty() {
            return Ok(None);
        }
        let call = deregisterStreamCall { contentId: content };
        let intent = Intent::stream(
            format!("deregister:{content}"),
            self.deployment.registry,
            call.abi_encode().into(),
            asked_by,
        );
        Ok(Some(self.outbox.submit(&intent).await?))
    }

    /// Registers our stream of a content under `url`, unless it is registered so already, and waits for the block. Several may wait at
    /// a time.
    ///
    /// # Errors
    /// When the node does not answer or the transaction fails.
    pub async fn register_stream(&self, content: B256, url: &str) -> Result<()> {
        let Some(relay) = self.begin_registration(content, url, None).await? else {
            return Ok(());
        };
        let relay = self.outbox.settled(relay.id, PATIENCE).await?;
        let hash = relay.transaction;
        match relay.state {
            State::Confirmed => {
                tracing::info!(%content, url, transaction = %hash, "registered the stream on chain");
                Ok(())
            }
            State::Pending => Err(unavailable(format!(
                "the registration {hash} is not in a block yet"
            ))),
            State::Failed => Err(unavailable(format!(
                "the registration {hash} failed: {}",
                relay.detail.unwrap_or_default()
            ))),
        }
    }

    /// What our account has earned in a token and not claimed yet; the zero address is ether.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn earned(&self, token: Address) -> Result<U256> {
        let splitter = EarningsSplitter::new(self.deployment.splitter, &self.provider);
        let call = splitter.earned(token, self.account());
        within(call.call().into_future()).await
    }
}
