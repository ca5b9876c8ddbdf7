//! Files out of a store: [`dag::Walk`] fed with its blocks.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cid::Cid;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

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

/// While a block is in its taker's hands, the next one is read.
fn walk(
    store: Arc<dyn ContentStore>,
    walk: Walk,
) -> impl Stream<Item = Result<Visited>> + Send + 'static {
    let begin = (store, walk, None);
    stream::try_unfold(begin, |(store, mut walk, mut ahead)| async move {
        while let Some(cid) = walk.wants() {
            let reading = ahead.take().unwrap_or_else(|| read_block(&store, cid));
            let interrupted = |error: JoinError| StoreError::Interrupted(error.to_string());
            let block = reading.await.map_err(interrupted)??;
            let block = block.ok_or(StoreError::Missing { cid })?;
            if let Some(visited) = walk.accept(block)? {
                ahead = walk.wants().map(|next| read_block(&store, next));
                return Ok(Some((visited, (store, walk, ahead))));
            }
        }
        Ok(None)
    })
}

/// Begins to read a block.
fn read_block(store: &Arc<dyn ContentStore>, cid: Cid) -> AbortOnDropHandle<Result<Option<Bytes>>> {
    let store = Arc::clone(store);
    AbortOnDropHandle::new(tokio::spawn(async move { store.block(&cid).await }))
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
