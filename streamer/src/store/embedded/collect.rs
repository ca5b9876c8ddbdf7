//! Removing what no pinned file needs: mark from the pins, then sweep the folders.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use bytes::Bytes;
use cid::Cid;

use super::open::files;
use super::{Folder, sync_folder};
use crate::store::block::{self, Place, RAW};
use crate::store::dag::Node;
use crate::store::{Collected, Result, StoreError};

/// Removes the blocks that no pinned file needs.
pub(super) fn collect(folder: &Folder) -> Result<Collected> {
    let busy = || {
        StoreError::Busy(
            "another process uses this store; collect when it has finished, or from within it"
                .to_owned(),
        )
    };
    let _places = folder.alone();
    if !folder.try_door()? {
        return Err(busy());
    }
    let collected = match folder.try_alone() {
        Ok(true) => mark(folder).and_then(|needed| sweep(folder, &needed)),
        Ok(false) => Err(busy()),
        Err(error) => Err(error),
    };
    folder.share().and(folder.close_door())?;
    collected
}

/// The digests of all blocks of all pinned files. Raw leaves are not read.
fn mark(folder: &Folder) -> Result<HashSet<[u8; 32]>> {
    let mut needed = HashSet::new();
    // By the whole CID: the same bytes may be somebody's leaf, which has no children, and somebody else's root.
    let mut read_already = HashSet::new();
    let mut pending = folder.list_pins()?;
    while let Some(cid) = pending.pop() {
        let block = match block::place(&cid)? {
            Place::Inline(bytes) => bytes,
            Place::Stored => {
                needed.extend(digest(&cid));
                if cid.codec() == RAW || !read_already.insert(cid) {
                    continue;
                }
                read(folder, &cid)?
            }
        };
        let node = Node::parse(&cid, &block)?;
        // Nobody ever reads a child without bytes, so nobody has asked whether it is here.
        let read = node.children.into_iter().filter(|child| child.size > 0);
        pending.extend(read.map(|child| child.cid));
    }
    Ok(needed)
}

fn read(folder: &Folder, cid: &Cid) -> Result<Bytes> {
    folder.block(cid)?.ok_or(StoreError::Missing { cid: *cid })
}

fn sweep(folder: &Folder, needed: &HashSet<[u8; 32]>) -> Result<Collected> {
    let mut collected = Collected::default();
    for shard in folder.shards()? {
        let mut removed = 0;
        for (path, metadata) in files(&shard)? {
            if name_digest(&path).is_some_and(|digest| needed.contains(&digest)) {
                continue;
            }
            fs::remove_file(&path).map_err(|source| StoreError::file(&path, source))?;
            collected.blocks += 1;
            removed += metadata.len();
        }
        if removed > 0 {
            collected.bytes += removed;
            folder.usage.give_back(removed)?;
            sync_folder(&shard)?;
        }
    }
    Ok(collected)
}

fn name_digest(path: &Path) -> Option<[u8; 32]> {
    let name = path.file_name()?.to_str()?;
    digest(&Cid::from_str(name).ok()?)
}

fn digest(cid: &Cid) -> Option<[u8; 32]> {
    cid.hash().digest().try_into().ok()
}
