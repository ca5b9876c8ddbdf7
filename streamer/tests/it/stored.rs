//! Stored video, paid block by block: what is given before it is paid, and what ends a reading.

use std::time::Duration;

use paystream_streamer::store::dag::Walk;
use serde_json::json;

use crate::stack::{Opened, Plan, Reader, Seen, Stack, StoredFilm};

/// Long enough that whatever is to come has come.
const QUIET: Duration = Duration::from_millis(1500);
/// Longer than any pause between two dues.
const PATIENT: Duration = Duration::from_secs(10);
const TICK_MS: u64 = 1000;
const PLAN: Plan = Plan {
    seconds: 30,
    msat_per_second: 20_000,
    free: false,
};

fn trusted(film: &StoredFilm) -> u64 {
    (2 * TICK_MS).max(film.dearest_ms())
}

fn whole(film: &StoredFilm) -> Walk {
    Walk::once(film.film.root, 0..u64::MAX)
}

fn from(film: &StoredFilm, byte: u64) -> Walk {
    Walk::once(film.film.root, byte..u64::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_offered_read_and_paid_block_by_block_to_the_last_satoshi() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let cid = film.film.root.to_string();

    let (_, offer) = streamer
        .get(&format!("/v1/contents/{}/offer", film.content))
        .await;
    assert_eq!(offer["stored"]["cid"], cid);
    assert_eq!(offer["stored"]["size"], film.film.size);
    assert_eq!(offer["stored"]["picture"], film.picture.to_string());
    assert_eq!(offer["stored"]["free"], false);
    let url = format!("{}/ipfs/{cid}?format=car", streamer.url);
    let refused = streamer.http.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 402);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Payment "), "{challenge}");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "payment_required");
    assert_eq!(problem["offer"]["stored"]["cid"], cid);
    let (leaf, _) = film.leaves()[3];
    let (status, _) = streamer.get(&format!("/ipfs/{leaf}?format=raw")).await;
    assert_eq!(status, 404, "nobody reads a priced leaf without a session");

    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    assert_eq!(reader.get(streamer, "").await.status(), 406);
    let mut car = reader.car(streamer, "0:*").await;
    let seen = reader.read(&mut car, &mut whole(&film), PATIENT).await;
    assert_eq!(seen, Seen::Whole);
    reader.listen(QUIET).await;
    let duration = film.film.timeline.duration_ms();
    assert_eq!(reader.checked_ms, duration);
    let read: Vec<u8> = reader
        .leaves
        .iter()
        .flat_map(|(_, bytes)| bytes.to_vec())
        .collect();
    assert_eq!(read, film.bytes);
    let price = (duration * PLAN.msat_per_second).div_ceil(1_000_000);
    assert_eq!(reader.paid_sat, price);
    assert!(reader.most_on_trust_ms <= trusted(&film));
    let dues = reader.dues.len();
    assert_eq!(reader.listen(QUIET).await, None);
    assert_eq!(reader.dues.len(), dues, "nothing is due while nobody reads");

    // A leaf that is read again is paid again, one by one too.
    let (leaf, bytes) = film.leaves()[5].clone();
    let url = format!("{}/ipfs/{leaf}?format=raw", streamer.url);
    let raw = streamer
        .http
        .get(url)
        .bearer_auth(&reader.token)
        .send()
        .await
        .unwrap();
    assert_eq!(raw.headers()["cache-control"], "private, no-store");
    let range = usize::try_from(bytes.start).unwrap()..usize::try_from(bytes.end).unwrap();
    assert_eq!(raw.bytes().await.unwrap(), film.bytes[range]);
    reader.checked_ms += film.film.timeline.cost(bytes.start, bytes.end);
    reader.listen(QUIET).await;
    let again = duration + film.film.timeline.cost(bytes.start, bytes.end);
    assert_eq!(
        reader.paid_sat,
        (again * PLAN.msat_per_second).div_ceil(1_000_000)
    );

    reader.socket.send(&json!({"type": "leave"})).await;
    assert_eq!(reader.listen(PATIENT).await.as_deref(), Some("left"));
    opened.becomes(streamer, "closing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_pay_gets_two_ticks_and_goes_on_where_it_stopped_when_it_pays() {
    let (stack, film) = Stack::with_film(PLAN, &["--idle-close-seconds", "20"]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    reader.pays = false;
    let (mut car, mut walk) = (reader.car(streamer, "0:*").await, whole(&film));
    let seen = reader.read(&mut car, &mut walk, QUIET).await;
    assert_eq!(seen, Seen::Stall);
    assert!(reader.checked_ms > 0 && reader.checked_ms <= trusted(&film));
    assert!(
        reader
            .dues
            .iter()
            .all(|(_, covers)| *covers <= reader.checked_ms)
    );

    // Another response of the session gets nothing beyond that either.
    let before = reader.checked_ms;
    let mut other = reader.car(streamer, "4000000:*").await;
    let seen = reader
        .read(&mut other, &mut from(&film, 4_000_000), QUIET)
        .await;
    assert_eq!(seen, Seen::Stall);
    assert!(
        reader.checked_ms <= trusted(&film),
        "{before} and {}",
        reader.checked_ms
    );
    drop(other);

    reader.pays = true;
    let seen = reader.read(&mut car, &mut walk, PATIENT).await;
    assert_eq!(seen, Seen::Whole);
    assert!(reader.most_on_trust_ms <= trusted(&film));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeking_breaks_responses_off_and_the_session_goes_on() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    let last = film.leaves().len() - 1;
    for leaf in [10, 40, 20, last] {
        let from_byte = film.leaves()[leaf.min(last)].1.start;
        let mut car = reader.car(streamer, &format!("{from_byte}:*")).await;
        let mut walk = from(&film, from_byte);
        let had = reader.leaves.len();
        while reader.leaves.len() < had + 3.min(last - leaf.min(last) + 1) {
            let seen = reader
                .read(&mut car, &mut walk, Duration::from_millis(300))
                .await;
            assert!(matches!(seen, Seen::Stall | Seen::Whole), "{seen:?}");
        }
        assert_eq!(reader.leaves[had].0, from_byte);
    }
    assert!(reader.most_on_trust_ms <= trusted(&film));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_cannot_pay_the_next_leaf_is_exhausted_with_nothing_owed() {
    let plan = Plan {
        msat_per_second: 1_000_000,
        ..PLAN
    };
    let (stack, film) = Stack::with_film(plan, &[]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 12_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    let mut car = reader.car(streamer, "0:*").await;
    let seen = reader.read(&mut car, &mut whole(&film), PATIENT).await;
    let reason = match seen {
        Seen::End(reason) => Some(reason),
        Seen::Cut => reader.listen(PATIENT).await,
        Seen::Whole | Seen::Stall => panic!("{seen:?}"),
    };
    assert_eq!(reason.as_deref(), Some("exhausted"));
    assert_eq!(reader.paid_sat, reader.checked_ms, "at 1 sat a millisecond");
    assert!(reader.paid_sat > 12_000 - 316 - 294 - film.dearest_ms());
    let refused = reader.get(streamer, "format=car").await;
    assert_eq!(refused.status(), 402, "the token ends with the session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_leaves_too_much_unpaid_is_refused() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut unpaid = 0;
    loop {
        let mut reader = Reader::start(streamer, &opened, &film).await;
        reader.pays = false;
        let mut car = reader.car(streamer, "1000000:*").await;
        reader
            .read(&mut car, &mut from(&film, 1_000_000), QUIET)
            .await;
        unpaid += reader.checked_ms;
        // The next start takes this session's place, and it has written down what it leaves before that answers.
        if unpaid > (16 * TICK_MS).max(2 * film.dearest_ms()) {
            break;
        }
        assert!(unpaid < 100 * TICK_MS);
    }
    let (mut socket, nonce) = crate::stack::Socket::connect(streamer).await;
    let code = socket.refused(&opened.start_message(&nonce)).await;
    assert_eq!(code, "payment_required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_blocks_that_did_not_arrive_are_asked_for_again_and_paid_once() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    let token = reader.token.clone();
    let raw = async |leaf: &cid::Cid| {
        let url = format!("{}/ipfs/{leaf}?format=raw", streamer.url);
        let request = streamer.http.get(url).bearer_auth(&token);
        request.send().await.unwrap()
    };
    let leaves = &film.leaves()[3..6];
    for (leaf, _) in leaves {
        drop(raw(leaf).await);
    }
    // A due that nobody pays is repeated each tick.
    let _ = tokio::time::timeout(QUIET, reader.listen(PATIENT)).await;
    assert!(!reader.dues.is_empty(), "they were sent");
    assert_eq!(reader.paid_sat, 0);
    for (leaf, bytes) in leaves {
        let length = raw(leaf).await.bytes().await.unwrap().len() as u64;
        assert_eq!(length, bytes.end - bytes.start);
        reader.checked_ms += film.film.timeline.cost(bytes.start, bytes.end);
        reader.listen(Duration::from_millis(200)).await;
    }
    reader.listen(QUIET).await;
    let price = (reader.checked_ms * PLAN.msat_per_second).div_ceil(1_000_000);
    assert_eq!(reader.paid_sat, price);
    let mut car = reader.car(streamer, "0:*").await;
    let seen = reader.read(&mut car, &mut whole(&film), PATIENT).await;
    assert_eq!(seen, Seen::Whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_gives_little_of_what_was_paid_ahead_a_second_time() {
    let arguments = ["--tick-ms", "500"];
    let (mut stack, film) = Stack::with_film(PLAN, &arguments).await;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(&stack.streamer, &opened, &film).await;
    let duration = film.film.timeline.duration_ms();
    let all = (duration * PLAN.msat_per_second).div_ceil(1_000_000);
    reader.socket.pay(&opened, 1, all).await;
    reader.paid_sat = all;
    let mut car = reader.car(&stack.streamer, "0:*").await;
    let seen = reader.read(&mut car, &mut whole(&film), PATIENT).await;
    assert_eq!(seen, Seen::Whole);
    assert_eq!(reader.checked_ms, duration);
    stack.streamer.kill();
    stack.restart_streamer(&arguments).await;
    let again = Reader::start(&stack.streamer, &opened, &film).await;
    assert_eq!(again.paid_sat, all);
    let borne = (16 * 500).max(film.dearest_ms());
    assert!(again.credit_ms <= borne, "{} ms of credit", again.credit_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_is_never_sent_and_nothing_is_due_for_it() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded_for(&stack, film.content, 100_000).await;
    let mut reader = Reader::start(streamer, &opened, &film).await;
    let (cid, bytes) = film.leaves()[8].clone();
    let block = film.blocks.iter().find(|block| block.cid == cid).unwrap();
    stack.damage(&block.block);

    let mut car = reader.car(streamer, "0:*").await;
    let seen = reader.read(&mut car, &mut whole(&film), PATIENT).await;
    assert_eq!(seen, Seen::Cut);
    let before = film.film.timeline.cost(0, bytes.start);
    reader.listen(QUIET).await;
    assert_eq!(reader.checked_ms, before);
    assert!(reader.dues.iter().all(|(_, covers)| *covers <= before));

    // When nothing has been sent yet it is an error that says so.
    let query = format!("format=car&entity-bytes={}:*", bytes.start);
    let refused = reader.get(streamer, &query).await;
    assert_eq!(refused.status(), 502);
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "content_damaged");
    reader.listen(QUIET).await;
    assert!(reader.dues.iter().all(|(_, covers)| *covers <= before));

    // What lies behind it can still be read.
    let mut car = reader.car(streamer, &format!("{}:*", bytes.end)).await;
    let seen = reader
        .read(&mut car, &mut from(&film, bytes.end), PATIENT)
        .await;
    assert_eq!(seen, Seen::Whole);
}
