//! What a node's blocks mean for the chain that is mirrored. Pure: no node, no database, no clock.
//!
//! The follower stands at a head. Each round it asks [`plan`] what to read, reads it, and asks [`link`] what it means:
//!
//! ```text
//!            plan                     link
//!   head ──► Wait                                          nothing is new
//!        ──► Compare(number)     ──►  (same hash) Wait     the node is behind, or it parted from us below its head
//!        ──► ReadFinal(range)    ──►  Extend               final blocks: by range, linked at the head alone
//!        ──► ReadBlocks(range)   ──►  Extend               the rest: each block by its hash, each linked to the one before
//!                                ──►  Part                 the head is no longer on the node's chain: find the ancestor
//!                                ──►  Torn                 the node changed its mind while it was read: read again
//! ```
//!
//! After `Part`, [`common_ancestor`] says how far to roll back: never below what is final.

use alloy::primitives::B256;

/// A block, by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// What is needed of a block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The block.
    pub block: BlockRef,
    /// The hash of the block before.
    pub parent_hash: B256,
    /// Its time, in seconds since the Unix epoch.
    pub timestamp: u64,
}

/// Where the follower stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The block before the first that is read.
    pub origin: u64,
    /// The last block that is mirrored; the origin at first.
    pub head: u64,
    /// Its hash; not known of the origin.
    pub head_hash: Option<B256>,
    /// Nothing at or below it is ever rolled back; the origin at first.
    pub finalized: u64,
}

impl Position {
    /// Before the first block is read: the contracts' first block is `first`.
    #[must_use]
    pub fn start(first: u64) -> Self {
        let origin = first.saturating_sub(1);
        Self {
            origin,
            head: origin,
            head_hash: None,
            finalized: origin,
        }
    }

    /// After `block` was added, on a node for which `node_finalized` is final.
    #[must_use]
    pub fn extended(self, block: BlockRef, node_finalized: u64) -> Self {
        Self {
            head: block.number,
            head_hash: Some(block.hash),
            finalized: self.finalized.max(node_finalized.min(block.number)),
            ..self
        }
    }

    /// After everything above `ancestor` was taken back; nothing: above the origin.
    #[must_use]
    pub fn rolled_back(self, ancestor: Option<BlockRef>) -> Self {
        Self {
            head: ancestor.map_or(self.origin, |block| block.number),
            head_hash: ancestor.map(|block| block.hash),
            ..self
        }
    }
}

/// How much is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Final blocks, by range.
    pub final_blocks: u64,
    /// Blocks that may still change, one by one.
    pub blocks: u64,
}

/// What to read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is new.
    Wait,
    /// The node's newest block is at or below our head: it must be the one that we know at `number`.
    Compare {
        /// The node's newest block.
        number: u64,
    },
    /// Blocks that are final.
    ReadFinal {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Blocks that may still change.
    ReadBlocks {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
}

/// Decides what to read from a node whose newest block is `latest` and for which `finalized` is final.
#[must_use]
pub fn plan(position: &Position, latest: u64, finalized: u64, span: Span) -> Plan {
    let from = position.head.saturating_add(1);
    if latest < from {
        return match position.head_hash {
            Some(_) if latest > position.origin => Plan::Compare { number: latest },
            Some(_) | None => Plan::Wait,
        };
    }
    let last = |length: u64, end: u64| from.saturating_add(length.max(1) - 1).min(end);
    let finalized = finalized.min(latest);
    if from <= finalized {
        Plan::ReadFinal {
            from,
            to: last(span.final_blocks, finalized),
        }
    } else {
        Plan::ReadBlocks {
            from,
            to: last(span.blocks, latest),
        }
    }
}

/// What blocks that were read mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// They follow our head.
    Extend,
    /// Our head is not on their chain.
    Part,
    /// They do not follow one another.
    Torn,
}

/// Decides what `headers`, the blocks right above the head in ascending order, mean.
#[must_use]
pub fn link(position: &Position, headers: &[Header]) -> Link {
    let Some(first) = headers.first() else {
        return Link::Torn;
    };
    let follows = |pair: &[Header]| {
        pair[1].block.number == pair[0].block.number + 1
            && pair[1].parent_hash == pair[0].block.hash
    };
    if first.block.number != position.head + 1 || !headers.windows(2).all(follows) {
        return Link::Torn;
    }
    match position.head_hash {
        Some(hash) if hash != first.parent_hash => Link::Part,
        Some(_) | None => Link::Extend,
    }
}

/// How far to roll back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestor {
    /// Everything above this block.
    At(BlockRef),
    /// Everything: not one block is shared, and nothing was final.
    Origin,
    /// It is below all of these: ask about older ones.
    Older,
    /// The chains part below what was final. Nothing may be rolled back.
    BelowFinalized(BlockRef),
}

/// Finds the newest block that both sides know. `known` are our blocks in descending order, each with the hash that the
/// node has at its number; `exhausted` says that we know none below them.
#[must_use]
pub fn common_ancestor(
    position: &Position,
    known: &[(BlockRef, Option<B256>)],
    exhausted: bool,
) -> Ancestor {
    for (block, canonical) in known {
        if *canonical == Some(block.hash) {
            return Ancestor::At(*block);
        }
        if block.number <= position.finalized {
            return Ancestor::BelowFinalized(*block);
        }
    }
    if exhausted {
        Ancestor::Origin
    } else {
        Ancestor::Older
    }
}

#[cfg(test)]
mod tests;
