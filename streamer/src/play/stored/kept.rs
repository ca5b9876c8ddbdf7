//! What an earlier run left is checked again before it is built upon: a disk forgets what was written last when the power fails.
//!
//! The blocks that say what the leaves are cost nothing, so this costs a few requests and the hashing.

use anyhow::Context;
use bytes::Bytes;
use cid::Cid;

use super::download::Download;
use crate::play::provider::{Provider, TIMEOUT, bounded, why_not};
use crate::play::stop::Stop;
use crate::store::block::{self, MAX_BLOCK, RAW};
use crate::store::dag::{MAX_DEPTH, Node};

/// Keeps the leaves that match their CIDs, up to the first that does not.
pub(super) async fn verify(
    provider: &Provider,
    download: &mut Download,
    token: Option<&str>,
) -> Result<(), Stop> {
    if download.verified {
        return Ok(());
    }
    let kept = download.kept();
    let mut good = 0;
    // What stands where, the first things last. The root's size is known when it has been read.
    let mut pending: Vec<(Cid, u64, Option<u64>, usize)> = vec![(download.root, 0, None, 0)];
    while let Some((cid, start, size, depth)) = pending.pop() {
        if start > good || start >= kept || depth > MAX_DEPTH {
            break;
        }
        if let (RAW, Some(size)) = (cid.codec(), size) {
            if size > MAX_BLOCK as u64 || start + size > kept {
                break;
            }
            // At most MAX_BLOCK.
            let bytes = download.read(start, size as usize)?;
            if block::check(&cid, &bytes).is_err() {
                break;
            }
            good = start + size;
            continue;
        }
        let node = fetch(provider, &cid, token).await?;
        if size.is_some_and(|size| size != node.size) {
            break;
        }
        let end = start + node.data.len() as u64;
        if end > kept || download.read(start, node.data.len())? != node.data {
            break;
        }
        good = end;
        let children = node.children.iter().rev();
        // No overflow: a node's sizes add up, and it lies inside its parent.
        pending.extend(
            children.map(|child| (child.cid, start + child.start, Some(child.size), depth + 1)),
        );
    }
    Ok(download.keep(good)?)
}

async fn fetch(provider: &Provider, cid: &Cid, token: Option<&str>) -> Result<Node, Stop> {
    let asked = provider.blocks(cid, "format=raw", token).await;
    let response = asked.map_err(why_not)?;
    let bytes = tokio::time::timeout(TIMEOUT, bounded(response, MAX_BLOCK)).await;
    let bytes: Bytes = match bytes {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(Stop::Broken(format!("{error:#}"))),
        Err(_) => return Err(Stop::Broken("the provider does not answer".to_owned())),
    };
    block::check(cid, &bytes).context("the provider sent a wrong block")?;
    Ok(Node::parse(cid, &bytes).map_err(anyhow::Error::from)?)
}
