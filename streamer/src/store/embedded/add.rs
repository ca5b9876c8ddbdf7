//! Adding a file: read, hash and write, sync, each ahead of the next, in bounded memory.

use std::fs::File;
use std::sync::Arc;

use cid::Cid;
use futures::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use tokio::task::{JoinHandle, spawn_blocking};

use super::staging::{Staging, sync};
use super::{Folder, join};
use crate::store::block::cid_of;
use crate::store::hash::fill;
use crate::store::layout::{CHUNK, Layout};
use crate::store::{Added, Progress, Result, Source, StoreError};

/// Bytes that are hashed and written as one piece of work.
const BATCH: usize = 16 * CHUNK;
/// Pieces of work at a time; each holds a batch in memory.
const WORKERS: usize = 3;
/// Batches that are synced at a time: their files are open, and they hold no memory but the disk's cache. Waits for the disk go
/// together, so that many at once take hardly longer than one.
const SYNCS: usize = 8;

/// A batch that has been written.
struct Written {
    /// The leaves' CIDs and sizes, in order.
    leaves: Vec<(Cid, u64)>,
    files: Vec<File>,
    /// Used again for the next batch.
    buffer: Vec<u8>,
}

/// Adds a file, and pins it.
pub(super) async fn add(
    folder: &Arc<Folder>,
    mut source: Source<'_>,
    progress: Progress<'_>,
) -> Result<Added> {
    let mut addition = Addition {
        staging: Arc::new(Staging::begin(Arc::clone(folder))?),
        layout: Layout::default(),
        writes: FuturesOrdered::new(),
        syncs: FuturesUnordered::new(),
        spare: Vec::new(),
        size: 0,
        blocks: 0,
    };
    loop {
        let mut buffer = addition.spare.pop().unwrap_or_else(|| vec![0; BATCH]);
        let length = fill(&mut source, &mut buffer).await?;
        // An empty file has one leaf, which is empty.
        if length > 0 || (addition.size == 0 && addition.writes.is_empty()) {
            addition.write(buffer, length);
        }
        if addition.writes.len() >= WORKERS {
            addition.advance().await?;
            progress(addition.size);
        }
        if length < BATCH {
            break;
        }
    }
    while !addition.writes.is_empty() {
        addition.advance().await?;
        progress(addition.size);
    }
    addition.finish().await
}

struct Addition {
    staging: Arc<Staging>,
    layout: Layout,
    writes: FuturesOrdered<JoinHandle<Result<Written>>>,
    syncs: FuturesUnordered<JoinHandle<Result<()>>>,
    spare: Vec<Vec<u8>>,
    size: u64,
    blocks: u64,
}

impl Addition {
    /// Hashes and writes a batch of leaves.
    fn write(&mut self, buffer: Vec<u8>, length: usize) {
        let staging = Arc::clone(&self.staging);
        self.writes.push_back(spawn_blocking(move || {
            let mut leaves = Vec::with_capacity(BATCH / CHUNK);
            let mut files = Vec::with_capacity(BATCH / CHUNK);
            let empty: &[u8] = &[];
            let chunks = buffer[..length].chunks(CHUNK);
            for chunk in chunks.chain((length == 0).then_some(empty)) {
                let cid = cid_of(chunk);
                files.extend(staging.write(&cid, chunk)?);
                leaves.push((cid, chunk.len() as u64));
            }
            Ok(Written {
                leaves,
                files,
                buffer,
            })
        }));
    }

    /// Waits for the oldest batch, makes the blocks above it, and has both synced.
    async fn advance(&mut self) -> Result<()> {
        let Some(written) = self.writes.next().await else {
            return Ok(());
        };
        let written = join(written)?;
        self.spare.push(written.buffer);
        let mut above = Vec::new();
        for (cid, size) in written.leaves {
            self.size += size;
            self.blocks += 1;
            above.extend(self.layout.push(cid, size));
        }
        self.sync(above, written.files).await
    }

    /// Writes the blocks above leaves, and syncs.
    async fn sync(&mut self, above: Vec<(Cid, Vec<u8>)>, mut files: Vec<File>) -> Result<()> {
        self.blocks += above.len() as u64;
        if self.syncs.len() >= SYNCS
            && let Some(synced) = self.syncs.next().await
        {
            join(synced)?;
        }
        let staging = Arc::clone(&self.staging);
        self.syncs.push(spawn_blocking(move || {
            for (cid, block) in above {
                files.extend(staging.write(&cid, &block)?);
            }
            sync(&files)
        }));
        Ok(())
    }

    async fn finish(mut self) -> Result<Added> {
        let (root, above) = std::mem::take(&mut self.layout).finish();
        let root = root.ok_or_else(|| StoreError::Interrupted("a file without a leaf".into()))?;
        self.sync(above, Vec::new()).await?;
        while let Some(synced) = self.syncs.next().await {
            join(synced)?;
        }
        let staging = Arc::try_unwrap(self.staging)
            .map_err(|_| StoreError::Interrupted("an addition is still writing".into()))?;
        let committed = spawn_blocking(move || staging.commit(Some(&root)));
        join(committed.await)?;
        Ok(Added {
            cid: root,
            size: self.size,
            blocks: self.blocks,
        })
    }
}
