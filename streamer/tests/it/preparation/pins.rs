//! What the store keeps, whatever ends or begins in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use paystream_streamer::library::{ItemId, Library, State};
use paystream_streamer::store::block::cid_of;
use paystream_streamer::store::{Embedded, QUIET, Tidy};
use tokio_util::sync::CancellationToken;

use super::held::{Held, Hold};
use super::host::{Host, Limits};
use super::{made, watchable};
use crate::stack::until;
use crate::store::{KuboNode, command};

/// Bytes of a leaf.
const CHUNK: usize = 262_144;

/// A small file whose picture is copied.
fn file(folder: &Path) -> PathBuf {
    made(
        folder,
        "small.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25",
    )
}

async fn held(folder: &Path) -> (Arc<Held>, Host) {
    let store = Arc::new(Embedded::open(folder.join("blocks"), u64::MAX).unwrap());
    let held = Held::new(store);
    let host = Host::on(folder, Limits::default(), Arc::clone(&held) as _).await;
    (held, host)
}

/// Holds up the first addition of a new item there.
async fn stopped_at(hold: Hold, held: &Held, host: &Host, file: &Path) -> ItemId {
    held.hold(hold);
    let item = host.begin(file).await;
    held.holds().await;
    item
}

/// The host ends as if it were told to stop, and the addition that is held up goes on then.
async fn stop(host: Host, held: &Held) {
    futures::join!(host.close(), async { held.release() });
}

#[tokio::test]
async fn what_one_item_lets_go_of_is_kept_for_another_that_is_just_adding_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    for collects in [false, true] {
        let (held, host) = held(folder.path()).await;
        let one = host.begin(&file).await;
        assert!(matches!(host.finished(one).await.state, State::Ready(_)));
        let other = stopped_at(Hold::Committed, &held, &host, &file).await;
        host.uploads.discard(one).await.unwrap();
        // The one that is being added.
        assert_eq!(host.store.pins().await.unwrap().len(), 1);
        if collects {
            assert!(host.store.gc().await.unwrap().blocks > 0);
        }
        held.release();
        let item = host.finished(other).await;
        watchable(&host, &item).await;
        host.uploads.discard(other).await.unwrap();
        assert!(host.pins_left().await.is_empty());
        host.close().await;
    }
}

#[tokio::test]
async fn of_two_items_with_the_same_files_the_last_takes_them_along() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let host = Host::open(folder.path(), Limits::default()).await;
    let one = host.give(&file).await;
    let other = host.give(&file).await;
    host.uploads.discard(one.item_id).await.unwrap();
    watchable(&host, &other).await;
    host.uploads.discard(other.item_id).await.unwrap();
    assert!(host.pins_left().await.is_empty());
}

#[tokio::test]
async fn what_somebody_pinned_by_hand_stays_pinned_when_the_items_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let host = Host::open(folder.path(), Limits::default()).await;
    let item = host.give(&file).await;
    let State::Ready(stored) = &item.state else {
        panic!("{:?}", item.state);
    };
    let video = host.read(&stored.cid).await;
    host.uploads.discard(item.item_id).await.unwrap();
    assert!(host.pins_left().await.is_empty());

    // Before the same video was uploaded.
    let by_hand = host.store.add(Box::pin(&video[..]), QUIET).await.unwrap();
    assert_eq!(by_hand.cid, stored.cid);
    let item = host.give(&file).await;
    watchable(&host, &item).await;
    host.uploads.discard(item.item_id).await.unwrap();
    assert_eq!(host.pins_left().await, [stored.cid]);

    // After it: with each of the commands that pin.
    host.store.unpin(&stored.cid).await.unwrap();
    let cid = stored.cid.to_string();
    let prepared = folder.path().join("prepared.mp4");
    std::fs::write(&prepared, &video).unwrap();
    for words in [
        &["pin", &cid][..],
        &["store", "add", prepared.to_str().unwrap()],
    ] {
        let item = host.give(&file).await;
        let data = ["--data-dir", folder.path().to_str().unwrap()];
        let pinned = command(&[words, &data].concat()).await;
        assert!(pinned.success, "{pinned:?}");
        let unpin = [&["store", "unpin", &cid], &data[..]].concat();
        let refused = command(&unpin).await;
        let instead = format!("DELETE /v1/items/{}", item.item_id);
        assert!(refused.stderr.contains(&instead), "{refused:?}");
        host.uploads.discard(item.item_id).await.unwrap();
        assert_eq!(host.pins_left().await, [stored.cid], "{words:?}");
        assert!(command(&unpin).await.success);
        assert!(host.pins_left().await.is_empty());
    }
}

#[tokio::test]
async fn what_is_pinned_by_hand_while_it_is_let_go_stays_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let (held, host) = held(folder.path()).await;
    let item = host.give(&file(folder.path())).await;
    let State::Ready(stored) = &item.state else {
        panic!("{:?}", item.state);
    };
    held.hold(Hold::Unpin);
    let uploads = Arc::clone(&host.uploads);
    let id = item.item_id;
    let discard = tokio::spawn(async move { uploads.discard(id).await });
    held.holds().await;
    // One of these is just being unpinned.
    for cid in stored.files() {
        let cid = cid.to_string();
        let data = folder.path().to_str().unwrap();
        let pinned = command(&["pin", &cid, "--data-dir", data]).await;
        assert!(pinned.success, "{pinned:?}");
    }
    held.release();
    discard.await.unwrap().unwrap();
    let left = host.pins_left().await;
    for cid in stored.files() {
        assert!(left.contains(&cid), "{cid} of {left:?}");
    }
}

#[tokio::test]
async fn nothing_is_unpinned_by_hand_while_it_may_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let (held, host) = held(folder.path()).await;
    let item = stopped_at(Hold::Committed, &held, &host, &file(folder.path())).await;
    for cid in host.store.pins().await.unwrap() {
        let cid = cid.to_string();
        let data = folder.path().to_str().unwrap();
        let refused = command(&["store", "unpin", &cid, "--data-dir", data]).await;
        assert!(refused.stderr.contains("just adding"), "{refused:?}");
    }
    held.release();
    let item = host.finished(item).await;
    watchable(&host, &item).await;
}

#[tokio::test]
async fn what_the_videos_need_is_pinned_before_a_collection_and_nothing_is_collected_when_it_cannot_be()
 {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let item = host.give(&file(folder.path())).await;
    let State::Ready(stored) = &item.state else {
        panic!("{:?}", item.state);
    };
    let loose = host.store.add(Box::pin(&b"loose"[..]), QUIET);
    let loose = loose.await.unwrap().cid;
    // As if the store had come back from a copy that is older than the library.
    for file in host.store.pins().await.unwrap() {
        host.store.unpin(&file).await.unwrap();
    }
    let tidy = Arc::new(Tidy::default());
    let unpinned = host.preparer.unpinned();
    let stop = CancellationToken::new();
    let preparer = Arc::clone(&host.preparer);
    let keep = move || {
        let preparer = Arc::clone(&preparer);
        async move { preparer.pin_needed().await }
    };
    let running = tokio::spawn(Arc::clone(&tidy).run(
        Arc::clone(&host.store),
        keep,
        Arc::clone(&unpinned),
        Duration::ZERO,
        stop.clone(),
    ));
    unpinned.notify_one();
    until("the loose block is collected", || async {
        let block = host.store.block(&loose).await.unwrap();
        block.is_none().then_some(())
    })
    .await;
    watchable(&host, &item).await;
    assert_eq!(tidy.fault(), None);

    // And with a block less.
    let loose = host.store.add(Box::pin(&b"loose"[..]), QUIET);
    let loose = loose.await.unwrap().cid;
    let video = host.read(&stored.cid).await;
    for file in host.store.pins().await.unwrap() {
        host.store.unpin(&file).await.unwrap();
    }
    let first = &video[..video.len().min(CHUNK)];
    let leaf = cid_of(first);
    let name = leaf.to_string();
    let path = folder.path().join("blocks").join(&name[name.len() - 2..]);
    std::fs::remove_file(path.join(&name)).unwrap();
    unpinned.notify_one();
    let fault = until("the fault is seen", || async { tidy.fault() }).await;
    assert!(fault.contains(&name), "{fault}");
    assert!(host.store.block(&loose).await.unwrap().is_some());

    let mended = vec![(leaf, first.to_vec().into())];
    host.store.put(mended).await.unwrap();
    unpinned.notify_one();
    until("the loose block is collected", || async {
        let block = host.store.block(&loose).await.unwrap();
        block.is_none().then_some(())
    })
    .await;
    watchable(&host, &item).await;
    stop.cancel();
    running.await.unwrap();

    // Also by hand, but not while a streamer may change what is needed.
    for file in host.store.pins().await.unwrap() {
        host.store.unpin(&file).await.unwrap();
    }
    let collect = ["store", "gc", "--data-dir", folder.path().to_str().unwrap()];
    let streamer = std::fs::File::create(folder.path().join("lock")).unwrap();
    streamer.lock().unwrap();
    let refused = command(&collect).await;
    assert!(
        refused.stderr.contains("uses this folder") && !refused.success,
        "{refused:?}"
    );
    assert!(host.store.pins().await.unwrap().is_empty());
    drop(streamer);
    host.close().await;
    let collected = command(&collect).await;
    assert!(collected.success, "{collected:?}");
    let host = Host::open(folder.path(), Limits::default()).await;
    watchable(&host, &item).await;
}

#[tokio::test]
async fn a_cancel_in_the_middle_of_a_commit_leaves_no_pin() {
    let folder = tempfile::tempdir().unwrap();
    let (held, host) = held(folder.path()).await;
    let item = stopped_at(Hold::Committed, &held, &host, &file(folder.path())).await;
    let uploads = Arc::clone(&host.uploads);
    let discard = tokio::spawn(async move { uploads.discard(item).await });
    host.reaches(item, "cancelled").await;
    held.release();
    discard.await.unwrap().unwrap();
    assert!(host.pins_left().await.is_empty());
    assert!(host.leftovers().is_empty(), "{:?}", host.leftovers());
    assert_eq!(host.library.item(item).await.unwrap(), None);
}

#[tokio::test]
async fn an_item_that_was_being_added_goes_on_from_its_prepared_file() {
    for hold in [Hold::Begin, Hold::Committed] {
        let folder = tempfile::tempdir().unwrap();
        let (held, host) = held(folder.path()).await;
        let id = stopped_at(hold, &held, &host, &file(folder.path())).await;
        stop(host, &held).await;
        let upload = folder.path().join("uploads").join(id.to_string());
        std::fs::remove_file(upload).unwrap();

        let host = Host::open(folder.path(), Limits::default()).await;
        let item = host.finished(id).await;
        watchable(&host, &item).await;
    }
}

#[tokio::test]
async fn what_an_earlier_streamer_added_goes_with_an_item_that_was_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let (held, host) = held(folder.path()).await;
    let id = stopped_at(Hold::Committed, &held, &host, &file(folder.path())).await;
    stop(host, &held).await;
    let library = Library::open(&folder.path().join("library.sqlite"))
        .await
        .unwrap();
    let cancelled = library.advance(id, &["adding"], &State::Cancelled, Timestamp::now());
    assert!(cancelled.await.unwrap());
    library.close().await;

    let host = Host::open(folder.path(), Limits::default()).await;
    assert!(host.pins_left().await.is_empty());
    assert!(host.leftovers().is_empty(), "{:?}", host.leftovers());
}

#[tokio::test]
async fn a_video_is_prepared_onto_kubo_as_it_is_onto_the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let node = KuboNode::start().await;
    let file = file(folder.path());
    let mut cids = Vec::new();
    for kubo in [false, true] {
        let folder = folder.path().join(kubo.to_string());
        std::fs::create_dir(&folder).unwrap();
        let host = if kubo {
            Host::on(&folder, Limits::default(), node.store()).await
        } else {
            Host::open(&folder, Limits::default()).await
        };
        let item = host.give(&file).await;
        watchable(&host, &item).await;
        let State::Ready(stored) = &item.state else {
            panic!("{:?}", item.state);
        };
        cids.push(stored.files());
        host.uploads.discard(item.item_id).await.unwrap();
        for cid in stored.files() {
            assert!(!host.store.is_pinned(&cid).await.unwrap());
        }
    }
    assert_eq!(cids[0], cids[1]);
}
