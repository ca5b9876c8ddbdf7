use std::sync::Mutex;

use futures::TryStreamExt;
use multihash_codetable::{Code as Hash, MultihashDigest};

use super::*;
use crate::store::block::{DAG_PB, cid_of};
use crate::store::layout::CHUNK;
use crate::store::{QUIET, blocks_once, document, read, size};

/// A store in a folder of its own.
struct Fresh {
    folder: tempfile::TempDir,
    store: Arc<dyn ContentStore>,
}

impl Fresh {
    fn new(quota: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(folder.path().into(), quota).unwrap());
        Self { folder, store }
    }

    async fn add(&self, bytes: &[u8]) -> Result<Added> {
        self.store.add(Box::pin(bytes), QUIET).await
    }

    async fn used(&self) -> u64 {
        self.store.usage().await.unwrap().used_bytes
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        let name = Folder::name(cid);
        self.folder.path().join(&name[name.len() - 2..]).join(name)
    }

    fn is_tidy(&self) -> bool {
        let mut incoming = fs::read_dir(self.folder.path().join("incoming")).unwrap();
        incoming.next().is_none()
    }
}

fn video(length: usize) -> Vec<u8> {
    (0..length as u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

#[tokio::test]
async fn a_file_comes_back_by_its_cid_after_a_restart_and_is_pinned() {
    let fresh = Fresh::new(u64::MAX);
    let video = video(5 * CHUNK + 17);
    let seen = Mutex::new(0);
    let added = fresh
        .store
        .add(Box::pin(&video[..]), &|bytes| *seen.lock().unwrap() = bytes)
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), video.len() as u64);
    assert_eq!((added.size, added.blocks), (video.len() as u64, 7));

    let folder = fresh.folder.path().to_owned();
    let used = fresh.used().await;
    drop(fresh.store);
    let store: Arc<dyn ContentStore> = Arc::new(Embedded::open(folder, u64::MAX).unwrap());
    assert_eq!(store.usage().await.unwrap().used_bytes, used);
    assert_eq!(store.pins().await.unwrap(), [added.cid]);
    assert_eq!(size(&*store, &added.cid).await.unwrap(), added.size);
    let range = CHUNK as u64 - 3..3 * CHUNK as u64 + 5;
    let parts: Vec<_> = read(Arc::clone(&store), added.cid, range.clone())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        parts.concat(),
        video[range.start as usize..range.end as usize]
    );
    let all: Vec<_> = blocks_once(store, added.cid, 0..u64::MAX)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(all.len(), 7);
}

#[tokio::test]
async fn an_empty_file_and_a_small_one_are_one_raw_block() {
    let fresh = Fresh::new(u64::MAX);
    for bytes in [&b""[..], b"hello"] {
        let added = fresh.add(bytes).await.unwrap();
        assert_eq!(added.cid, cid_of(bytes));
        let whole = document(&fresh.store, &added.cid, 5).await.unwrap();
        assert_eq!(whole.unwrap(), bytes);
    }
    let hello = cid_of(b"hello");
    assert!(document(&fresh.store, &hello, 4).await.is_err());
    let other = cid_of(b"other");
    assert_eq!(document(&fresh.store, &other, 5).await.unwrap(), None);
}

#[tokio::test]
async fn a_block_is_found_in_every_version_and_codec_of_its_cid() {
    let fresh = Fresh::new(u64::MAX);
    fresh.add(b"hello").await.unwrap();
    let hash = Hash::Sha2_256.digest(b"hello");
    for cid in [Cid::new_v0(hash).unwrap(), Cid::new_v1(DAG_PB, hash)] {
        let block = fresh.store.block(&cid).await.unwrap();
        assert_eq!(block.unwrap(), &b"hello"[..]);
    }
}

#[tokio::test]
async fn a_damaged_block_is_not_served_and_adding_the_file_again_mends_it() {
    let fresh = Fresh::new(u64::MAX);
    let video = video(3 * CHUNK);
    let added = fresh.add(&video).await.unwrap();
    let used = fresh.used().await;
    let second = cid_of(&video[CHUNK..2 * CHUNK]);
    for damage in [
        [&video[CHUNK..2 * CHUNK - 1], b"!"].concat(),
        vec![],
        vec![0; MAX_BLOCK + 1],
    ] {
        fs::write(fresh.path(&second), damage).unwrap();
        let read = read(Arc::clone(&fresh.store), added.cid, 0..u64::MAX);
        let failed = read.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(matches!(failed, StoreError::Damaged { cid } if cid == second));
        fresh.add(&video).await.unwrap();
        assert!(fresh.store.block(&second).await.unwrap().is_some());
    }
    // One damaged length was counted where another had stood; the next start counts afresh.
    assert!(fresh.is_tidy());
    let folder = fresh.folder.path().to_owned();
    drop(fresh.store);
    let store = Embedded::open(folder, u64::MAX).unwrap();
    assert_eq!(store.usage().await.unwrap().used_bytes, used);
}

#[tokio::test]
async fn a_bit_that_flips_after_a_block_was_read_is_noticed_at_the_next_reading() {
    let fresh = Fresh::new(u64::MAX);
    let cid = fresh.add(b"a block").await.unwrap().cid;
    for _ in 0..2 {
        let block = fresh.store.block(&cid).await.unwrap();
        assert_eq!(block.unwrap(), &b"a block"[..]);
    }
    fs::write(fresh.path(&cid), b"a blocc").unwrap();
    let damaged = fresh.store.block(&cid).await.unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { .. }));
    fs::write(fresh.path(&cid), b"a block").unwrap();
    assert!(fresh.store.block(&cid).await.unwrap().is_some());
}

#[tokio::test]
async fn an_addition_over_the_quota_leaves_nothing() {
    let fresh = Fresh::new(3 * CHUNK as u64);
    fresh.add(b"hello").await.unwrap();
    let refused = fresh.add(&video(3 * CHUNK)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert_eq!(fresh.used().await, 5);
    assert_eq!(fresh.store.pins().await.unwrap(), [cid_of(b"hello")]);
    assert!(fresh.is_tidy());
    fresh.add(b"hello").await.unwrap();
    assert_eq!(fresh.used().await, 5);
    fresh.add(&video(2 * CHUNK)).await.unwrap();
}

#[tokio::test]
async fn an_addition_whose_source_fails_leaves_nothing() {
    let fresh = Fresh::new(u64::MAX);
    let bytes = video(40 * CHUNK);
    let broken = tokio_util::io::StreamReader::new(futures::stream::iter([
        Ok(&bytes[..]),
        Err(std::io::Error::other("gone")),
    ]));
    let failed = fresh.store.add(Box::pin(broken), QUIET).await.unwrap_err();
    assert!(matches!(failed, StoreError::Source(_)));
    // Work that was under way ends by itself.
    while !fresh.is_tidy() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fresh.used().await, 0);
    assert!(fresh.store.pins().await.unwrap().is_empty());
}

#[tokio::test]
async fn collecting_keeps_pinned_files_and_what_they_share_with_others() {
    let fresh = Fresh::new(u64::MAX);
    let bytes = video(4 * CHUNK);
    let first = fresh.add(&bytes[..3 * CHUNK]).await.unwrap().cid;
    let used = fresh.used().await;
    let second = fresh.add(&bytes[CHUNK..]).await.unwrap().cid;
    assert_eq!(fresh.store.gc().await.unwrap(), Collected::default());
    fresh.store.unpin(&second).await.unwrap();
    assert!(!fresh.store.is_pinned(&second).await.unwrap());
    let collected = fresh.store.gc().await.unwrap();
    assert_eq!(collected.blocks, 2);
    assert_eq!(fresh.used().await, used);
    fresh.store.pin(&first, QUIET).await.unwrap();
    let again = fresh.store.pin(&second, QUIET).await.unwrap_err();
    assert!(matches!(again, StoreError::Missing { .. }));
}

#[tokio::test]
async fn a_child_without_bytes_that_nobody_has_stops_no_collection() {
    let fresh = Fresh::new(u64::MAX);
    let leaf = fresh.add(b"hello").await.unwrap().cid;
    // A UnixFS file of two children, of 5 bytes and of none (protobuf by hand: type, size, block sizes; links; data).
    let link = |cid: &Cid| {
        let hash = [&[0x0a, cid.to_bytes().len() as u8][..], &cid.to_bytes()].concat();
        [&[0x12, hash.len() as u8][..], &hash].concat()
    };
    let file = [0x08, 2, 0x18, 5, 0x20, 5, 0x20, 0];
    let data = [&[0x0a, file.len() as u8][..], &file].concat();
    let node = [link(&leaf), link(&cid_of(b"")), data].concat();
    let root = Cid::new_v1(DAG_PB, Hash::Sha2_256.digest(&node));
    fresh.store.put(vec![(root, node.into())]).await.unwrap();
    fresh.store.pin(&root, QUIET).await.unwrap();
    fresh.store.unpin(&leaf).await.unwrap();
    assert_eq!(fresh.store.gc().await.unwrap(), Collected::default());
    let whole = document(&fresh.store, &root, 5).await.unwrap();
    assert_eq!(whole.unwrap(), &b"hello"[..]);
}

#[tokio::test]
async fn collecting_waits_for_nobody_when_another_process_uses_the_store() {
    let fresh = Fresh::new(u64::MAX);
    fresh.add(b"hello").await.unwrap();
    let other = Embedded::open(fresh.folder.path().into(), u64::MAX).unwrap();
    other.add(Box::pin(&b"world"[..]), QUIET).await.unwrap();
    assert_eq!(fresh.used().await, 10);
    assert!(matches!(fresh.store.gc().await, Err(StoreError::Busy(_))));
    drop(other);
    assert!(fresh.store.gc().await.is_ok());
}

#[tokio::test]
async fn blocks_that_do_not_match_their_cid_are_not_stored() {
    let fresh = Fresh::new(u64::MAX);
    let good = (cid_of(b"good"), Bytes::from_static(b"good"));
    let bad = (cid_of(b"bad"), Bytes::from_static(b"dab"));
    fresh.store.put(vec![good.clone()]).await.unwrap();
    let refused = fresh.store.put(vec![bad.clone()]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Mismatched { cid } if cid == bad.0));
    assert!(fresh.store.block(&good.0).await.unwrap().is_some());
    assert!(fresh.store.block(&bad.0).await.unwrap().is_none());
    assert!(fresh.is_tidy());
}

#[tokio::test]
async fn what_an_earlier_version_stored_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cid = cid_of(b"an announcement");
    let name = cid.to_string();
    let shard = folder.path().join(&name[name.len() - 2..]);
    fs::create_dir(&shard).unwrap();
    fs::write(shard.join(&name), b"an announcement").unwrap();
    fs::write(shard.join("rest.partial"), b"an anno").unwrap();
    let store = Embedded::open(folder.path().into(), 100).unwrap();
    assert_eq!(store.usage().await.unwrap().used_bytes, 15);
    assert_eq!(store.gc().await.unwrap(), Collected::default());
    let block = store.block(&cid).await.unwrap();
    assert_eq!(block.unwrap(), &b"an announcement"[..]);
}

#[tokio::test]
async fn what_a_crash_left_of_an_addition_is_removed_at_the_next_start() {
    let fresh = Fresh::new(u64::MAX);
    fresh.add(b"hello").await.unwrap();
    let folder = fresh.folder.path().to_owned();
    let left = folder.join("incoming/1-0");
    fs::create_dir(&left).unwrap();
    fs::write(left.join(cid_of(b"half").to_string()), b"ha").unwrap();
    fs::write(folder.join("usage"), [9; 8]).unwrap();
    drop(fresh.store);
    let store = Embedded::open(folder, u64::MAX).unwrap();
    assert_eq!(store.usage().await.unwrap().used_bytes, 5);
    assert!(!left.exists());
    assert!(store.block(&cid_of(b"half")).await.unwrap().is_none());
    assert_eq!(store.pins().await.unwrap(), [cid_of(b"hello")]);
}

#[tokio::test]
async fn a_leaf_with_the_bytes_of_somebodys_root_does_not_cost_them_their_leaves() {
    let fresh = Fresh::new(u64::MAX);
    let mut films = Vec::new();
    for n in 0..8u8 {
        let cid = fresh.add(&vec![n; CHUNK + 1]).await.unwrap().cid;
        let root = fresh.store.block(&cid).await.unwrap().unwrap();
        let leaf = fresh.add(&root).await.unwrap().cid;
        assert_eq!(leaf.hash(), cid.hash());
        films.push(cid);
    }
    fresh.store.gc().await.unwrap();
    for film in films {
        let (_, faults) = crate::store::verify(fresh.store.as_ref(), &film)
            .await
            .unwrap();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[tokio::test]
async fn what_is_unpinned_gives_its_room_back_by_itself_and_a_damaged_file_is_told_of() {
    let fresh = Fresh::new(u64::MAX);
    let cid = fresh.add(b"hello").await.unwrap().cid;
    let film = fresh.add(&video(2 * CHUNK)).await.unwrap().cid;
    let root = fs::read(fresh.path(&film)).unwrap();
    fs::write(fresh.path(&film), b"damaged").unwrap();
    let tidy = Arc::new(crate::store::Tidy::default());
    let unpinned = Arc::new(tokio::sync::Notify::new());
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(Arc::clone(&tidy).run(
        Arc::clone(&fresh.store),
        || async { Ok(()) },
        Arc::clone(&unpinned),
        std::time::Duration::ZERO,
        stop.clone(),
    ));
    fresh.store.unpin(&cid).await.unwrap();
    unpinned.notify_one();
    while tidy.fault().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(tidy.fault().unwrap().contains(&film.to_string()));
    assert!(fresh.store.block(&cid).await.unwrap().is_some());

    fs::write(fresh.path(&film), root).unwrap();
    unpinned.notify_one();
    while fresh.store.block(&cid).await.unwrap().is_some() || tidy.fault().is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fresh.store.pins().await.unwrap(), [film]);
    stop.cancel();
    running.await.unwrap();
}

#[test]
fn nobody_who_comes_during_a_collection_takes_an_addition_for_what_a_crash_left() {
    let fresh = Fresh::new(u64::MAX);
    drop(fresh.store);
    let path = fresh.folder.path().to_owned();
    let folder = Arc::new(Folder::open(path.clone(), u64::MAX).unwrap());
    let addition = Staging::begin(Arc::clone(&folder)).unwrap();
    let written = addition.write(&cid_of(b"hello"), b"hello").unwrap();
    assert!(written.is_some());

    // The middle of a collection: the lock is given up to be taken alone.
    assert!(folder.try_door().unwrap());
    folder.lock.unlock().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        let opened = Folder::open(path, u64::MAX);
        tell.send(()).unwrap();
        opened.unwrap()
    });
    let waits = told.recv_timeout(std::time::Duration::from_millis(300));
    assert!(waits.is_err(), "it came in");
    folder.share().unwrap();
    folder.close_door().unwrap();
    drop(other.join().unwrap());
    addition.commit(Some(&cid_of(b"hello"))).unwrap();
    assert!(folder.block(&cid_of(b"hello")).unwrap().is_some());
}
