use paystream_contracts::content_id;

use super::*;
use crate::error::Code;
use crate::store::block::cid_of;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const CREATOR: Address = Address::repeat_byte(0xc1);
const OTHER: Address = Address::repeat_byte(0xc2);

async fn library() -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(&folder.path().join("library.sqlite"))
        .await
        .unwrap();
    (folder, library)
}

fn item(owner: Option<Address>, state: State) -> Item {
    Item {
        item_id: ItemId::random(),
        owner,
        title: "A title".to_owned(),
        description: String::new(),
        file_name: "../a \"file\"\u{202e}.mp4".to_owned(),
        free: false,
        length: Some(10),
        received: if matches!(state, State::Uploading) {
            0
        } else {
            10
        },
        state,
        created_at: NOW,
        touched_at: NOW,
    }
}

fn video(bytes: &[u8]) -> Box<Stored> {
    Box::new(Stored {
        cid: cid_of(bytes),
        metadata: Some(cid_of(b"metadata")),
        picture: None,
        size: 10,
        duration_ms: 2_000,
        mime_type: "video/mp4; codecs=\"avc1.640028\"".to_owned(),
        width: 1920,
        height: 1080,
    })
}

#[tokio::test]
async fn an_item_comes_back_as_it_was_written_after_a_restart() {
    let (folder, library) = library().await;
    let failure = Failure {
        code: Code::Malformed,
        detail: "it is not a video".to_owned(),
    };
    let states = [
        State::Uploading,
        State::Queued,
        State::Preparing,
        State::Adding,
        State::Ready(video(b"a")),
        State::Failed(failure),
        State::Cancelled,
    ];
    let items: Vec<Item> = states
        .into_iter()
        .map(|state| item(Some(CREATOR), state))
        .collect();
    for item in &items {
        library.insert(item).await.unwrap();
    }
    library.close().await;
    let library = Library::open(&folder.path().join("library.sqlite"))
        .await
        .unwrap();
    for item in &items {
        assert_eq!(
            library.item(item.item_id).await.unwrap().as_ref(),
            Some(item)
        );
    }
    assert_eq!(library.all_ready(), [items[4].clone()]);
}

#[tokio::test]
async fn a_content_is_found_by_its_creators_id_whoever_uploaded_it() {
    let (_folder, library) = library().await;
    let mut brought = item(None, State::Ready(video(b"a")));
    library.insert(&brought).await.unwrap();
    let id = content_id(CREATOR, &cid_of(b"a").to_string());
    assert_eq!(library.stored(CREATOR, id), Some(brought.clone()));
    assert_eq!(library.stored(OTHER, id), None);

    let own = item(Some(CREATOR), State::Ready(video(b"a")));
    library.insert(&own).await.unwrap();
    assert_eq!(library.stored(CREATOR, id), Some(own.clone()));
    library.set_free(brought.item_id, true).await.unwrap();
    assert!(library.stored(CREATOR, id).unwrap().free);

    // What a creator uploaded nobody else sells, though anybody may register its CID.
    let theirs = item(Some(CREATOR), State::Ready(video(b"b")));
    library.insert(&theirs).await.unwrap();
    let text = cid_of(b"b").to_string();
    assert!(
        library
            .stored(CREATOR, content_id(CREATOR, &text))
            .is_some()
    );
    assert_eq!(library.stored(OTHER, content_id(OTHER, &text)), None);
    library.remove(theirs.item_id).await.unwrap();

    library.remove(own.item_id).await.unwrap();
    brought.free = true;
    assert_eq!(library.stored(CREATOR, id), Some(brought.clone()));
    assert_eq!(
        library.ready_with(&cid_of(b"a")),
        std::slice::from_ref(&brought)
    );
    library.remove(brought.item_id).await.unwrap();
    assert_eq!(library.stored(CREATOR, id), None);
    assert!(library.ready_with(&cid_of(b"a")).is_empty());
}

#[tokio::test]
async fn of_two_who_move_an_item_one_wins_and_the_other_is_told() {
    let (_folder, library) = library().await;
    let queued = item(Some(CREATOR), State::Queued);
    library.insert(&queued).await.unwrap();
    let mut changes = library.changes();
    let id = queued.item_id;
    let to = State::Cancelled;
    assert!(library.advance(id, &["queued"], &to, NOW).await.unwrap());
    let to = State::Preparing;
    assert!(!library.advance(id, &["queued"], &to, NOW).await.unwrap());
    assert_eq!(
        library.item(id).await.unwrap().unwrap().state,
        State::Cancelled
    );
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(library.in_states(&["cancelled"]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn lists_hold_the_creators_own_items_and_the_operators_hold_all() {
    let (_folder, library) = library().await;
    for owner in [Some(CREATOR), Some(OTHER), None] {
        library.insert(&item(owner, State::Queued)).await.unwrap();
    }
    let own = library.items(Whose::Creator(CREATOR), None).await.unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].owner, Some(CREATOR));
    assert_eq!(library.items(Whose::All, None).await.unwrap().len(), 3);
    assert!(
        library
            .items(Whose::All, Some(NOW))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_row_that_its_state_forbids_is_refused() {
    let (_folder, library) = library().await;
    let mut more_than_all = item(None, State::Uploading);
    more_than_all.received = 11;
    assert!(library.insert(&more_than_all).await.is_err());
    let mut half = item(None, State::Queued);
    half.received = 5;
    assert!(library.insert(&half).await.is_err());
}

#[tokio::test]
async fn the_files_of_a_video_that_is_removed_are_let_go_in_the_same_step() {
    let (folder, library) = library().await;
    let ready = item(None, State::Ready(video(b"a film")));
    let uploading = item(None, State::Uploading);
    for item in [&ready, &uploading] {
        library.insert(item).await.unwrap();
    }
    library.remove(uploading.item_id).await.unwrap();
    assert_eq!(library.loose().await.unwrap(), []);
    library.remove(ready.item_id).await.unwrap();
    let mut expected = vec![cid_of(b"a film"), cid_of(b"metadata")];
    expected.sort_by_key(Cid::to_string);
    library.loosen(&expected).await.unwrap();
    library.close().await;

    let library = Library::open(&folder.path().join("library.sqlite"))
        .await
        .unwrap();
    assert_eq!(library.loose().await.unwrap(), expected);
    library.unpinned(&expected[0]).await.unwrap();
    assert_eq!(library.loose().await.unwrap(), expected[1..]);
}

#[tokio::test]
async fn a_pin_is_the_librarys_own_until_it_is_gone_or_somebody_pins_by_hand() {
    let (_folder, library) = library().await;
    let (one, other) = (cid_of(b"one"), cid_of(b"other"));
    for file in [&one, &one, &other] {
        library.own(file).await.unwrap();
    }
    library.disown(&other).await.unwrap();
    assert!(library.owns(&one).await.unwrap());
    assert!(!library.owns(&other).await.unwrap());
    library.loosen(&[one]).await.unwrap();
    assert!(library.unpinned(&one).await.unwrap());
    assert!(!library.unpinned(&other).await.unwrap());
    assert!(!library.owns(&one).await.unwrap());
    assert_eq!(library.loose().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_being_added_counts_with_the_size_that_it_has_become() {
    let (_folder, library) = library().await;
    let [one, other] = [(); 2].map(|()| item(Some(CREATOR), State::Adding));
    for item in [&one, &other] {
        library.insert(item).await.unwrap();
    }
    // Each of 10 bytes was uploaded.
    assert_eq!(library.becomes(&one, 60, 100).await.unwrap(), 90);
    assert_eq!(library.becomes(&other, 60, 100).await.unwrap(), 40);
    assert_eq!(library.becomes(&one, 60, 100).await.unwrap(), 90);
    let used = library.usage(Some(CREATOR)).await.unwrap();
    assert_eq!(used.bytes, 70);
    assert_eq!(library.becomes(&other, 40, 100).await.unwrap(), 40);
    let used = library.usage(Some(CREATOR)).await.unwrap();
    assert_eq!(used.bytes, 100);
    assert_eq!(library.item(one.item_id).await.unwrap(), Some(one));
}

#[tokio::test]
async fn so_many_announcements_wait_and_one_that_waits_may_be_brought_again() {
    let (_folder, library) = library().await;
    let cid = |name: &str| cid_of(name.as_bytes());
    let bring = async |name: &str, second| {
        let brought = library.announce(&cid(name), client(1), at(second), 2).await;
        brought.unwrap()
    };
    assert!(bring("one", 1).await);
    assert!(bring("two", 2).await);
    assert!(!bring("three", 3).await);
    assert!(!library.is_announced(&cid("three")).await.unwrap());
    let first = announced("one", 1);
    assert!(library.waits_since(&first).await.unwrap());
    assert!(bring("one", 4).await);
    assert!(!library.waits_since(&first).await.unwrap());
    let before = library.announced_before(at(4)).await.unwrap();
    assert_eq!(before, [announced("two", 2)]);
    library.disown(&cid("two")).await.unwrap();
    assert!(bring("three", 5).await);
    let all = library.announced_before(at(9)).await.unwrap();
    assert!(all.len() == 2 && all.contains(&announced("one", 4)));
    assert!(all.contains(&announced("three", 5)));
}

#[tokio::test]
async fn when_too_many_announcements_wait_the_oldest_of_the_clients_that_have_most_give_way() {
    let (_folder, library) = library().await;
    for (name, number, second) in [
        ("of one", 1, 1),
        ("a", 2, 3),
        ("b", 2, 4),
        ("c", 2, 5),
        ("d", 2, 6),
        ("e", 3, 2),
        ("f", 3, 7),
    ] {
        let cid = cid_of(name.as_bytes());
        let brought = library.announce(&cid, client(number), at(second), 9).await;
        assert!(brought.unwrap());
    }
    let [a, b, e] = [announced("a", 3), announced("b", 4), announced("e", 2)];
    for (most, second, gone) in [
        (9, 9, vec![]),
        (7, 9, vec![]),
        (6, 9, vec![a]),
        (5, 9, vec![a, b]),
        (4, 9, vec![a, b, e]),
        // What came only just now does not give way, nor anything else for it.
        (4, 4, vec![a, e]),
        (4, 2, vec![]),
    ] {
        let beyond = library.announced_beyond(most, at(second)).await.unwrap();
        let found = beyond.len() == gone.len() && gone.iter().all(|one| beyond.contains(one));
        assert!(found, "{beyond:?} beyond {most} before {second}");
    }
    // Brought again by another client, it still counts as one of the first's.
    let again = library.announce(&e.cid, client(9), at(8), 9).await;
    assert!(again.unwrap());
    let beyond = library.announced_beyond(3, at(9)).await.unwrap();
    assert!(beyond.contains(&announced("f", 7)), "{beyond:?}");
}

#[tokio::test]
async fn what_is_registered_waits_no_longer_and_how_far_each_registry_was_searched_is_remembered() {
    let (folder, library) = library().await;
    let (registry, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    assert_eq!(library.searched(registry).await.unwrap(), None);
    for name in ["one", "two"] {
        let cid = cid_of(name.as_bytes());
        let brought = library.announce(&cid, client(1), at(1), 9).await;
        assert!(brought.unwrap());
    }
    let found = [cid_of(b"two"), cid_of(b"brought later")];
    let searched = |block| Searched {
        block,
        hash: B256::repeat_byte(9),
    };
    for (cids, to) in [(&found[..1], Some(searched(5))), (&found[..], None)] {
        let noted = library.note_registered(registry, cids, to).await;
        noted.unwrap();
    }
    library.keep_registered().await.unwrap();
    let waiting = library.announced_before(at(9)).await.unwrap();
    assert_eq!(waiting, [announced("one", 1)]);
    let noted = library
        .note_registered(registry, &[], Some(searched(7)))
        .await;
    noted.unwrap();
    library.close().await;

    let library = Library::open(&folder.path().join("library.sqlite")).await;
    let library = library.unwrap();
    assert_eq!(library.searched(registry).await.unwrap(), Some(searched(7)));
    assert_eq!(library.searched(other).await.unwrap(), None);
    let brought = library.announce(&found[1], client(1), at(2), 9).await;
    assert!(brought.unwrap());
    library.keep_registered().await.unwrap();
    assert!(!library.is_announced(&found[1]).await.unwrap());
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn client(number: u8) -> std::net::IpAddr {
    [192, 0, 2, number].into()
}

fn announced(name: &str, second: i64) -> Announced {
    Announced {
        cid: cid_of(name.as_bytes()),
        brought_at: at(second),
    }
}
