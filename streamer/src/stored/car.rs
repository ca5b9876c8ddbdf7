//! CARv1 framing (https://ipld.io/specs/transport/car/carv1/): a header, then sections of a CID and its block. Pure.
//!
//! A block is never copied: what stands before it is made here, and the block follows as it is.

use bytes::{BufMut, Bytes, BytesMut};
use cid::Cid;

/// The header of a CAR with one root, with its length: DAG-CBOR of `{"roots": [root], "version": 1}`.
#[must_use]
pub fn header(root: &Cid) -> Bytes {
    let cid = root.to_bytes();
    let mut map = BytesMut::with_capacity(64);
    // A map of two; keys in the order of their lengths.
    map.put_u8(0xa2);
    map.put_slice(b"\x65roots\x81");
    // Tag 42, then the CID as a byte string behind a zero byte (the multibase prefix of binary).
    map.put_slice(&[0xd8, 42]);
    byte_string_head(&mut map, cid.len() + 1);
    map.put_u8(0);
    map.put_slice(&cid);
    map.put_slice(b"\x67version\x01");
    let mut header = BytesMut::with_capacity(map.len() + 2);
    varint(&mut header, map.len() as u64);
    header.put(map);
    header.freeze()
}

/// What stands before a block of so many bytes: the length of the section, and the CID.
#[must_use]
pub fn before_block(cid: &Cid, length: usize) -> Bytes {
    let cid = cid.to_bytes();
    let mut head = BytesMut::with_capacity(cid.len() + 10);
    varint(&mut head, (cid.len() + length) as u64);
    head.put_slice(&cid);
    head.freeze()
}

/// The head of a CBOR byte string (RFC 8949, section 3). CIDs are shorter than 64 KiB.
fn byte_string_head(out: &mut BytesMut, length: usize) {
    match length {
        0..24 => out.put_u8(0x40 | length as u8),
        24..256 => out.put_slice(&[0x58, length as u8]),
        _ => {
            out.put_u8(0x59);
            out.put_u16(length as u16);
        }
    }
}

/// An unsigned LEB128 number.
fn varint(out: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use multihash_codetable::{Code as Hash, MultihashDigest};

    use super::*;

    #[tokio::test]
    async fn a_car_is_read_back_by_another_implementation() {
        let blocks: Vec<(Cid, Vec<u8>)> = [0usize, 1, 127, 128, 262_144, 1_048_576]
            .into_iter()
            .map(|length| {
                let block = vec![7; length];
                (Cid::new_v1(0x55, Hash::Sha2_256.digest(&block)), block)
            })
            .collect();
        for root in [
            blocks[0].0,
            Cid::new_v0(Hash::Sha2_256.digest(b"a root")).unwrap(),
        ] {
            let mut car = BytesMut::from(header(&root));
            for (cid, block) in &blocks {
                car.put(before_block(cid, block.len()));
                car.put_slice(block);
            }
            let reader = iroh_car::CarReader::new(&car[..]).await.unwrap();
            assert_eq!(reader.header().roots(), [root]);
            assert_eq!(reader.header().version(), 1);
            let read: Vec<_> = reader.stream().map(Result::unwrap).collect().await;
            assert_eq!(read, blocks);
        }
    }
}
