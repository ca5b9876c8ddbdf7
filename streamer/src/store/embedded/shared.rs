//! Blocks that somebody holds at this moment: whoever asks for one of them gets the same bytes, and the disk is not asked.
//!
//! No block is kept: when the last holder has written it to its viewer, it is gone. So many viewers at the same place of a video cost hardly more than
//! one, and memory is what the answers hold anyway. A few buffers are kept for the next blocks, because new memory costs a third of a reading.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use cid::Cid;

use crate::store::layout::CHUNK;

/// The fewest entries after which those that nobody holds any more are looked for.
const FEWEST: usize = 256;

/// The most buffers that are kept, each of the length of a usual leaf: 8 MiB in all.
const BUFFERS: usize = 32;

/// What is held.
#[derive(Debug, Default)]
pub(super) struct Shared {
    table: Mutex<Table>,
    buffers: Arc<Buffers>,
}

#[derive(Debug, Default)]
struct Table {
    held: HashMap<Vec<u8>, Weak<Block>>,
    tidy_at: usize,
}

/// Buffers that hold no block at the moment.
#[derive(Debug, Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

/// A block; its buffer is used again.
#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    buffers: Arc<Buffers>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut buffer = mem::take(&mut self.bytes);
        if (CHUNK..2 * CHUNK).contains(&buffer.capacity()) {
            buffer.clear();
            let mut buffers = self.buffers.lock();
            if buffers.len() < BUFFERS {
                buffers.push(buffer);
            }
        }
    }
}

impl Buffers {
    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share in a block.
struct Share(Arc<Block>);

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Shared {
    /// A block that somebody holds.
    pub(super) fn get(&self, cid: &Cid) -> Option<Bytes> {
        let block = self.lock().held.get(cid.hash().digest())?.upgrade()?;
        Some(Bytes::from_owner(Share(block)))
    }

    /// An empty buffer with room for so many bytes.
    pub(super) fn buffer(&self, length: usize) -> Vec<u8> {
        let kept = (length == CHUNK).then(|| self.buffers.lock().pop());
        kept.flatten().unwrap_or_else(|| Vec::with_capacity(length))
    }

    /// A block that has just been checked against its CID, for whoever else wants it.
    pub(super) fn hold(&self, cid: &Cid, bytes: Vec<u8>) -> Bytes {
        let buffers = Arc::clone(&self.buffers);
        let block = Arc::new(Block { bytes, buffers });
        let mut table = self.lock();
        if table.held.len() >= table.tidy_at.max(FEWEST) {
            table.held.retain(|_, block| block.strong_count() > 0);
            table.tidy_at = 2 * table.held.len();
        }
        let digest = cid.hash().digest().to_vec();
        table.held.insert(digest, Arc::downgrade(&block));
        drop(table);
        Bytes::from_owner(Share(block))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::block::cid_of;

    #[test]
    fn a_block_is_shared_for_as_long_as_somebody_holds_it_and_no_longer() {
        let shared = Shared::default();
        let cid = cid_of(b"a block");
        assert_eq!(shared.get(&cid), None);
        let first = shared.hold(&cid, b"a block".to_vec());
        let second = shared.get(&cid).unwrap();
        assert_eq!(second.as_ptr(), first.as_ptr());
        drop(first);
        let part = second.slice(2..);
        drop(second);
        assert_eq!(shared.get(&cid).unwrap(), &b"a block"[..]);
        drop(part);
        assert_eq!(shared.get(&cid), None);
    }

    #[test]
    fn the_buffer_of_a_block_that_nobody_holds_serves_the_next_leaf() {
        let shared = Shared::default();
        let mut leaf = shared.buffer(CHUNK);
        leaf.resize(CHUNK, 7);
        let (place, cid) = (leaf.as_ptr(), cid_of(&leaf));
        let held = shared.hold(&cid, leaf);
        let another = shared.buffer(CHUNK);
        assert_ne!(another.as_ptr(), place);
        drop(held);
        let next = shared.buffer(CHUNK);
        assert_eq!((next.as_ptr(), next.len()), (place, 0));
    }

    #[test]
    fn what_nobody_holds_takes_no_room_for_long() {
        let shared = Shared::default();
        let held: Vec<_> = (0..3 * FEWEST as u32)
            .map(|number| {
                let bytes = number.to_be_bytes();
                shared.hold(&cid_of(&bytes), bytes.to_vec())
            })
            .collect();
        for number in 0..3 * FEWEST as u32 {
            assert!(shared.get(&cid_of(&number.to_be_bytes())).is_some());
        }
        drop(held);
        for number in 0..10 * FEWEST as u32 {
            shared.hold(&cid_of(&number.to_le_bytes()), vec![]);
        }
        assert!(shared.lock().held.len() <= 6 * FEWEST);
    }
}
