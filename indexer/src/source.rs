//! What Ethereum nodes say, over JSON-RPC. Nothing they say is believed without its block's hash.
//!
//! There may be several endpoints. One is used until it fails; then the next one is. An endpoint is checked before its
//! first use, and again after every failure: it must be on the deployment's chain, and the contracts must be there.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::types::{Block, Filter, Log};
use alloy::transports::TransportResult;
use futures::{StreamExt, TryStreamExt};
use paystream_contracts::Deployment;
use url::Url;

use crate::chain::{BlockRef, Header};
use crate::error::Error;
use crate::event::RawLog;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many calls are under way at once.
const CALLS: usize = 8;

/// The Ethereum nodes.
pub struct Source {
    endpoints: Vec<Endpoint>,
    current: usize,
    checked: bool,
    deployment: Deployment,
}

struct Endpoint {
    /// Its host and port: the rest of a URL is often a key.
    name: String,
    provider: RootProvider<Ethereum>,
}

/// Where the node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Its newest block.
    pub latest: BlockRef,
    /// When that block was made, in seconds since 1970.
    pub timestamp: u64,
    /// The newest block that is final by its word; 0 when it knows of none.
    pub finalized: u64,
}

impl Source {
    /// Reads from these endpoints, of which there is at least one. Does not connect.
    #[must_use]
    pub fn new(urls: &[Url], deployment: Deployment) -> Self {
        let endpoints = urls
            .iter()
            .map(|url| Endpoint {
                name: endpoint_name(url),
                provider: RootProvider::new_http(url.clone()),
            })
            .collect();
        Self {
            endpoints,
            current: 0,
            checked: false,
            deployment,
        }
    }

    /// How many endpoints there are.
    #[must_use]
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// Turns to the next endpoint.
    pub fn fail_over(&mut self) {
        self.current = (self.current + 1) % self.endpoints.len();
        self.checked = false;
    }

    /// Where the node stands.
    ///
    /// # Errors
    /// When it does not answer, or is not a node of the deployment's chain.
    pub async fn tip(&mut self) -> Result<Tip, Error> {
        if !self.checked {
            self.check().await?;
            self.checked = true;
        }
        let latest = self
            .block(BlockNumberOrTag::Latest)
            .await?
            .ok_or_else(|| Error::Inconsistent("it has no newest block".to_owned()))?;
        // Before the first finalized block, nodes answer nothing, block 0, or an error.
        let finalized = match self.block(BlockNumberOrTag::Finalized).await {
            Ok(block) => block.map_or(0, |header| header.block.number),
            Err(Error::Ethereum { .. }) => 0,
            Err(error) => return Err(error),
        };
        Ok(Tip {
            latest: latest.block,
            timestamp: latest.timestamp,
            finalized,
        })
    }

    /// The header at `number`; nothing when the node's chain is shorter.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn header(&self, number: u64) -> Result<Option<Header>, Error> {
        let header = self.block(BlockNumberOrTag::Number(number)).await?;
        match header {
            Some(header) if header.block.number != number => Err(Error::Inconsistent(format!(
                "asked for block {number} it answers {}",
                header.block.number
            ))),
            header => Ok(header),
        }
    }

    /// The headers at these numbers, in the same order.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn headers(
        &self,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Option<Header>>, Error> {
        let calls: Vec<_> = numbers
            .into_iter()
            .map(|number| self.header(number))
            .collect();
        futures::stream::iter(calls)
            .buffered(CALLS)
            .try_collect()
            .await
    }

    /// The contracts' logs in the blocks `from..=to`, whatever chain they are on: each with its block.
    ///
    /// # Errors
    /// When the node does not answer, or answers what was not asked for.
    pub async fn logs_in_range(
        &self,
        from: u64,
        to: u64,
    ) -> Result<Vec<(BlockRef, RawLog)>, Error> {
        let filter = self.filter().from_block(from).to_block(to);
        let logs = self.ask(self.provider().get_logs(&filter)).await?;
        let logs = logs
            .into_iter()
            .map(|log| self.raw_log(log))
            .collect::<Result<Vec<_>, _>>()?;
        match logs
            .iter()
            .find(|(block, _)| !(from..=to).contains(&block.number))
        {
            Some((block, _)) => Err(Error::Inconsistent(format!(
                "asked for logs of {from} to {to} it gives one of block {}",
                block.number
            ))),
            None => in_order(logs),
        }
    }

    /// The contracts' logs in each of these blocks, by their hashes.
    ///
    /// # Errors
    /// When the node does not answer or has dropped one of the blocks.
    pub async fn logs_of_blocks(&self, blocks: &[BlockRef]) -> Result<Vec<RawLog>, Error> {
        let calls: Vec<_> = blocks
            .iter()
            .map(|block| self.logs_of_block(*block))
            .collect();
        let logs: Vec<Vec<RawLog>> = futures::stream::iter(calls)
            .buffered(CALLS)
            .try_collect()
            .await?;
        Ok(logs.into_iter().flatten().collect())
    }

    async fn logs_of_block(&self, block: BlockRef) -> Result<Vec<RawLog>, Error> {
        let filter = self.filter().at_block_hash(block.hash);
        let logs = self.ask(self.provider().get_logs(&filter)).await?;
        let logs = logs
            .into_iter()
            .map(|log| self.raw_log(log))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some((other, _)) = logs.iter().find(|(other, _)| *other != block) {
            return Err(Error::Inconsistent(format!(
                "asked for logs of block {} it gives one of block {} ({})",
                block.hash, other.number, other.hash
            )));
        }
        Ok(in_order(logs)?.into_iter().map(|(_, log)| log).collect())
    }

    /// Whether this is a node of the deployment's chain, with the contracts on it.
    async fn check(&self) -> Result<(), Error> {
        let found = self
            .ask(async { self.provider().get_chain_id().await })
            .await?;
        if found != self.deployment.chain_id {
            return Err(Error::OtherChain {
                endpoint: self.endpoint().name.clone(),
                expected: self.deployment.chain_id,
                found,
            });
        }
        for address in [self.deployment.registry, self.deployment.splitter] {
            let code = self
                .ask(async { self.provider().get_code_at(address).await })
                .await?;
            if code.is_empty() {
                return Err(Error::NoContract(address));
            }
        }
        Ok(())
    }

    async fn block(&self, number: BlockNumberOrTag) -> Result<Option<Header>, Error> {
        let block: Option<Block> = self
            .ask(async { self.provider().get_block_by_number(number).await })
            .await?;
        Ok(block.map(|block| Header {
            block: BlockRef {
                number: block.header.number,
                hash: block.header.hash,
            },
            parent_hash: block.header.parent_hash,
            timestamp: block.header.timestamp,
        }))
    }

    fn filter(&self) -> Filter {
        Filter::new().address(vec![self.deployment.registry, self.deployment.splitter])
    }

    fn raw_log(&self, log: Log) -> Result<(BlockRef, RawLog), Error> {
        let (Some(number), Some(hash), Some(log_index), Some(transaction_hash), false) = (
            log.block_number,
            log.block_hash,
            log.log_index,
            log.transaction_hash,
            log.removed,
        ) else {
            return Err(Error::Inconsistent(
                "it gives a log that is in no block".to_owned(),
            ));
        };
        let address = log.address();
        if ![self.deployment.registry, self.deployment.splitter].contains(&address) {
            return Err(Error::Inconsistent(format!(
                "it gives a log of {address}, which was not asked for"
            )));
        }
        let raw = RawLog {
            block_number: number,
            log_index,
            transaction_hash,
            address,
            topics: log.topics().to_vec(),
            data: log.inner.data.data,
        };
        Ok((BlockRef { number, hash }, raw))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoints[self.current]
    }

    fn provider(&self) -> &RootProvider<Ethereum> {
        &self.endpoint().provider
    }

    async fn ask<T>(&self, call: impl Future<Output = TransportResult<T>>) -> Result<T, Error> {
        let endpoint = || self.endpoint().name.clone();
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Error::Ethereum {
                endpoint: endpoint(),
                detail: detail(&error),
            }),
            Err(_) => Err(Error::EthereumTimeout {
                endpoint: endpoint(),
            }),
        }
    }
}

fn endpoint_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What failed, without the URL, which the HTTP client would name in full.
fn detail(error: &alloy::transports::TransportError) -> String {
    if let Some(answer) = error.as_error_resp() {
        return format!("{} (code {})", answer.message, answer.code);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.contains("://") {
        "it cannot be used".to_owned()
    } else {
        text
    }
}

/// The logs in ascending order. A node that gives one place two logs contradicts itself; the same log twice is one log.
fn in_order(mut logs: Vec<(BlockRef, RawLog)>) -> Result<Vec<(BlockRef, RawLog)>, Error> {
    logs.sort_by_key(|(block, log)| (block.number, log.log_index));
    logs.dedup();
    let same_place = |pair: &[(BlockRef, RawLog)]| {
        pair[0].0.number == pair[1].0.number && pair[0].1.log_index == pair[1].1.log_index
    };
    if logs.windows(2).any(same_place) {
        return Err(Error::Inconsistent(
            "it gives two logs for one place".to_owned(),
        ));
    }
    Ok(logs)
}
