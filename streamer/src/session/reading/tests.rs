use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::meter::{ChannelCondition, Delivery, Settings};
use crate::store::block::cid_of;

fn reading() -> Arc<Reading> {
    let mut meter = Meter::new(Settings {
        delivery: Delivery::Blocks,
        tick_ms: 1000,
        msat_per_second: 20_000,
        base_sat: 0,
        credit_ms: 0,
        preview_ms: 0,
        debt: Debt::default(),
    });
    meter.channel(ChannelCondition::Open, 100_000);
    Reading::new(Some(cid_of(b"a film")), meter)
}

/// A leaf that costs so much, and stands where no other does.
fn leaf(ms: u64) -> Leaf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    Leaf { start, ms }
}

async fn waits(reserve: impl Future<Output = Result<(), Ended>>) -> bool {
    tokio::time::timeout(Duration::from_millis(20), reserve)
        .await
        .is_err()
}

#[tokio::test]
async fn responses_of_a_session_share_what_is_given_on_trust() {
    let reading = reading();
    let (mut first, mut second) = (reading.respond().unwrap(), reading.respond().unwrap());
    first.reserve(leaf(1500)).await.unwrap();
    assert!(waits(second.reserve(leaf(600))).await);
    second.reserve(leaf(500)).await.unwrap();
    assert!(waits(first.reserve(leaf(1))).await);
    assert_eq!(reading.with_meter(|meter| meter.owed_ms()), 2000);
}

#[tokio::test]
async fn a_payment_wakes_those_who_wait_and_one_of_them_gets_the_leaf() {
    let reading = reading();
    let mut waiting = Vec::new();
    reading
        .respond()
        .unwrap()
        .reserve(leaf(2000))
        .await
        .unwrap();
    // Broken off above: what it left is written off, so the next ones begin anew.
    let mut holder = reading.respond().unwrap();
    holder.reserve(leaf(2000)).await.unwrap();
    for _ in 0..3 {
        let mut response = reading.respond().unwrap();
        waiting.push(tokio::spawn(async move {
            response.reserve(leaf(2000)).await.map(|()| response)
        }));
    }
    while reading.lock().waiting.len() < 3 {
        reading.news().await;
    }
    let mut paid = 0;
    while !waiting.is_empty() {
        paid += 40;
        reading.with_meter(|meter| meter.paid(paid));
        let (response, _, rest) = futures::future::select_all(waiting).await;
        let mut response = response.unwrap().unwrap();
        assert_eq!(reading.with_meter(|meter| meter.owed_ms()), 2000);
        response.complete();
        waiting = rest;
    }
}

#[tokio::test]
async fn the_end_of_the_session_cuts_off_all_that_wait_and_leaves_a_debt() {
    let reading = reading();
    let mut response = reading.respond().unwrap();
    response.reserve(leaf(12_000)).await.unwrap();
    let mut other = reading.respond().unwrap();
    let waiting = tokio::spawn(async move { other.reserve(leaf(1)).await });
    while reading.lock().waiting.is_empty() {
        reading.news().await;
    }
    assert_eq!(
        reading.end(),
        Debt {
            unpaid_ms: 12_000,
            dearest_leaf_ms: 12_000
        }
    );
    assert_eq!(waiting.await.unwrap(), Err(Ended));
    assert_eq!(response.reserve(leaf(0)).await, Err(Ended));
    assert_eq!(reading.respond().unwrap_err().code(), Code::PaymentRequired);
}

#[tokio::test]
async fn a_session_has_few_responses_at_a_time_and_gets_their_places_back() {
    let reading = reading();
    let mut open: Vec<_> = (0..MAX_RESPONSES)
        .map(|_| reading.respond().unwrap())
        .collect();
    assert_eq!(reading.respond().unwrap_err().code(), Code::RateLimited);
    assert_eq!(reading.condition(), MediaCondition::Flowing);
    open.pop();
    assert!(reading.respond().is_ok());
    open.clear();
    assert_eq!(reading.condition(), MediaCondition::Waiting);
}

#[tokio::test]
async fn only_the_unpaid_leaves_of_a_broken_response_are_written_off() {
    let reading = reading();
    let (mut broken, mut other) = (reading.respond().unwrap(), reading.respond().unwrap());
    broken.reserve(leaf(2000)).await.unwrap();
    reading.with_meter(|meter| meter.paid(40));
    other.reserve(leaf(700)).await.unwrap();
    broken.reserve(leaf(300)).await.unwrap();
    other.reserve(leaf(900)).await.unwrap();
    drop(broken);
    assert_eq!(reading.with_meter(|meter| meter.owed_ms()), 1600);
    other.complete();
    drop(other);
    assert_eq!(reading.with_meter(|meter| meter.owed_ms()), 1600);
    assert_eq!(reading.end().unpaid_ms, 1900);
}

#[tokio::test]
async fn a_leaf_that_did_not_arrive_is_asked_for_again_and_owed_once() {
    let reading = reading();
    let lost = leaf(2000);
    let mut raw = reading.respond().unwrap();
    raw.reserve(lost).await.unwrap();
    raw.complete();
    drop(raw);
    let mut again = reading.respond().unwrap();
    again.reserve(lost).await.unwrap();
    assert_eq!(reading.with_meter(|meter| meter.owed_ms()), 2000);
    assert_eq!(reading.end().unpaid_ms, 4000);
}
