//! Fetching a file block by block from trustless gateways, any of which may fail or lie.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cid::Cid;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, StatusCode, header};
use url::Url;

use super::is_raw;
use crate::store::block::{self, MAX_BLOCK};
use crate::store::dag::Walk;
use crate::store::{ContentStore, Progress, Result, StoreError};

/// Blocks that are asked for at a time.
const AT_ONCE: usize = 8;
/// How long one block may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often each gateway is asked for a block.
const ROUNDS: u32 = 3;
/// The wait before the second round; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// Gateways that are asked in turn.
#[derive(Debug, Clone)]
pub struct Gateways {
    bases: Vec<Url>,
    client: Client,
}

impl Gateways {
    /// Gateways by their addresses, such as `https://trustless-gateway.link`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(bases: Vec<Url>) -> Result<Self> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            .build();
        Ok(Self {
            bases,
            client: client.map_err(|error| remote("gateways", &error.to_string()))?,
        })
    }

    /// Fetches the blocks of a file that the store does not have, or has damaged, each checked against its CID. What has been
    /// fetched stays until the next collection, so that a second try goes on where the first ended. Nothing is pinned. `progress` is told of blocks.
    ///
    /// # Errors
    /// `Remote` when no gateway gives a block; `Unsound`; when the store fails.
    pub async fn fetch(
        &self,
        store: &dyn ContentStore,
        root: &Cid,
        progress: Progress<'_>,
    ) -> Result<()> {
        let mut walk = Walk::once(*root, 0..u64::MAX);
        let mut ahead: HashMap<Cid, Bytes> = HashMap::new();
        let mut seen = 0;
        while let Some(cid) = walk.wants() {
            if !ahead.contains_key(&cid) {
                self.look_ahead(store, &walk, &mut ahead).await?;
            }
            let block = ahead.remove(&cid);
            walk.accept(block.ok_or(StoreError::Missing { cid })?)?;
            seen += 1;
            progress(seen);
        }
        Ok(())
    }

    /// Gets the next blocks, from the store or else from the gateways, and stores the latter.
    async fn look_ahead(
        &self,
        store: &dyn ContentStore,
        walk: &Walk,
        ahead: &mut HashMap<Cid, Bytes>,
    ) -> Result<()> {
        // Behind the block that is wanted now, only leaves: what a block links to comes before the rest, and would pile up.
        let mut next = walk.upcoming(AT_ONCE);
        let leaves = next.iter().take_while(|cid| is_raw(cid)).count();
        next.truncate(leaves.max(1));
        next.retain(|cid| !ahead.contains_key(cid));
        let got: Vec<(Cid, Bytes, bool)> = stream::iter(next)
            .map(|cid| self.get(store, cid))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let fetched = got.iter().filter(|(_, _, fetched)| *fetched);
        store
            .put(
                fetched
                    .map(|(cid, block, _)| (*cid, block.clone()))
                    .collect(),
            )
            .await?;
        ahead.extend(got.into_iter().map(|(cid, block, _)| (cid, block)));
        Ok(())
    }

    /// A block, and whether it came from a gateway.
    async fn get(&self, store: &dyn ContentStore, cid: Cid) -> Result<(Cid, Bytes, bool)> {
        match store.block(&cid).await {
            Ok(Some(block)) => return Ok((cid, block, false)),
            Ok(None) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut last = StoreError::Missing { cid };
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE * 2u32.pow(round - 1)).await;
            }
            for base in &self.bases {
                match self.ask(base, &cid).await {
                    Ok(block) => return Ok((cid, block, true)),
                    Err(error) => {
                        tracing::debug!(%base, %error, "a gateway did not give a block");
                        last = error;
                    }
                }
            }
        }
        Err(last)
    }

    async fn ask(&self, base: &Url, cid: &Cid) -> Result<Bytes> {
        let service = base.as_str();
        let mut url = base.clone();
        url.set_path(&format!("{}/ipfs/{cid}", base.path().trim_end_matches('/')));
        url.query_pairs_mut().append_pair("format", "raw");
        let request = self
            .client
            .get(url)
            .header(header::ACCEPT, "application/vnd.ipld.raw");
        let broken = |error: reqwest::Error| remote(service, &error.to_string());
        let response = request.send().await.map_err(broken)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::PAYMENT_REQUIRED => {
                return Err(remote(service, &format!("it wants to be paid for {cid}")));
            }
            status => return Err(remote(service, &format!("{status} for block {cid}"))),
        }
        let mut block = BytesMut::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            block.extend_from_slice(&part.map_err(broken)?);
            if block.len() > MAX_BLOCK {
                return Err(StoreError::TooLarge {
                    cid: *cid,
                    limit: MAX_BLOCK,
                });
            }
        }
        block::check(cid, &block).map_err(|error| match error {
            StoreError::Mismatched { .. } => {
                remote(service, &format!("it gave other bytes than block {cid}"))
            }
            error => error,
        })?;
        Ok(block.freeze())
    }
}

fn remote(service: &str, detail: &str) -> StoreError {
    StoreError::Remote {
        service: service.to_owned(),
        detail: detail.to_owned(),
    }
}
