//! What every store does, whatever stands behind it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cid::multihash::Multihash;
use cid::{Cid, Version};
use paystream_streamer::store::block::{MAX_BLOCK, cid_of};
use paystream_streamer::store::{
    ContentStore, QUIET, StoreError, document, only_hash, size, verify,
};
use rust_unixfs::file::adder::{BalancedCollector, Chunker, FileAdder};

use super::footage::{Footage, VECTORS, footage};
use super::hostile::{bomb, leaf, lies};
use super::{KuboNode, bytes, embedded};

const CHUNK: usize = 256 * 1024;

#[tokio::test]
async fn the_embedded_store_conforms() {
    let (folder, store) = embedded();
    let damage = |block: &[u8]| {
        let name = cid_of(block).to_string();
        let shard = folder.path().join("blocks").join(&name[name.len() - 2..]);
        let mut damaged = block.to_vec();
        damaged[block.len() / 2] ^= 1;
        std::fs::write(shard.join(name), damaged).unwrap();
    };
    conforms(&store, &damage).await;
}

#[tokio::test]
async fn kubo_conforms() {
    let node = KuboNode::start().await;
    conforms(&node.store(), &|block| node.damage(block)).await;
}

#[tokio::test]
async fn a_store_takes_no_more_than_its_quota() {
    let node = KuboNode::with(&[("Datastore.StorageMax", "1MB")]).await;
    let folder = tempfile::tempdir().unwrap();
    let embedded = paystream_streamer::store::Embedded::open(folder.path().into(), 1_000_000);
    for store in [node.store(), Arc::new(embedded.unwrap())] {
        let before = store.usage().await.unwrap();
        assert_eq!(before.quota_bytes, 1_000_000);
        let pins = store.pins().await.unwrap();
        let refused = store
            .add(Box::pin(Footage::new(3_000_000)), QUIET)
            .await
            .unwrap_err();
        assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
        assert_eq!(store.pins().await.unwrap(), pins);
        store.add(Box::pin(&b"small"[..]), QUIET).await.unwrap();
    }
}

async fn conforms(store: &Arc<dyn ContentStore>, damage: &(dyn Fn(&[u8]) + Sync)) {
    store.health().await.unwrap();
    cids_are_those_of_the_vectors(store).await;
    files_of_every_size_come_back(store).await;
    files_of_other_layouts_are_read(store).await;
    cids_that_cannot_be_checked_are_refused(store).await;
    wrong_blocks_are_not_stored(store).await;
    what_is_not_there_is_missing(store).await;
    lies_are_not_believed(store).await;
    what_is_unpinned_is_collected(store).await;
    a_source_that_fails_adds_nothing(store).await;
    damaged_blocks_are_not_served(store, damage).await;
}

async fn cids_are_those_of_the_vectors(store: &Arc<dyn ContentStore>) {
    for (length, cid) in VECTORS {
        let told = Mutex::new(0);
        let progress = |bytes| *told.lock().unwrap() = bytes;
        let added = store
            .add(Box::pin(Footage::new(length)), &progress)
            .await
            .unwrap();
        assert_eq!((added.cid.to_string().as_str(), added.size), (cid, length));
        assert_eq!(*told.lock().unwrap(), length);
        assert!(store.is_pinned(&added.cid).await.unwrap());
        assert!(store.pins().await.unwrap().contains(&added.cid));
        assert_eq!(size(&**store, &added.cid).await.unwrap(), length);
        let hashed = only_hash(Box::pin(Footage::new(length)), QUIET).await;
        assert_eq!(hashed.unwrap(), added);
        assert!(store.usage().await.unwrap().used_bytes >= length);
    }
    let cid: Cid = VECTORS[1].1.parse().unwrap();
    let whole = footage(209_715_200);
    for range in [
        0..10,
        150_000_000..151_000_000,
        209_715_190..u64::MAX,
        262_143..262_145,
    ] {
        let wanted = &whole[range.start as usize..whole.len().min(range.end as usize)];
        assert!(
            bytes(store, cid, range.clone()).await.unwrap() == wanted,
            "{range:?}"
        );
    }
    assert!(
        bytes(store, cid, 209_715_200..u64::MAX)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn files_of_every_size_come_back(store: &Arc<dyn ContentStore>) {
    let sizes = [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        174 * CHUNK,
        174 * CHUNK + 1,
    ];
    let most = footage(174 * CHUNK + 1);
    for length in sizes {
        let content = &most[..length];
        let added = store.add(Box::pin(content), QUIET).await.unwrap();
        let hashed = only_hash(Box::pin(content), QUIET).await.unwrap();
        assert_eq!(added, hashed, "{length} bytes");
        assert!(bytes(store, added.cid, 0..u64::MAX).await.unwrap() == content);
    }
    let small = store.add(Box::pin(&b"small"[..]), QUIET).await.unwrap().cid;
    assert_eq!(small, cid_of(b"small"));
    let whole = document(store, &small, 5).await.unwrap().unwrap();
    assert_eq!(whole, &b"small"[..]);
    let over = document(store, &small, 4).await;
    assert!(matches!(over, Err(StoreError::TooLarge { .. })));
}

/// Version 0 with dag-pb leaves; and chunks of 1 MiB with 1024 links.
async fn files_of_other_layouts_are_read(store: &Arc<dyn ContentStore>) {
    let layouts = [
        (
            FileAdder::builder()
                .with_cid_version(Version::V0)
                .with_raw_leaves(false),
            "QmPC32jRm34aeViMx26f52btBHBWH53r8ur1Zer5WRoYUw",
        ),
        (
            FileAdder::builder()
                .with_chunker(Chunker::Size(1 << 20))
                .with_collector(BalancedCollector::with_branching_factor(1024)),
            "bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y",
        ),
        (
            FileAdder::builder()
                .with_chunker(Chunker::Size(1000))
                .with_collector(BalancedCollector::with_branching_factor(3)),
            "",
        ),
    ];
    let content = footage(1_000_000);
    for (builder, cid) in layouts {
        let mut adder = builder.build();
        let mut blocks = Vec::new();
        let mut rest = &content[..];
        while !rest.is_empty() {
            let (made, taken) = adder.push(rest);
            blocks.extend(made);
            rest = &rest[taken..];
        }
        blocks.extend(adder.finish());
        let root = blocks.last().unwrap().0;
        if !cid.is_empty() {
            assert_eq!(root.to_string(), cid);
        }
        let blocks = blocks.into_iter().map(|(cid, block)| (cid, block.into()));
        store.put(blocks.collect()).await.unwrap();
        store.pin(&root, QUIET).await.unwrap();
        assert!(bytes(store, root, 0..u64::MAX).await.unwrap() == content);
        let part = bytes(store, root, 499_999..500_001).await.unwrap();
        assert_eq!(part, content[499_999..500_001]);
        let (sound, faults) = verify(&**store, &root).await.unwrap();
        assert!(sound > 0 && faults.is_empty());
    }
}

async fn cids_that_cannot_be_checked_are_refused(store: &Arc<dyn ContentStore>) {
    let inline = Cid::new_v1(0x55, Multihash::wrap(0, b"inline").unwrap());
    let block = store.block(&inline).await.unwrap().unwrap();
    assert_eq!(block, &b"inline"[..]);
    assert_eq!(bytes(store, inline, 2..4).await.unwrap(), b"li");
    store.put(vec![(inline, block)]).await.unwrap();
    for (code, length) in [(0x1b, 32), (0x11, 20), (0x12, 20), (0x16, 64)] {
        let hash = Multihash::wrap(code, &[7; 64][..length]).unwrap();
        let cid = Cid::new_v1(0x55, hash);
        let unsupported = |error| matches!(error, StoreError::Unsupported { .. });
        assert!(unsupported(store.block(&cid).await.unwrap_err()));
        let put = store.put(vec![(cid, Bytes::new())]).await;
        assert!(unsupported(put.unwrap_err()));
        assert!(unsupported(store.pin(&cid, QUIET).await.unwrap_err()));
    }
}

async fn wrong_blocks_are_not_stored(store: &Arc<dyn ContentStore>) {
    let wrong = (cid_of(b"right"), Bytes::from_static(b"wrong"));
    let refused = store.put(vec![wrong.clone()]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Mismatched { cid } if cid == wrong.0));
    assert_eq!(store.block(&wrong.0).await.unwrap(), None);
    let large = leaf(&vec![1; MAX_BLOCK + 1]);
    let refused = store.put(vec![large]).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { .. }));
    let largest = leaf(&vec![1; MAX_BLOCK]);
    store.put(vec![largest.clone()]).await.unwrap();
    assert_eq!(store.block(&largest.0).await.unwrap(), Some(largest.1));
}

async fn what_is_not_there_is_missing(store: &Arc<dyn ContentStore>) {
    let content = footage(3 * CHUNK + 11)[7..].to_vec();
    let mut adder = FileAdder::default();
    let mut blocks = Vec::new();
    for chunk in content.chunks(CHUNK) {
        blocks.extend(adder.push(chunk).0);
    }
    blocks.extend(adder.finish());
    let absent = blocks.remove(1).0;
    let root = blocks.last().unwrap().0;
    let blocks = blocks.into_iter().map(|(cid, block)| (cid, block.into()));
    store.put(blocks.collect()).await.unwrap();
    assert_eq!(store.block(&absent).await.unwrap(), None);
    let is_absent = |error| matches!(error, StoreError::Missing { cid } if cid == absent);
    let read = bytes(store, root, 0..u64::MAX).await;
    assert!(is_absent(read.unwrap_err()));
    let before = bytes(store, root, 0..CHUNK as u64).await.unwrap();
    assert!(before == content[..CHUNK]);
    assert!(is_absent(store.pin(&root, QUIET).await.unwrap_err()));
    assert!(!store.is_pinned(&root).await.unwrap());
    let (_, faults) = verify(&**store, &root).await.unwrap();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].cid, absent);
}

async fn lies_are_not_believed(store: &Arc<dyn ContentStore>) {
    for (what, blocks) in lies() {
        let root = blocks.last().unwrap().0;
        store.put(blocks).await.unwrap();
        let read = bytes(store, root, 0..1 << 20).await;
        assert!(
            matches!(read, Err(StoreError::Unsound { .. })),
            "{what}: {read:?}"
        );
        let (_, faults) = verify(&**store, &root).await.unwrap();
        assert!(!faults.is_empty(), "{what}");
    }
    let bomb = bomb();
    let root = bomb.last().unwrap().0;
    store.put(bomb).await.unwrap();
    store.pin(&root, QUIET).await.unwrap();
    assert_eq!(verify(&**store, &root).await.unwrap(), (8, vec![]));
    let middle = 174_u64.pow(7) * 2 + 1;
    let part = bytes(store, root, middle..middle + 8).await.unwrap();
    assert_eq!(part, b"ombbombb");
    store.unpin(&root).await.unwrap();
}

async fn what_is_unpinned_is_collected(store: &Arc<dyn ContentStore>) {
    let content = footage(5 * CHUNK)[3..].to_vec();
    let kept = store.add(Box::pin(&content[..2 * CHUNK]), QUIET).await;
    let kept = kept.unwrap().cid;
    let gone = store.add(Box::pin(&content[..]), QUIET).await.unwrap().cid;
    store.unpin(&gone).await.unwrap();
    store.unpin(&gone).await.unwrap();
    assert!(!store.is_pinned(&gone).await.unwrap());
    let collected = store.gc().await.unwrap();
    assert!(collected.blocks >= 3);
    assert_eq!(store.block(&gone).await.unwrap(), None);
    let read = bytes(store, kept, 0..u64::MAX).await.unwrap();
    assert!(read == content[..2 * CHUNK]);
    let pinned = store.pin(&gone, QUIET).await;
    assert!(matches!(pinned, Err(StoreError::Missing { .. })));
    let again = store.add(Box::pin(&content[..]), QUIET).await.unwrap();
    assert_eq!(again.cid, gone);
}

async fn a_source_that_fails_adds_nothing(store: &Arc<dyn ContentStore>) {
    let content = Bytes::from(footage(20 * CHUNK + 5)[5..].to_vec());
    let cid = only_hash(Box::pin(&content[..]), QUIET).await.unwrap().cid;
    let parts = [Ok(content), Err(std::io::Error::other("gone"))];
    let broken = tokio_util::io::StreamReader::new(futures::stream::iter(parts));
    let failed = store.add(Box::pin(broken), QUIET).await.unwrap_err();
    assert!(matches!(failed, StoreError::Source(_)), "{failed}");
    assert!(!store.is_pinned(&cid).await.unwrap());
    assert_eq!(store.block(&cid).await.unwrap(), None);
}

async fn damaged_blocks_are_not_served(
    store: &Arc<dyn ContentStore>,
    damage: &(dyn Fn(&[u8]) + Sync),
) {
    let content = footage(4 * CHUNK)[9..].to_vec();
    let added = store.add(Box::pin(&content[..]), QUIET).await.unwrap();
    let third = &content[2 * CHUNK..3 * CHUNK];
    damage(third);
    let cid = cid_of(third);
    let is_damaged = |error| matches!(error, StoreError::Damaged { cid: which } if which == cid);
    assert!(is_damaged(store.block(&cid).await.unwrap_err()));
    let read = bytes(store, added.cid, 0..u64::MAX).await;
    assert!(is_damaged(read.unwrap_err()));
    let before = bytes(store, added.cid, 0..2 * CHUNK as u64).await.unwrap();
    assert!(before == content[..2 * CHUNK]);
    let (sound, faults) = verify(&**store, &added.cid).await.unwrap();
    assert_eq!((sound, faults.len(), faults[0].cid), (4, 1, cid));
}
