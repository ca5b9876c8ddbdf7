//! Blocks that match their CIDs and are lies all the same.

use bytes::Bytes;
use cid::Cid;
use multihash_codetable::{Code, MultihashDigest};
use paystream_streamer::store::block::{DAG_PB, cid_of};

/// A block and its CID.
pub type Block = (Cid, Bytes);

/// A raw leaf.
pub fn leaf(bytes: &[u8]) -> Block {
    (cid_of(bytes), Bytes::copy_from_slice(bytes))
}

/// A branch that says of each child how large it is, and how large all are together.
pub fn branch(children: &[(Cid, u64)], filesize: u64) -> Block {
    let mut file = vec![0x08, 2, 0x18];
    varint(&mut file, filesize);
    for (_, size) in children {
        file.push(0x20);
        varint(&mut file, *size);
    }
    let mut node = Vec::new();
    for (cid, size) in children {
        let hash = cid.to_bytes();
        let mut link = vec![0x0a];
        varint(&mut link, hash.len() as u64);
        link.extend(hash);
        link.extend([0x12, 0, 0x18]);
        varint(&mut link, *size);
        node.push(0x12);
        varint(&mut node, link.len() as u64);
        node.extend(link);
    }
    node.push(0x0a);
    varint(&mut node, file.len() as u64);
    node.extend(file);
    (
        Cid::new_v1(DAG_PB, Code::Sha2_256.digest(&node)),
        node.into(),
    )
}

fn varint(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// DAGs that no reader may believe, each with what is wrong; the root comes last.
pub fn lies() -> Vec<(&'static str, Vec<Block>)> {
    let four = leaf(b"four");
    let mut deep = vec![four.clone()];
    for _ in 0..70 {
        let child = deep.last().map(|block| (block.0, 4)).unwrap();
        deep.push(branch(&[child], 4));
    }
    let mut lower = branch(&[(four.0, 4)], 4);
    let directory = Bytes::from_static(&[0x0a, 2, 0x08, 1]);
    let directory = (
        Cid::new_v1(DAG_PB, Code::Sha2_256.digest(&directory)),
        directory,
    );
    let inner = std::mem::replace(&mut lower, four.clone());
    vec![
        ("too deep", deep),
        (
            "a child smaller than said",
            vec![four.clone(), branch(&[(four.0, 1 << 40)], 1 << 40)],
        ),
        (
            "a branch larger than said",
            vec![four.clone(), inner.clone(), branch(&[(inner.0, 3)], 3)],
        ),
        (
            "a file larger than its parts",
            vec![four.clone(), branch(&[(four.0, 4)], 1 << 30)],
        ),
        (
            "wider than its size",
            vec![four.clone(), branch(&vec![(four.0, 4); 10_000], 40_000)],
        ),
        ("no file", vec![directory]),
    ]
}

/// A file of 4 * 174^7 bytes in eight blocks, each linked 174 times from the one above.
pub fn bomb() -> Vec<Block> {
    let mut blocks = vec![leaf(b"bomb")];
    let mut size = 4;
    for _ in 0..7 {
        let child = blocks.last().map(|block| (block.0, size)).unwrap();
        size *= 174;
        blocks.push(branch(&[child; 174], size));
    }
    blocks
}
