//! The CID of a file without storing it.

use tokio::io::AsyncReadExt;

use super::block::cid_of;
use super::layout::{CHUNK, Layout};
use super::{Added, Progress, Result, Source, StoreError};

/// A CID that grows chunk by chunk.
#[derive(Debug, Default)]
pub(super) struct LocalCid {
    layout: Layout,
    size: u64,
    blocks: u64,
}

impl LocalCid {
    /// Appends a chunk: [`CHUNK`] bytes, fewer only at the end.
    pub(super) fn chunk(&mut self, bytes: &[u8]) {
        let above = self.layout.push(cid_of(bytes), bytes.len() as u64);
        self.size += bytes.len() as u64;
        self.blocks += 1 + above.len() as u64;
    }

    /// The file's CID.
    pub(super) fn finish(mut self) -> Added {
        if self.blocks == 0 {
            self.chunk(b"");
        }
        let (root, above) = self.layout.finish();
        Added {
            cid: root.expect("a chunk was appended"),
            size: self.size,
            blocks: self.blocks + above.len() as u64,
        }
    }
}

/// What [`super::ContentStore::add`] would answer for a file.
///
/// # Errors
/// `Source` when it cannot be read.
pub async fn only_hash(mut source: Source<'_>, progress: Progress<'_>) -> Result<Added> {
    let mut local = LocalCid::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = fill(&mut source, &mut buffer).await?;
        if length == 0 {
            return Ok(local.finish());
        }
        local.chunk(&buffer[..length]);
        progress(local.size);
    }
}

/// Reads until the buffer is full or the source ends.
pub(super) async fn fill(source: &mut Source<'_>, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]).await {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) => return Err(StoreError::Source(error)),
        }
    }
    Ok(length)
}
