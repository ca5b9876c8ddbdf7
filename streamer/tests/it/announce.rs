//! What the streamer tells the world of its streams.

use std::sync::{Arc, Mutex};

use alloy::primitives::B256;
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::stack::{OPERATOR_TOKEN, Plan, Stack, until};

type Beats = Arc<Mutex<Vec<B256>>>;

async fn note(State(beats): State<Beats>, Json(heartbeat): Json<Value>) {
    let content = serde_json::from_value(heartbeat["content_id"].clone()).unwrap();
    beats.lock().unwrap().push(content);
}

/// An address that notes whose heartbeats come; whether they are good is tested with the indexer.
async fn listen() -> (String, Beats) {
    let beats = Beats::default();
    let router = Router::new().route("/v1/heartbeats", post(note));
    let address = serve(router.with_state(Arc::clone(&beats))).await;
    (address, beats)
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_waits_for_its_block_holds_up_no_other_streams_heartbeats() {
    let (indexer, beats) = listen().await;
    let stack = Stack::with(&["--indexer-url", &indexer, "--heartbeat-seconds", "1"]).await;
    let (content, other) = (stack.chain.content, stack.chain.free_content);
    let count = |content: B256| {
        let beats = beats.lock().unwrap();
        beats.iter().filter(|beat| **beat == content).count()
    };
    let _first = stack.publish(content).await;
    until("the first stream is announced", || async {
        (count(content) > 0).then_some(())
    })
    .await;

    stack.chain.call("evm_setAutomine", json!([false])).await;
    let _second = stack.publish(other).await;
    until("its registration waits for a block", || async {
        let pool = stack.chain.call("txpool_status", json!([])).await;
        (pool["pending"] == json!("0x1")).then_some(())
    })
    .await;
    let before = count(content);
    until("the first stream is announced again and again", || async {
        (count(content) >= before + 3).then_some(())
    })
    .await;
    assert_eq!(count(other), 0, "what is not registered is not announced");

    stack.chain.call("evm_mine", json!([])).await;
    until("the second stream is announced", || async {
        (count(other) > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_video_is_announced_while_it_is_registered_and_here() {
    let (indexer, beats) = listen().await;
    let plan = Plan {
        seconds: 4,
        msat_per_second: 20_000,
        free: false,
    };
    let arguments = ["--indexer-url", &indexer, "--heartbeat-seconds", "1"];
    let (stack, film) = Stack::with_film(plan, &arguments).await;
    let live = stack.chain.content;
    let count = |content: B256| {
        let beats = beats.lock().unwrap();
        beats.iter().filter(|beat| **beat == content).count()
    };
    let more_of = async |content: B256| {
        let before = count(content);
        until("it is announced again and again", || async {
            (count(content) >= before + 3).then_some(())
        })
        .await;
    };
    let _publisher = stack.publish(live).await;
    more_of(live).await;
    assert_eq!(count(film.content), 0, "it is not registered yet");

    // A question about it makes it known here under this content, as every viewer does.
    let offer = format!("/v1/contents/{}/offer", film.content);
    assert_eq!(stack.streamer.get(&offer).await.0, 200);
    let body = json!({"content_id": film.content});
    let (status, answer) = (stack.streamer)
        .post_as(OPERATOR_TOKEN, "/register", &body)
        .await;
    assert_eq!(status, 200, "{answer}");
    more_of(film.content).await;

    let (_, listed) = stack.streamer.get_as(OPERATOR_TOKEN, "/v1/items").await;
    let item = listed["items"][0]["item_id"].as_str().unwrap();
    let url = format!("{}/v1/items/{item}", stack.streamer.url);
    let removed = stack.streamer.http.delete(url).bearer_auth(OPERATOR_TOKEN);
    assert_eq!(removed.send().await.unwrap().status(), 204);
    // The round that is under way may still tell of it.
    more_of(live).await;
    let last = count(film.content);
    more_of(live).await;
    assert_eq!(count(film.content), last, "it is gone");
}

/// Takes a heartbeat, and never answers.
async fn ponder(State(beats): State<Beats>, heartbeat: Json<Value>) {
    note(State(beats), heartbeat).await;
    std::future::pending().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_end_with_the_streamer_also_when_the_indexer_does_not_answer_one() {
    let beats = Beats::default();
    let router = Router::new().route("/v1/heartbeats", post(ponder));
    let indexer = serve(router.with_state(Arc::clone(&beats))).await;
    let arguments = ["--indexer-url", &indexer, "--heartbeat-seconds", "1"];
    let mut stack = Stack::with(&arguments).await;
    let _publisher = stack.publish(stack.chain.content).await;
    until("a heartbeat is under way", || async {
        (!beats.lock().unwrap().is_empty()).then_some(())
    })
    .await;
    let (before, asked) = (beats.lock().unwrap().len(), Instant::now());
    assert!(stack.streamer.terminate());
    // It would wait five seconds for an answer.
    assert!(asked.elapsed() < Duration::from_secs(4));
    assert_eq!(beats.lock().unwrap().len(), before);
}
