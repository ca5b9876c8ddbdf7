//! Whole files into and out of a store: CAR files, fetching from gateways, and looking for faults.

mod fetch;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::TryStreamExt;
use iroh_car::{CarHeader, CarReader, CarWriter};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

pub use self::fetch::Gateways;
use super::block::{self, RAW};
use super::dag::Walk;
use super::{ContentStore, Progress, Result, StoreError, blocks_once};

/// Bytes of blocks that are stored together.
const BATCH: usize = 8 * 1024 * 1024;

/// Writes a file as a CAR (version 1): its blocks, depth first, each once.
///
/// # Errors
/// When a block is missing or damaged, or the output fails; what was written is no whole CAR then.
pub async fn export(
    store: Arc<dyn ContentStore>,
    root: Cid,
    output: impl AsyncWrite + Send + Unpin,
    progress: Progress<'_>,
) -> Result<u64> {
    let failed = |error: iroh_car::Error| StoreError::Car(error.to_string());
    let mut car = CarWriter::new(CarHeader::new_v1(vec![root]), output);
    let mut blocks = std::pin::pin!(blocks_once(store, root, 0..u64::MAX));
    let mut written = 0;
    let mut count = 0;
    while let Some(visited) = blocks.try_next().await? {
        let bytes = car.write(visited.cid, &visited.block).await;
        written += bytes.map_err(failed)? as u64;
        count += 1;
        progress(written);
    }
    let mut output = car.finish().await.map_err(failed)?;
    output.flush().await.map_err(StoreError::Source)?;
    Ok(count)
}

/// Stores the blocks of a CAR, each checked against its CID, and pins its roots, all of whose blocks must be there then.
///
/// # Errors
/// `Car`, `Mismatched`, `Missing`; when the store fails. No root is pinned then that is not whole.
pub async fn import(
    store: &dyn ContentStore,
    input: impl AsyncRead + Send + Unpin,
    progress: Progress<'_>,
) -> Result<Vec<Cid>> {
    let failed = |error: iroh_car::Error| StoreError::Car(error.to_string());
    let mut car = CarReader::new(input).await.map_err(failed)?;
    let roots = car.header().roots().to_vec();
    if roots.is_empty() {
        return Err(StoreError::Car("it names no root".to_owned()));
    }
    let mut batch: Vec<(Cid, Bytes)> = Vec::new();
    let mut held = 0;
    let mut taken = 0;
    while let Some((cid, bytes)) = car.next_block().await.map_err(failed)? {
        block::check(&cid, &bytes)?;
        held += bytes.len();
        taken += bytes.len() as u64;
        batch.push((cid, bytes.into()));
        if held >= BATCH {
            store.put(std::mem::take(&mut batch)).await?;
            held = 0;
            progress(taken);
        }
    }
    store.put(batch).await?;
    progress(taken);
    for root in &roots {
        let whole = whole(store, root).await;
        whole.map_err(|error| match error {
            StoreError::Missing { cid } => StoreError::Car(format!("it ends without block {cid}")),
            error => error,
        })?;
        store.pin(root, super::QUIET).await?;
    }
    Ok(roots)
}

/// Checks that all of a file is here, so that a store that fetches does not go looking for it.
async fn whole(store: &dyn ContentStore, root: &Cid) -> Result<()> {
    let mut walk = Walk::once(*root, 0..u64::MAX);
    while let Some(cid) = walk.wants() {
        let block = store.block(&cid).await?;
        walk.accept(block.ok_or(StoreError::Missing { cid })?)?;
    }
    Ok(())
}

/// A block of a file that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub root: Cid,
    /// The block.
    pub cid: Cid,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.root, self.why)
    }
}

/// Reads and checks every block of a file; gives those that are at fault, and how many are not. What is under a block that is at fault is
/// not known.
///
/// # Errors
/// When the store fails altogether.
pub async fn verify(store: &dyn ContentStore, root: &Cid) -> Result<(u64, Vec<Fault>)> {
    let mut walk = Walk::once(*root, 0..u64::MAX);
    let mut faults = Vec::new();
    let mut sound = 0;
    while let Some(cid) = walk.wants() {
        let fault = match store.block(&cid).await {
            Ok(Some(block)) => walk.accept(block).err(),
            Ok(None) => {
                walk.skip();
                Some(StoreError::Missing { cid })
            }
            Err(error @ (StoreError::Damaged { .. } | StoreError::Unsupported { .. })) => {
                walk.skip();
                Some(error)
            }
            Err(error) => return Err(error),
        };
        match fault {
            None => sound += 1,
            Some(error) => faults.push(Fault {
                root: *root,
                cid,
                why: error.to_string(),
            }),
        }
    }
    Ok((sound, faults))
}

/// Whether a block can only be a leaf.
fn is_raw(cid: &Cid) -> bool {
    cid.codec() == RAW
}
