//! Stored video that was bought as a view: read without a meter, by whoever bought it, for as long as the view lasts.

use alloy::primitives::{Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use jiff::Timestamp;
use paystream_contracts::EarningsSplitter;
use serde_json::json;

use crate::passes::message;
use crate::stack::{Car, OPERATOR_TOKEN, PROVIDER, Plan, Stack, Streamer, until};

const PLAN: Plan = Plan {
    seconds: 30,
    msat_per_second: 20_000,
    free: false,
};
/// A view opens its content for so many seconds.
const DAY: i64 = 24 * 3600;
/// What is left of the view in a test of its end.
const LEFT: i64 = 20;

/// Registers the streamer's stream of a content, and records a view of it.
async fn buy(stack: &Stack, content: B256, viewer: Address) {
    let body = json!({"content_id": content});
    let (status, answer) = (stack.streamer)
        .post_as(OPERATOR_TOKEN, "/register", &body)
        .await;
    assert_eq!(status, 200, "{answer}");
    let provider: PrivateKeySigner = PROVIDER.parse().unwrap();
    let splitter = stack.chain.deployed.splitter;
    let splitter = EarningsSplitter::new(splitter, stack.chain.provider.clone());
    let price = U256::ONE;
    let call = splitter.recordView(content, provider.address(), viewer, price);
    let sent = call.value(price).send().await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
}

async fn pass(streamer: &Streamer, content: B256, viewer: &PrivateKeySigner) -> String {
    let ask = message(streamer, content, viewer).await;
    let pass = until("the view is seen", || async {
        let (status, pass) = streamer.post("/v1/view-passes", &ask).await;
        (status == 200).then_some(pass)
    })
    .await;
    pass["token"].as_str().unwrap().to_owned()
}

async fn get(streamer: &Streamer, pass: &str, path: &str) -> reqwest::Response {
    let request = streamer.http.get(format!("{}/ipfs/{path}", streamer.url));
    request.bearer_auth(pass).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bought_view_opens_its_video_in_blocks_and_no_other_pass_does() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let viewer = PrivateKeySigner::random();
    buy(&stack, film.content, viewer.address()).await;
    buy(&stack, stack.chain.content, viewer.address()).await;
    let token = pass(streamer, film.content, &viewer).await;
    let elsewhere = pass(streamer, stack.chain.content, &viewer).await;
    let (whole, root) = (
        format!("{}?format=car", film.film.root),
        film.film.root.to_string(),
    );
    let (leaf, bytes) = film.leaves()[3].clone();
    let leaf = format!("{leaf}?format=raw");

    let car = get(streamer, &token, &whole).await;
    assert_eq!(car.status(), 200);
    assert_eq!(car.headers()["cache-control"], "private, no-store");
    let all: Vec<_> = film
        .blocks
        .iter()
        .map(|block| block.cid.to_string())
        .collect();
    assert_eq!(Car::new(car).cids().await, all);
    let raw = get(streamer, &token, &leaf).await;
    let range = usize::try_from(bytes.start).unwrap()..usize::try_from(bytes.end).unwrap();
    assert_eq!(raw.bytes().await.unwrap(), film.bytes[range]);
    assert_eq!(get(streamer, &token, &root).await.status(), 406);

    // A view of another content, or none, opens nothing here.
    for token in [elsewhere.as_str(), "", "0f1e2d"] {
        assert_eq!(get(streamer, token, &whole).await.status(), 402);
        assert_eq!(get(streamer, token, &leaf).await.status(), 404);
    }
    let stranger = PrivateKeySigner::random();
    let theirs = message(streamer, film.content, &stranger).await;
    let (status, problem) = streamer.post("/v1/view-passes", &theirs).await;
    assert_eq!((status, &problem["code"]), (409, &json!("view_not_found")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_view_opens_is_cut_off_when_the_view_ends() {
    // The chain's clock is a day behind, but for a few seconds; so the view is as old as that when it is bought.
    let begun_at = Timestamp::now().as_second() - DAY + LEFT;
    let (stack, film) = Stack::with_film_since(Some(begun_at), PLAN, &[]).await;
    let streamer = &stack.streamer;
    let viewer = PrivateKeySigner::random();
    buy(&stack, film.content, viewer.address()).await;
    let token = pass(streamer, film.content, &viewer).await;
    let whole = format!("{}?format=car", film.film.root);
    let mut car = Car::new(get(streamer, &token, &whole).await);
    assert!(car.next().await.unwrap().is_some());
    let mut read = 1;
    until("the view has ended", || async {
        let again = get(streamer, &token, &format!("{whole}&dag-scope=block")).await;
        (again.status() == 402).then_some(())
    })
    .await;
    let end = loop {
        match car.next().await {
            Ok(Some(_)) => read += 1,
            end => break end,
        }
    };
    assert!(end.is_err(), "it is no whole answer");
    assert!(read < film.blocks.len());
}
