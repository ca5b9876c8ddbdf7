use proptest::prelude::*;

use super::*;

fn hash(number: u64, fork: u8) -> B256 {
    let mut bytes = [fork; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    B256::from(bytes)
}

fn block(number: u64, fork: u8) -> BlockRef {
    BlockRef {
        number,
        hash: hash(number, fork),
    }
}

fn header(number: u64, fork: u8, parent_fork: u8) -> Header {
    Header {
        block: block(number, fork),
        parent_hash: hash(number - 1, parent_fork),
        timestamp: number,
    }
}

fn at(head: u64, finalized: u64) -> Position {
    Position {
        origin: 9,
        head,
        head_hash: Some(hash(head, 0)),
        finalized,
    }
}

const SPAN: Span = Span {
    final_blocks: 100,
    blocks: 10,
};

#[test]
fn what_is_read_next_follows_from_where_both_sides_stand() {
    let fresh = Position::start(10);
    let cases = [
        ("nothing before the contracts", fresh, 5, 0, Plan::Wait),
        ("nothing at the origin", fresh, 9, 0, Plan::Wait),
        (
            "the first block",
            fresh,
            10,
            0,
            Plan::ReadBlocks { from: 10, to: 10 },
        ),
        (
            "a full range of final blocks",
            fresh,
            500,
            400,
            Plan::ReadFinal { from: 10, to: 109 },
        ),
        (
            "the last final blocks",
            at(350, 350),
            500,
            400,
            Plan::ReadFinal { from: 351, to: 400 },
        ),
        (
            "no more blocks than fit",
            at(400, 400),
            500,
            400,
            Plan::ReadBlocks { from: 401, to: 410 },
        ),
        (
            "one new block",
            at(499, 400),
            500,
            400,
            Plan::ReadBlocks { from: 500, to: 500 },
        ),
        (
            "the head again",
            at(500, 400),
            500,
            400,
            Plan::Compare { number: 500 },
        ),
        (
            "a shorter chain",
            at(500, 400),
            490,
            400,
            Plan::Compare { number: 490 },
        ),
        ("a chain that ends below us", at(500, 9), 3, 0, Plan::Wait),
        (
            "a node whose final block is beyond its newest",
            at(20, 9),
            25,
            99,
            Plan::ReadFinal { from: 21, to: 25 },
        ),
    ];
    for (name, position, latest, finalized, expected) in cases {
        assert_eq!(plan(&position, latest, finalized, SPAN), expected, "{name}");
    }
}

#[test]
fn blocks_extend_the_head_or_part_from_it_or_are_torn() {
    let position = at(20, 9);
    let cases = [
        (
            "one block on the head",
            vec![header(21, 0, 0)],
            Link::Extend,
        ),
        (
            "two blocks on the head",
            vec![header(21, 0, 0), header(22, 0, 0)],
            Link::Extend,
        ),
        (
            "a block on another head",
            vec![header(21, 1, 1)],
            Link::Part,
        ),
        (
            "two blocks on another head",
            vec![header(21, 1, 1), header(22, 1, 1)],
            Link::Part,
        ),
        (
            "a chain that changed between two blocks",
            vec![header(21, 0, 0), header(22, 1, 1)],
            Link::Torn,
        ),
        (
            "a gap",
            vec![header(21, 0, 0), header(23, 0, 0)],
            Link::Torn,
        ),
        ("blocks from further up", vec![header(22, 0, 0)], Link::Torn),
        ("nothing", vec![], Link::Torn),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(link(&position, &headers), expected, "{name}");
    }
    let fresh = Position::start(21);
    assert_eq!(
        link(&fresh, &[header(21, 7, 7)]),
        Link::Extend,
        "the first block has no known parent"
    );
}

#[test]
fn the_ancestor_is_the_newest_shared_block_and_never_below_what_is_final() {
    let position = at(20, 15);
    let known = |shared: u64, down_to: u64| -> Vec<(BlockRef, Option<B256>)> {
        (down_to..=20)
            .rev()
            .map(|number| {
                let fork = u8::from(number > shared);
                (block(number, 0), Some(hash(number, fork)))
            })
            .collect()
    };
    let early = at(20, 9);
    let cases = [
        (
            "one block is gone",
            position,
            known(19, 15),
            true,
            Ancestor::At(block(19, 0)),
        ),
        (
            "none is gone",
            position,
            known(20, 15),
            true,
            Ancestor::At(block(20, 0)),
        ),
        (
            "all but the final one are gone",
            position,
            known(15, 15),
            true,
            Ancestor::At(block(15, 0)),
        ),
        (
            "the final one is gone",
            position,
            known(14, 15),
            true,
            Ancestor::BelowFinalized(block(15, 0)),
        ),
        (
            "all are gone and none was final",
            early,
            known(9, 10),
            true,
            Ancestor::Origin,
        ),
        (
            "it is further down",
            early,
            known(9, 17),
            false,
            Ancestor::Older,
        ),
        (
            "the node's chain is shorter",
            early,
            vec![(block(20, 0), None), (block(19, 0), Some(hash(19, 0)))],
            true,
            Ancestor::At(block(19, 0)),
        ),
    ];
    for (name, position, known, exhausted, expected) in cases {
        assert_eq!(
            common_ancestor(&position, &known, exhausted),
            expected,
            "{name}"
        );
    }
}

#[test]
fn finality_only_grows_and_never_passes_the_head() {
    let position = at(20, 15);
    assert_eq!(position.extended(block(21, 0), 30).finalized, 21);
    assert_eq!(position.extended(block(21, 0), 18).finalized, 18);
    assert_eq!(position.extended(block(21, 0), 3).finalized, 15);
    assert_eq!(position.rolled_back(Some(block(17, 0))).finalized, 15);
}

/// A node whose chain is a list of forks by number, from block 10 on.
fn follow(position: &mut Position, mirror: &mut Vec<BlockRef>, chain: &[u8], finalized: u64) {
    let latest = 9 + chain.len() as u64;
    let fork = |number: u64| chain[(number - 10) as usize];
    // A block's hash depends on all before it: take the last fork change as its identity.
    let id = |number: u64| {
        let prefix = &chain[..=(number - 10) as usize];
        let digest = alloy::primitives::keccak256(prefix);
        debug_assert_eq!(prefix.last(), Some(&fork(number)));
        BlockRef {
            number,
            hash: digest,
        }
    };
    for _ in 0..200 {
        match plan(
            position,
            latest,
            finalized,
            Span {
                final_blocks: 3,
                blocks: 2,
            },
        ) {
            Plan::Wait => return,
            Plan::Compare { number } => {
                if mirror.iter().any(|block| *block == id(number)) {
                    return;
                }
            }
            Plan::ReadFinal { from, to } | Plan::ReadBlocks { from, to } => {
                let headers: Vec<Header> = (from..=to)
                    .map(|number| Header {
                        block: id(number),
                        parent_hash: if number == 10 {
                            B256::ZERO
                        } else {
                            id(number - 1).hash
                        },
                        timestamp: 0,
                    })
                    .collect();
                match link(position, &headers) {
                    Link::Extend => {
                        mirror.extend(headers.iter().map(|header| header.block));
                        *position = position.extended(id(to), finalized);
                        continue;
                    }
                    Link::Torn => panic!("a whole chain is never torn"),
                    Link::Part => {}
                }
            }
        }
        let known: Vec<_> = mirror
            .iter()
            .rev()
            .map(|block| {
                (
                    *block,
                    (block.number <= latest).then(|| id(block.number).hash),
                )
            })
            .collect();
        let ancestor = match common_ancestor(position, &known, true) {
            Ancestor::At(block) => Some(block),
            Ancestor::Origin => None,
            Ancestor::Older | Ancestor::BelowFinalized(_) => return,
        };
        *position = position.rolled_back(ancestor);
        mirror.retain(|block| block.number <= position.head);
    }
    panic!("the follower never came to rest");
}

proptest! {
    /// Whatever two chains a node shows one after the other, the mirror ends as the second, unless that is shorter and
    /// agrees, or parts below what was final: then nothing is taken back.
    #[test]
    fn after_any_reorganisation_the_mirror_is_the_chain_that_the_node_shows(
        first in prop::collection::vec(0u8..2, 1..12),
        second in prop::collection::vec(0u8..2, 1..12),
        finalized in 9u64..21,
    ) {
        let mut position = Position::start(10);
        let mut mirror = Vec::new();
        let finalized = finalized.min(9 + first.len() as u64);
        follow(&mut position, &mut mirror, &first, finalized);
        prop_assert_eq!(mirror.len(), first.len());
        let shared = first.iter().zip(&second).take_while(|(a, b)| a == b).count();
        let before = mirror.clone();
        follow(&mut position, &mut mirror, &second, finalized);
        if 9 + (shared as u64) < finalized.min(position.finalized) {
            prop_assert!(mirror.len() as u64 >= finalized - 9);
            prop_assert_eq!(&mirror[..(finalized - 9) as usize], &before[..(finalized - 9) as usize]);
        } else if shared == second.len() {
            prop_assert_eq!(mirror, before);
        } else {
            prop_assert_eq!(mirror.len(), second.len());
        }
    }
}
