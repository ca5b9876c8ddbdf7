//! The blocks of a UnixFS file: what one block says, and in which order the blocks of a range come.
//!
//! Pure: [`Node::parse`] reads one block, [`Walk`] says which block it needs next and is given it. A DAG comes from anybody, so nothing
//! of it is believed: each block's sizes must add up, a child must be as large as its parent said, and depth and links are
//! bounded. Every block that is visited but the root holds a byte of the file, so a walk ends after at most [`MAX_DEPTH`] blocks for each
//! byte that it gives; a walk that visits each block once ([`Walk::once`]) ends after each has been seen.
//!
//! The blocks must have been checked against their CIDs before they come here.

mod pb;

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use cid::Cid;
use prost::Message;

use super::block::{DAG_PB, RAW};
use super::error::{Result, StoreError};

/// The most levels of a DAG below its root. A balanced file of 2^64 bytes has 7.
pub const MAX_DEPTH: usize = 64;
/// The most links of one block. The widest layout in use has 1024.
pub const MAX_LINKS: usize = 8192;

/// What one block of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Bytes of the file that stand in the block itself; they come before those of the children.
    pub data: Bytes,
    /// The children in the file's order.
    pub children: Vec<Child>,
    /// The bytes of the file in and under this block: `data` and all children.
    pub size: u64,
}

/// A child of a [`Node`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The child's block.
    pub cid: Cid,
    /// Where its bytes begin, from the parent's begin.
    pub start: u64,
    /// How many bytes of the file it holds, as its parent says.
    pub size: u64,
}

impl Node {
    /// Reads a block that has been checked against its CID.
    ///
    /// # Errors
    /// `Unsupported` for a codec that is neither raw nor dag-pb; `Unsound` for what is not a file, or whose sizes do not add up.
    pub fn parse(cid: &Cid, block: &Bytes) -> Result<Self> {
        match cid.codec() {
            RAW => Ok(Self {
                data: block.clone(),
                children: Vec::new(),
                size: block.len() as u64,
            }),
            DAG_PB => Self::parse_dag_pb(cid, block),
            _ => Err(StoreError::Unsupported {
                cid: *cid,
                why: "a file's blocks are raw or dag-pb",
            }),
        }
    }

    fn parse_dag_pb(cid: &Cid, block: &Bytes) -> Result<Self> {
        let unsound = |why: &str| StoreError::unsound(cid, why);
        let node = pb::PbNode::decode(block.clone())
            .map_err(|error| unsound(&format!("not dag-pb: {error}")))?;
        let data = node
            .data
            .ok_or_else(|| unsound("it carries no UnixFS data"))?;
        let file =
            pb::UnixFs::decode(data).map_err(|error| unsound(&format!("not UnixFS: {error}")))?;
        match file.kind {
            Some(pb::FILE | pb::RAW) => {}
            Some(kind) => {
                return Err(unsound(&format!(
                    "UnixFS type {kind} is not a file; only files can be read"
                )));
            }
            None => return Err(unsound("it has no UnixFS type")),
        }
        if node.links.len() > MAX_LINKS {
            return Err(unsound(&format!("it has more than {MAX_LINKS} links")));
        }
        if node.links.len() != file.blocksizes.len() {
            return Err(unsound("it has not as many sizes as links"));
        }
        let data = file.data.unwrap_or_default();
        let mut size = data.len() as u64;
        let mut children = Vec::with_capacity(node.links.len());
        for (link, child_size) in node.links.iter().zip(&file.blocksizes) {
            let child = Cid::try_from(link.hash.as_deref().unwrap_or_default())
                .map_err(|error| unsound(&format!("a link is no CID: {error}")))?;
            children.push(Child {
                cid: child,
                start: size,
                size: *child_size,
            });
            size = size
                .checked_add(*child_size)
                .ok_or_else(|| unsound("its sizes add up to more than a file can have"))?;
        }
        let stated = file.filesize.unwrap_or(0);
        if stated != size && (file.filesize.is_some() || !children.is_empty()) {
            return Err(unsound(&format!(
                "it says that it holds {stated} bytes, and its parts hold {size}"
            )));
        }
        Ok(Self {
            data,
            children,
            size,
        })
    }
}

/// Which part of the file a visited block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// None: links only.
    Interior,
    /// The bytes `[start, end)` of the file, which stand in the block itself. In rare layouts such a block has links too.
    Leaf {
        /// The first byte.
        start: u64,
        /// Behind the last byte.
        end: u64,
    },
}

/// A block on the way through a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visited {
    /// The block's CID, as its parent has it.
    pub cid: Cid,
    /// The whole block.
    pub block: Bytes,
    /// The bytes of the file in it: a part of `block`, all of it in a raw leaf.
    pub data: Bytes,
    /// Where they stand in the file.
    pub kind: Kind,
}

impl Visited {
    /// What of this block's bytes of the file lies in a range.
    #[must_use]
    pub fn within(&self, range: &Range<u64>) -> Bytes {
        let Kind::Leaf { start, end } = self.kind else {
            return Bytes::new();
        };
        let from = range.start.clamp(start, end) - start;
        let to = range.end.clamp(start, end) - start;
        if from >= to {
            return Bytes::new();
        }
        // Both are at most the length of `data`, which is a `usize`.
        self.data.slice(from as usize..to as usize)
    }
}

/// A block that a [`Walk`] is to visit.
#[derive(Debug, Clone)]
struct Pending {
    cid: Cid,
    start: u64,
    /// What its parent says; the root has no parent.
    size: Option<u64>,
    depth: usize,
}

/// How much of a DAG has been seen under a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The block itself, and of what is under it only what lay in the range.
    Partly,
    /// All.
    Wholly,
}

/// A walk over the blocks of a range, depth first, from the root on.
///
/// The shell alternates [`Walk::wants`] and [`Walk::accept`] until nothing is wanted.
#[derive(Debug)]
pub struct Walk {
    range: Range<u64>,
    stack: Vec<Pending>,
    size: Option<u64>,
    once: Option<HashMap<Cid, (u64, Seen)>>,
}

impl Walk {
    /// A walk over the blocks that hold a byte of `range`, and over those that lead to them. A block that occurs in several places is
    /// visited in each. The range may reach beyond the file's end.
    #[must_use]
    pub fn new(root: Cid, range: Range<u64>) -> Self {
        Self {
            range,
            stack: vec![Pending {
                cid: root,
                start: 0,
                size: None,
                depth: 0,
            }],
            size: None,
            once: None,
        }
    }

    /// The same, and each block is visited once, where it comes first.
    #[must_use]
    pub fn once(root: Cid, range: Range<u64>) -> Self {
        Self {
            once: Some(HashMap::new()),
            ..Self::new(root, range)
        }
    }

    /// The file's size, once the root has been visited.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The block that is needed next; `None` at the end.
    pub fn wants(&mut self) -> Option<Cid> {
        while let Some(top) = self.stack.last() {
            let known = self.once.as_ref().and_then(|seen| seen.get(&top.cid));
            match known {
                // A whole subtree that came by before. If this parent gives it another size, `accept` says so.
                Some((size, Seen::Wholly)) if top.size == Some(*size) => self.stack.pop(),
                _ => return Some(top.cid),
            };
        }
        None
    }

    /// Takes the block that was wanted. `None` when it has been visited already, and comes by again on the way to others.
    ///
    /// # Errors
    /// `Unsound` when the block, or its place in the DAG, breaks a rule; the walk cannot go on then.
    pub fn accept(&mut self, block: Bytes) -> Result<Option<Visited>> {
        let Some(here) = self.stack.pop() else {
            return Ok(None);
        };
        let node = Node::parse(&here.cid, &block)?;
        self.place(&here, node.size)?;
        let first_time = self.note(&here, node.size);
        self.push_children(&here, &node);
        let end = here.start + node.data.len() as u64;
        let kind = if node.data.is_empty() && !node.children.is_empty() {
            Kind::Interior
        } else {
            Kind::Leaf {
                start: here.start,
                end,
            }
        };
        Ok(first_time.then_some(Visited {
            cid: here.cid,
            block,
            data: node.data,
            kind,
        }))
    }

    /// Takes the length of the wanted block instead of the block. Only for raw blocks, which are leaves.
    ///
    /// # Errors
    /// `Unsound` when its parent says that it has another length.
    pub fn pass(&mut self, length: u64) -> Result<()> {
        let Some(here) = self.stack.pop() else {
            return Ok(());
        };
        self.place(&here, length)?;
        self.note(&here, length);
        Ok(())
    }

    /// Leaves out the wanted block and all that is under it.
    pub fn skip(&mut self) {
        self.stack.pop();
    }

    /// The blocks that will be wanted next, at most so many; those that the wanted ones link to come before them.
    #[must_use]
    pub fn upcoming(&self, most: usize) -> Vec<Cid> {
        let next = self.stack.iter().rev().take(most);
        next.map(|pending| pending.cid).collect()
    }

    /// Checks that a block is what its place in the DAG says.
    fn place(&mut self, here: &Pending, size: u64) -> Result<()> {
        match here.size {
            Some(stated) if stated != size => {
                return Err(StoreError::unsound(
                    &here.cid,
                    format!("its parent says that it holds {stated} bytes, and it holds {size}"),
                ));
            }
            Some(_) => {}
            None => {
                self.size = Some(size);
                self.range.end = self.range.end.min(size);
            }
        }
        if here.depth > MAX_DEPTH {
            return Err(StoreError::unsound(
                &here.cid,
                format!("it lies more than {MAX_DEPTH} levels under the root"),
            ));
        }
        Ok(())
    }

    /// Remembers that a block has been visited; tells whether for the first time.
    fn note(&mut self, here: &Pending, size: u64) -> bool {
        let whole = self.range.start <= here.start && here.start + size <= self.range.end;
        let Some(seen) = &mut self.once else {
            return true;
        };
        let how = if whole { Seen::Wholly } else { Seen::Partly };
        seen.insert(here.cid, (size, how)).is_none()
    }

    fn push_children(&mut self, here: &Pending, node: &Node) {
        for child in node.children.iter().rev() {
            // No overflow: a parent's sizes add up, and the parent lies inside the root in the same way.
            let start = here.start + child.start;
            let overlaps =
                child.size > 0 && start < self.range.end && start + child.size > self.range.start;
            if overlaps {
                self.stack.push(Pending {
                    cid: child.cid,
                    start,
                    size: Some(child.size),
                    depth: here.depth + 1,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
