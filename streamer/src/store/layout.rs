//! The blocks above a file's leaves: the balanced layout of 174 links, as Kubo and `rust-unixfs` make it.
//!
//! `rust-unixfs` has an adder that does all of it, but hashes on one thread. Here leaves are hashed elsewhere, in parallel, and their links
//! come in order; a test compares with that adder. Memory is bounded by 174 links for each level.

use cid::{Cid, Version};
use multihash_codetable::Code as Hash;
use rust_unixfs::file::adder::{FileBranchLink, rebuild_file_branch};

/// Bytes of a leaf.
pub const CHUNK: usize = 256 * 1024;
/// Links of a block.
const WIDTH: usize = 174;

/// A layout that grows leaf by leaf.
#[derive(Debug)]
pub(super) struct Layout {
    width: usize,
    levels: Vec<Vec<FileBranchLink>>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            width: WIDTH,
            levels: Vec::new(),
        }
    }
}

impl Layout {
    /// Appends a leaf; gives the blocks that are complete now.
    pub(super) fn push(&mut self, leaf: Cid, size: u64) -> Vec<(Cid, Vec<u8>)> {
        let mut complete = Vec::new();
        self.level(0).push(FileBranchLink {
            cid: leaf,
            blocksize: size,
            tsize: size,
        });
        let mut depth = 0;
        while self.levels[depth].len() > self.width {
            complete.push(self.close(depth));
            depth += 1;
        }
        complete
    }

    /// The rest of the blocks, and the root. `None` without a leaf.
    pub(super) fn finish(mut self) -> (Option<Cid>, Vec<(Cid, Vec<u8>)>) {
        let mut complete = Vec::new();
        let mut depth = 0;
        while self.levels.iter().map(Vec::len).sum::<usize>() > 1 {
            if self.levels[depth].is_empty() {
                depth += 1;
            } else {
                complete.push(self.close(depth));
            }
        }
        let root = self.levels.iter().flatten().next().map(|link| link.cid);
        (root, complete)
    }

    /// Makes one block of the first links of a level, and a link to it in the level above.
    fn close(&mut self, depth: usize) -> (Cid, Vec<u8>) {
        let count = self.levels[depth].len().min(self.width);
        let links: Vec<_> = self.levels[depth].drain(..count).collect();
        let blocksize = links.iter().map(|link| link.blocksize).sum();
        let below = links.iter().map(|link| link.tsize).sum::<u64>();
        let (cid, block) = rebuild_file_branch(blocksize, &links, Version::V1, Hash::Sha2_256);
        self.level(depth + 1).push(FileBranchLink {
            cid,
            blocksize,
            tsize: below + block.len() as u64,
        });
        (cid, block)
    }

    fn level(&mut self, depth: usize) -> &mut Vec<FileBranchLink> {
        if self.levels.len() == depth {
            self.levels.push(Vec::new());
        }
        &mut self.levels[depth]
    }
}

#[cfg(test)]
mod tests {
    use rust_unixfs::file::adder::{BalancedCollector, Chunker, FileAdder};

    use super::*;
    use crate::store::block::cid_of;

    #[test]
    fn blocks_are_those_of_the_adder_of_rust_unixfs_for_any_number_of_leaves() {
        for width in [2, 3, 7] {
            for leaves in 1..100u32 {
                let content: Vec<[u8; 4]> = (0..leaves).map(u32::to_be_bytes).collect();
                let mut adder = FileAdder::builder()
                    .with_chunker(Chunker::Size(4))
                    .with_collector(BalancedCollector::with_branching_factor(width))
                    .build();
                let mut theirs = Vec::new();
                for chunk in &content {
                    theirs.extend(adder.push(chunk).0);
                }
                theirs.extend(adder.finish());

                let mut layout = Layout {
                    width,
                    levels: Vec::new(),
                };
                let mut ours = Vec::new();
                for chunk in &content {
                    let cid = cid_of(chunk);
                    ours.push((cid, chunk.to_vec()));
                    ours.extend(layout.push(cid, 4));
                }
                let (root, rest) = layout.finish();
                ours.extend(rest);
                assert_eq!(ours, theirs, "{leaves} leaves, {width} wide");
                assert_eq!(root, theirs.last().map(|(cid, _)| *cid));
            }
        }
    }
}
