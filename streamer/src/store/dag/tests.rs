use std::collections::{HashMap, HashSet};

use multihash_codetable::{Code as Hash, MultihashDigest};
use proptest::prelude::*;

use super::pb::{PbLink, PbNode, UnixFs};
use super::*;
use crate::store::block::cid_of;

/// Blocks in memory, and how to make them.
#[derive(Default)]
struct Blocks(HashMap<Cid, Bytes>);

impl Blocks {
    fn raw(&mut self, bytes: &[u8]) -> (Cid, u64) {
        let cid = cid_of(bytes);
        self.0.insert(cid, Bytes::copy_from_slice(bytes));
        (cid, bytes.len() as u64)
    }

    fn file(&mut self, data: &[u8], children: &[(Cid, u64)]) -> (Cid, u64) {
        let size = data.len() as u64 + children.iter().map(|(_, size)| size).sum::<u64>();
        self.stating(data, children, Some(size))
    }

    fn stating(
        &mut self,
        data: &[u8],
        children: &[(Cid, u64)],
        filesize: Option<u64>,
    ) -> (Cid, u64) {
        let sizes = children.iter().map(|(_, size)| *size).collect();
        let block = node(pb::FILE, data, children, sizes, filesize);
        let cid = Cid::new_v1(DAG_PB, Hash::Sha2_256.digest(&block));
        self.0.insert(cid, block);
        (cid, filesize.unwrap_or(0))
    }

    fn walk(&self, mut walk: Walk) -> Result<Vec<Visited>> {
        let mut all = Vec::new();
        while let Some(cid) = walk.wants() {
            all.extend(walk.accept(self.0[&cid].clone())?);
        }
        Ok(all)
    }

    fn refusal(&self, root: Cid) -> String {
        self.walk(Walk::new(root, 0..u64::MAX))
            .unwrap_err()
            .to_string()
    }
}

fn node(
    kind: i32,
    data: &[u8],
    children: &[(Cid, u64)],
    blocksizes: Vec<u64>,
    filesize: Option<u64>,
) -> Bytes {
    let file = UnixFs {
        kind: Some(kind),
        data: (!data.is_empty()).then(|| Bytes::copy_from_slice(data)),
        filesize,
        blocksizes,
    };
    let links = children.iter().map(|(cid, _)| PbLink {
        hash: Some(cid.to_bytes().into()),
        name: Some(String::new()),
        tsize: Some(0),
    });
    let node = PbNode {
        links: links.collect(),
        data: Some(file.encode_to_vec().into()),
    };
    node.encode_to_vec().into()
}

fn content(visited: &[Visited], range: &Range<u64>) -> Vec<u8> {
    visited
        .iter()
        .flat_map(|visited| visited.within(range))
        .collect()
}

#[test]
fn a_range_visits_the_way_to_its_leaves_and_no_other_block() {
    let mut blocks = Blocks::default();
    let leaves: Vec<_> = [b"aaaa", b"bbbb", b"cccc", b"dddd"]
        .map(|bytes| blocks.raw(bytes))
        .into();
    let left = blocks.file(b"", &leaves[..2]);
    let right = blocks.file(b"", &leaves[2..]);
    let root = blocks.file(b"", &[left, right]);
    let visited = blocks.walk(Walk::new(root.0, 5..9)).unwrap();
    let cids: Vec<_> = visited.iter().map(|visited| visited.cid).collect();
    assert_eq!(cids, [root.0, left.0, leaves[1].0, right.0, leaves[2].0]);
    assert_eq!(visited[2].kind, Kind::Leaf { start: 4, end: 8 });
    assert_eq!(visited[3].kind, Kind::Interior);
    assert_eq!(content(&visited, &(5..9)), b"bbbc");
}

#[test]
fn an_empty_file_and_an_empty_range_visit_the_root_alone() {
    let mut blocks = Blocks::default();
    let empty = blocks.raw(b"");
    let visited = blocks.walk(Walk::new(empty.0, 0..u64::MAX)).unwrap();
    assert_eq!(visited.len(), 1);
    assert_eq!(visited[0].kind, Kind::Leaf { start: 0, end: 0 });
    let leaf = blocks.raw(b"abc");
    let root = blocks.file(b"", &[leaf]);
    assert_eq!(blocks.walk(Walk::new(root.0, 3..3)).unwrap().len(), 1);
    assert_eq!(blocks.walk(Walk::new(root.0, 100..200)).unwrap().len(), 1);
}

#[test]
fn a_block_that_holds_bytes_and_links_gives_its_own_bytes_first() {
    let mut blocks = Blocks::default();
    let leaf = blocks.raw(b"world");
    let root = blocks.file(b"hello ", &[leaf]);
    let visited = blocks.walk(Walk::new(root.0, 0..u64::MAX)).unwrap();
    assert_eq!(content(&visited, &(0..11)), b"hello world");
    assert_eq!(visited[0].kind, Kind::Leaf { start: 0, end: 6 });
}

#[test]
fn sizes_that_do_not_add_up_are_refused() {
    let mut blocks = Blocks::default();
    let leaf = blocks.raw(b"four");
    let wrong_sum = blocks.stating(b"", &[leaf], Some(5));
    assert!(blocks.refusal(wrong_sum.0).contains("its parts hold 4"));
    let no_sum = blocks.stating(b"", &[leaf], None);
    assert!(blocks.refusal(no_sum.0).contains("its parts hold 4"));
    let larger = blocks.file(b"", &[(leaf.0, 1 << 40)]);
    assert!(blocks.refusal(larger.0).contains("it holds 4"));
    let overflow = blocks.stating(b"", &[(leaf.0, u64::MAX), (leaf.0, 2)], Some(1));
    assert!(blocks.refusal(overflow.0).contains("add up"));
    let block = node(pb::FILE, b"", &[leaf], vec![4, 4], Some(8));
    let cid = Cid::new_v1(DAG_PB, Hash::Sha2_256.digest(&block));
    blocks.0.insert(cid, block);
    assert!(blocks.refusal(cid).contains("as many sizes as links"));
}

#[test]
fn what_is_not_a_file_is_refused() {
    let mut blocks = Blocks::default();
    let directory = node(1, b"", &[], vec![], None);
    let cases = [
        (directory, "not a file"),
        (Bytes::from_static(b"\xff\xff"), "not dag-pb"),
        (Bytes::new(), "no UnixFS"),
    ];
    for (block, why) in cases {
        let cid = Cid::new_v1(DAG_PB, Hash::Sha2_256.digest(&block));
        blocks.0.insert(cid, block);
        let said = blocks.refusal(cid);
        assert!(said.contains(why), "{said}");
    }
    let cbor = Cid::new_v1(0x71, Hash::Sha2_256.digest(b""));
    blocks.0.insert(cbor, Bytes::new());
    assert!(blocks.refusal(cbor).contains("raw or dag-pb"));
}

#[test]
fn a_dag_that_is_too_deep_or_too_wide_is_refused() {
    let mut blocks = Blocks::default();
    let mut deep = blocks.raw(b"x");
    for _ in 0..=MAX_DEPTH {
        deep = blocks.file(b"", &[deep]);
    }
    assert!(blocks.refusal(deep.0).contains("levels under the root"));
    let leaf = blocks.raw(b"x");
    let wide = blocks.file(b"", &vec![leaf; MAX_LINKS + 1]);
    assert!(blocks.refusal(wide.0).contains("links"));
}

/// 174^8 leaves, all the same: a walk over all of it must not take for ever.
#[test]
fn a_block_that_is_linked_many_times_is_visited_once_when_asked_for() {
    let mut blocks = Blocks::default();
    let mut node = blocks.raw(b"bomb");
    let mut visits = 1;
    for _ in 0..7 {
        node = blocks.file(b"", &[node; 174]);
        visits += 1;
    }
    let visited = blocks.walk(Walk::once(node.0, 0..u64::MAX)).unwrap();
    assert_eq!(visited.len(), visits);
    let visited = blocks.walk(Walk::once(node.0, 5..node.1 - 5)).unwrap();
    assert_eq!(visited.len(), visits);
}

#[test]
fn one_block_with_two_sizes_is_refused_when_blocks_are_visited_once() {
    let mut blocks = Blocks::default();
    let leaf = blocks.raw(b"four");
    let root = blocks.file(b"", &[leaf, (leaf.0, 5)]);
    let walked = blocks.walk(Walk::once(root.0, 0..u64::MAX));
    assert!(walked.is_err());
}

/// A file cut into a tree of any shape, with bytes in any block.
#[derive(Debug, Clone)]
struct Shape(Vec<u8>, Vec<Shape>);

fn shapes() -> impl Strategy<Value = Shape> {
    let bytes = || prop::collection::vec(0..3u8, 0..5);
    let leaf = bytes().prop_map(|data| Shape(data, Vec::new()));
    leaf.prop_recursive(5, 60, 5, move |inner| {
        (bytes(), prop::collection::vec(inner, 0..5))
            .prop_map(|(data, children)| Shape(data, children))
    })
}

fn build(shape: &Shape, blocks: &mut Blocks, whole: &mut Vec<u8>) -> (Cid, u64) {
    whole.extend(&shape.0);
    if shape.1.is_empty() && shape.0.len().is_multiple_of(2) {
        return blocks.raw(&shape.0);
    }
    let children: Vec<_> = shape
        .1
        .iter()
        .map(|child| build(child, blocks, whole))
        .collect();
    blocks.file(&shape.0, &children)
}

proptest! {
    #[test]
    fn any_range_of_any_layout_gives_exactly_its_bytes(
        shape in shapes(), from in 0..40u64, length in 0..40u64,
    ) {
        let mut blocks = Blocks::default();
        let mut whole = Vec::new();
        let (root, size) = build(&shape, &mut blocks, &mut whole);
        prop_assert_eq!(size, whole.len() as u64);
        let range = from..from + length;
        let visited = blocks.walk(Walk::new(root, range.clone())).unwrap();
        let wanted = whole.get(from as usize..).unwrap_or_default();
        let wanted = &wanted[..wanted.len().min(length as usize)];
        prop_assert_eq!(content(&visited, &range), wanted);
        let again = blocks.walk(Walk::once(root, range)).unwrap();
        let once: Vec<_> = again.iter().map(|visited| visited.cid).collect();
        let distinct: HashSet<_> = once.iter().copied().collect();
        prop_assert_eq!(distinct.len(), once.len());
        let all: HashSet<_> = visited.iter().map(|visited| visited.cid).collect();
        prop_assert_eq!(distinct, all);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(block in prop::collection::vec(any::<u8>(), 0..200)) {
        let cid = Cid::new_v1(DAG_PB, Hash::Sha2_256.digest(&block));
        let _ = Node::parse(&cid, &Bytes::from(block));
    }
}
