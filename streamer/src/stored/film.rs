//! The films that are watched now, as far as reading them needs it: size and timeline, and which block stands where.
//!
//! Both are read from the store once, when they are needed first, and kept while there is room. The content of a CID never changes, so
//! nothing here is ever stale.

use std::collections::HashMap;
use std::hash::RandomState;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::B256;
use bytes::{Bytes, BytesMut};
use cid::Cid;
use futures::StreamExt;

use super::kept::Kept;
use super::members::{MEMBERS, Members};
use super::timeline::{MAX_HEAD, Timeline, TimelineError};
use crate::error::{Code, Error, Result, refused};
use crate::meter::Leaf;
use crate::store::dag::{Kind, Node};
use crate::store::{self, ContentStore, StoreError};

/// Timelines that are kept. One of a film of two hours has some 60 KB.
const FILMS: usize = 64;
/// Indexes that are kept. One of a film of 2 GB has some 1 MB.
const INDEXES: usize = 16;
/// The most blocks that an index names: 64 GiB of leaves of 256 KiB.
const MAX_BLOCKS: usize = 262_144;
/// The most blocks that are read to make an index. Leaves in raw blocks are not read for it.
const MAX_READ: usize = 16_384;
/// The head is read in steps of at least this.
const HEAD_STEP: u64 = 64 * 1024;
/// Raw bytes.
const RAW: u64 = 0x55;

/// A stored video that can be metered.
#[derive(Debug)]
pub struct Film {
    /// Its root.
    pub root: Cid,
    /// Its bytes.
    pub size: u64,
    /// What each byte is worth.
    pub timeline: Timeline,
}

impl Film {
    /// What a block costs, in milliseconds of media (docs/protocol.md, section 12.3).
    #[must_use]
    pub fn cost(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Interior => 0,
            Kind::Leaf { start, end } => self.timeline.cost(start, end),
        }
    }

    /// A block as the meter knows it.
    #[must_use]
    pub fn leaf(&self, kind: Kind) -> Leaf {
        let start = match kind {
            Kind::Interior => 0,
            Kind::Leaf { start, .. } => start,
        };
        let ms = self.cost(kind);
        Leaf { start, ms }
    }
}

/// Which blocks a file has, and what they hold. A leaf that stands in several places is known by the first.
#[derive(Debug)]
pub struct Index(HashMap<Cid, Kind>);

impl Index {
    /// What a block of the file holds; `None` when it is none of the file's.
    #[must_use]
    pub fn find(&self, cid: &Cid) -> Option<Kind> {
        self.0.get(cid).copied()
    }
}

/// The films and indexes that are kept.
#[derive(Debug)]
pub struct Films {
    store: Arc<dyn ContentStore>,
    films: Kept<Film>,
    indexes: Kept<Index>,
    members: Kept<Members>,
    keys: RandomState,
    contents: Mutex<HashMap<Cid, B256>>,
}

impl Films {
    /// None is known yet.
    #[must_use]
    pub fn new(store: Arc<dyn ContentStore>) -> Self {
        Self {
            store,
            films: Kept::new(FILMS),
            indexes: Kept::new(INDEXES),
            members: Kept::new(MEMBERS),
            keys: RandomState::new(),
            contents: Mutex::default(),
        }
    }

    /// Notes under which content of the registry a file is asked for here.
    pub fn note(&self, root: Cid, content: B256) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.insert(root, content);
    }

    /// The content that was last asked for with this file.
    #[must_use]
    pub fn content_of(&self, root: &Cid) -> Option<B256> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.get(root).copied()
    }

    /// All contents that were asked for, with their files.
    #[must_use]
    pub fn contents(&self) -> Vec<(Cid, B256)> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.iter().map(|(root, id)| (*root, *id)).collect()
    }

    /// A film by its root.
    ///
    /// # Errors
    /// `unprocessable_video` when it is not a video that can be metered; `content_damaged`, `not_found`; when the store fails.
    pub async fn film(&self, root: Cid) -> Result<Arc<Film>> {
        self.films
            .get(root, || read_film(Arc::clone(&self.store), root))
            .await
    }

    /// The index of a file by its root.
    ///
    /// # Errors
    /// `not_acceptable` when the file has too many blocks for one; `content_damaged`, `not_found`; when the store fails.
    pub async fn index(&self, root: Cid) -> Result<Arc<Index>> {
        self.indexes
            .get(root, || read_index(Arc::clone(&self.store), root))
            .await
    }

    /// Whether a block is one of a file's. A file that cannot be read has none, and is not read again for a while.
    pub async fn has(&self, root: Cid, block: &Cid) -> bool {
        let make = || async {
            let index = read_index(Arc::clone(&self.store), root).await;
            Ok(match index {
                Ok(index) => Members::of(index.0.keys(), &self.keys),
                Err(error) => {
                    tracing::warn!(%root, %error, "the blocks of a video are not known");
                    Members::unknown()
                }
            })
        };
        let Ok(members) = self.members.get(root, make).await else {
            return false;
        };
        if members.is_stale() {
            self.members.forget(&root);
        }
        members.has(block, &self.keys)
    }
}

async fn read_film(store: Arc<dyn ContentStore>, root: Cid) -> Result<Film> {
    let size = store::size(&*store, &root).await?;
    let mut head = BytesMut::new();
    loop {
        match Timeline::parse(&head, size) {
            Ok(timeline) => {
                return Ok(Film {
                    root,
                    size,
                    timeline,
                });
            }
            Err(TimelineError::Incomplete { needed }) => {
                let have = head.len() as u64;
                let until = needed.max(have + HEAD_STEP).min(size.min(MAX_HEAD));
                let more = read(&store, root, have..until).await?;
                head.extend_from_slice(&more);
                if (head.len() as u64) < needed {
                    return Err(Error::Internal(format!("the head of {root} is short")));
                }
            }
            Err(error) => return Err(refused(Code::UnprocessableVideo, error.to_string())),
        }
    }
}

async fn read(store: &Arc<dyn ContentStore>, root: Cid, range: Range<u64>) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    let mut parts = std::pin::pin!(store::read(Arc::clone(store), root, range));
    while let Some(part) = parts.next().await {
        bytes.extend_from_slice(&part?);
    }
    Ok(bytes.freeze())
}

/// Reads the blocks above the leaves, and the leaves only where they are not raw.
async fn read_index(store: Arc<dyn ContentStore>, root: Cid) -> Result<Index> {
    let mut index = HashMap::new();
    // What stands where, first things last; the root's size is not known.
    let mut pending = vec![(root, 0, None::<u64>)];
    let mut reads = 0;
    while let Some((cid, start, stated)) = pending.pop() {
        if index.contains_key(&cid) {
            continue;
        }
        if index.len() >= MAX_BLOCKS || reads >= MAX_READ {
            return Err(refused(
                Code::NotAcceptable,
                "the file has too many blocks to be read one by one; read it as a CAR",
            ));
        }
        if let (RAW, Some(size)) = (cid.codec(), stated) {
            let end = start + size;
            index.insert(cid, Kind::Leaf { start, end });
            continue;
        }
        reads += 1;
        let block = store.block(&cid).await?;
        let block = block.ok_or(StoreError::Missing { cid })?;
        let node = Node::parse(&cid, &block)?;
        if stated.is_some_and(|size| size != node.size) {
            return Err(StoreError::Unsound {
                cid,
                why: "its parent says that it has another size".to_owned(),
            }
            .into());
        }
        let kind = if node.data.is_empty() && !node.children.is_empty() {
            Kind::Interior
        } else {
            let end = start + node.data.len() as u64;
            Kind::Leaf { start, end }
        };
        index.insert(cid, kind);
        let children = node.children.iter().rev().filter(|child| child.size > 0);
        pending.extend(children.map(|child| (child.cid, start + child.start, Some(child.size))));
    }
    Ok(Index(index))
}

#[cfg(test)]
#[path = "film_tests.rs"]
mod tests;
