//! Files out of a store: [`dag::Walk`] fed with its blocks.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cid::Cid;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::dag::{Node, Visited, Walk};
use super::{ContentStore, Result, StoreError};

/// The blocks of a range of a file, depth first from the root on; a block that occurs in several places comes in each.
/// The range may reach beyond the end.
///
/// # Errors
/// `Missing`, `Damaged`, `Unsound`: the stream ends with it.
pub fn blocks(
    store: Arc<dyn ContentStore>,
    root: Cid,
    range: Range<u64>,
) -> impl Stream<Item = Result<Visited>> + Send + 'static {
    walk(store, Walk::new(root, range))
}

/// The same, and each block comes once, where it is first: as in a CAR.
///
/// # Errors
/// `Missing`, `Damaged`, `Unsound`: the stream ends with it.
pub fn blocks_once(
    store: Arc<dyn ContentStore>,
    root: Cid,
    range: Range<u64>,
) -> impl Stream<Item = Result<Visited>> + Send + 'static {
    walk(store, Walk::once(root, range))
}

fn walk(
    store: Arc<dyn ContentStore>,
    walk: Walk,
) -> impl Stream<Item = Result<Visited>> + Send + 'static {
    stream::try_unfold((store, walk), |(store, mut walk)| async move {
        while let Some(cid) = walk.wants() {
            let block = store.block(&cid).await?;
            let block = block.ok_or(StoreError::Missing { cid })?;
            if let Some(visited) = walk.accept(block)? {
                return Ok(Some((visited, (store, walk))));
            }
        }
        Ok(None)
    })
}

/// The bytes of a range of a file, leaf by leaf. The range may reach beyond the end.
///
/// # Errors
/// `Missing`, `Damaged`, `Unsound`: the stream ends with it.
pub fn read(
    store: Arc<dyn ContentStore>,
    root: Cid,
    range: Range<u64>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    blocks(store, root, range.clone())
        .map_ok(move |visited| visited.within(&range))
        .try_filter(|bytes| std::future::ready(!bytes.is_empty()))
}

/// The size of a file, by its root.
///
/// # Errors
/// `Missing`, `Damaged`; `Unsound` when the root is not that of a file.
pub async fn size(store: &dyn ContentStore, root: &Cid) -> Result<u64> {
    let block = store.block(root).await?;
    let block = block.ok_or(StoreError::Missing { cid: *root })?;
    Ok(Node::parse(root, &block)?.size)
}

/// All bytes of a small file. `None` when its root is not here.
///
/// # Errors
/// `TooLarge` when it has more than `limit` bytes; `Missing`, `Damaged`, `Unsound`.
pub async fn document(
    store: &Arc<dyn ContentStore>,
    root: &Cid,
    limit: usize,
) -> Result<Option<Bytes>> {
    let Some(block) = store.block(root).await? else {
        return Ok(None);
    };
    let size = Node::parse(root, &block)?.size;
    if size > limit as u64 {
        return Err(StoreError::TooLarge { cid: *root, limit });
    }
    let mut all = BytesMut::with_capacity(limit.min(size as usize));
    let mut parts = std::pin::pin!(read(Arc::clone(store), *root, 0..size));
    while let Some(part) = parts.next().await {
        all.extend_from_slice(&part?);
    }
    Ok(Some(all.freeze()))
}
