//! Quotas, however the bytes come and whatever becomes of them.

use std::time::Duration;

use alloy::primitives::Address;
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use paystream_streamer::error::Code;
use paystream_streamer::library::State;
use paystream_streamer::upload::{Body, Description};

use super::host::{self, Host, Limits};
use super::{made, watchable};

#[tokio::test]
async fn a_video_that_becomes_larger_than_its_owners_room_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = made(
        folder.path(),
        "small.mkv",
        "-f lavfi -i mandelbrot=size=640x360:rate=25 -t 2 -c:v libx265 -preset ultrafast -crf 50 -x265-params log-level=none",
    );
    let bytes = std::fs::read(file).unwrap();
    let limits = Limits {
        creator_bytes: bytes.len() as u64 + 1000,
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let owner = Some(Address::repeat_byte(0xc1));
    let item = host.upload_of(owner, bytes.clone(), "small.mkv").await;
    let item = host.finished(item).await;
    let State::Failed(failure) = &item.state else {
        panic!("{:?}", item.state);
    };
    assert_eq!(failure.code, Code::QuotaExceeded);
    assert!(failure.detail.contains("quota"), "{}", failure.detail);
    assert!(host.pins_left().await.is_empty());
    // The operator has no such bound.
    let item = host.upload_of(None, bytes, "small.mkv").await;
    watchable(&host, &host.finished(item).await).await;
}

#[tokio::test]
async fn nobody_goes_on_with_a_form_s_upload() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        creator_bytes: 1000,
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let owner = Some(Address::repeat_byte(0xc1));
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(0);
    let uploads = std::sync::Arc::clone(&host.uploads);
    let form = tokio::spawn(async move { uploads.take(None, owner, receiver.boxed()).await });
    sender.send(Ok(vec![1; 600].into())).await.unwrap();
    let begun = async {
        loop {
            let items = host.library.in_states(&["uploading"]).await.unwrap();
            if let Some(item) = items.first() {
                return item.item_id;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let id = begun.await;
    let patched = async |offset| {
        let body = host::body(vec![vec![2; 300]]);
        host.uploads
            .append(None, id, offset, body)
            .await
            .unwrap_err()
            .code()
    };
    assert_eq!(patched(0).await, Code::UploadConflict);
    assert_eq!(
        host.uploads.look(id).await.unwrap_err().code(),
        Code::UploadConflict
    );
    drop(sender);
    let taken = form.await.unwrap().unwrap();
    assert_eq!(taken.received, 600);
    assert_eq!(patched(600).await, Code::UploadConflict);

    let finished = host
        .uploads
        .finish(id, Description::default())
        .await
        .unwrap();
    assert_eq!((finished.length, finished.received), (Some(600), 600));
    let used = host.library.usage(owner).await.unwrap();
    assert!(used.bytes <= 600);
}

#[tokio::test]
async fn an_upload_that_is_being_sent_is_not_abandoned_and_a_newer_request_still_ends_the_older() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        abandoned_after: Duration::from_secs(5),
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let create = || {
        host.uploads
            .create(None, Some(1000), Description::default())
    };
    let sent = create().await.unwrap().item_id;
    let (mut sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(0);
    let uploads = std::sync::Arc::clone(&host.uploads);
    let sending =
        tokio::spawn(async move { uploads.append(None, sent, 0, receiver.boxed()).await });
    sender.send(Ok(vec![1; 10].into())).await.unwrap();
    let left = create().await.unwrap().item_id;
    let abandoned = async {
        while host.library.item(left).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), abandoned)
        .await
        .expect("the other upload is abandoned");
    assert!(!sending.is_finished());
    assert_eq!(host.uploads.look(sent).await.unwrap().received, 10);
    let cut = sending.await.unwrap().unwrap_err();
    assert_eq!(cut.code(), Code::UploadConflict);
}

#[tokio::test]
async fn accounts_without_number_do_not_make_items_without_number() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        items: 3,
        abandoned_after: Duration::from_secs(20),
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let create = |account| {
        let owner = Some(Address::repeat_byte(account));
        host.uploads.create(owner, Some(10), Description::default())
    };
    let mut open = Vec::new();
    for account in 1..4 {
        open.push(create(account).await.unwrap().item_id);
    }
    assert_eq!(create(4).await.unwrap_err().code(), Code::RateLimited);
    // They do not shut the operator out.
    let operators = host.uploads.create(None, Some(10), Description::default());
    open.push(operators.await.unwrap().item_id);
    for id in open {
        host.uploads.discard(id).await.unwrap();
    }

    let mut last = None;
    for account in 1..7 {
        let owner = Some(Address::repeat_byte(account));
        let id = host.upload_of(owner, b"no video".to_vec(), "a.mp4").await;
        assert!(matches!(host.finished(id).await.state, State::Failed(_)));
        last = Some(id);
    }
    let forgotten = async {
        loop {
            let failed = host.library.in_states(&["failed"]).await.unwrap();
            if failed.len() == 3 {
                return failed;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(60), forgotten)
        .await
        .expect("the oldest that failed are forgotten");
    assert_eq!(left.last().map(|item| item.item_id), last);
}

#[tokio::test]
async fn who_only_keeps_a_place_loses_it_and_what_came_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        patience: Duration::from_secs(1),
        ..Limits::default()
    };
    let host = Host::open(folder.path(), limits).await;
    let create = || {
        host.uploads
            .create(None, Some(1000), Description::default())
    };
    let pieces = futures::stream::repeat(()).then(|()| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok::<_, axum::Error>(Bytes::from_static(b"x"))
    });
    let cases: [(Body, _, _); 2] = [
        (pieces.boxed(), "too slowly", 1),
        (futures::stream::pending().boxed(), "nothing came", 0),
    ];
    for (body, why, least) in cases {
        let item = create().await.unwrap().item_id;
        let cut = host.uploads.append(None, item, 0, body);
        let cut = tokio::time::timeout(Duration::from_secs(60), cut).await;
        let cut = cut.expect("it is cut off").unwrap_err();
        assert_eq!(cut.code(), Code::TooSlow);
        // Clients try again.
        assert_eq!(cut.code().status(), 408);
        assert!(cut.public_detail().contains(why), "{}", cut.public_detail());
        let received = host.uploads.look(item).await.unwrap().received;
        assert!((least..100).contains(&received), "{received}");
    }
}

#[tokio::test]
async fn a_network_has_a_part_of_the_places_and_others_are_not_held_up() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path(), Limits::default()).await;
    let client = |host: u8| Some(std::net::IpAddr::from([192, 0, 2, host]));
    let mut senders = Vec::new();
    let mut sending = Vec::new();
    for _ in 0..2 {
        let item = host
            .uploads
            .create(None, Some(10), Description::default())
            .await
            .unwrap();
        let (mut sender, receiver) = mpsc::channel::<Result<Bytes, axum::Error>>(0);
        let uploads = std::sync::Arc::clone(&host.uploads);
        let sent = async move {
            uploads
                .append(client(1), item.item_id, 0, receiver.boxed())
                .await
        };
        sending.push(tokio::spawn(sent));
        sender.send(Ok(vec![1; 5].into())).await.unwrap();
        senders.push(sender);
    }
    let owner = Some(Address::repeat_byte(0xc1));
    let one_more = async |client| {
        let body = host::body(vec![vec![2; 5]]);
        host.uploads.take(client, owner, body).await
    };
    let refused = one_more(client(1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::RateLimited);
    assert!(one_more(client(2)).await.is_ok());
    assert!(one_more(None).await.is_ok());
    for mut sender in senders {
        sender.send(Ok(vec![1; 5].into())).await.unwrap();
    }
    for sent in sending {
        assert_eq!(sent.await.unwrap().unwrap().received, 10);
    }
    assert!(one_more(client(1)).await.is_ok());
}
