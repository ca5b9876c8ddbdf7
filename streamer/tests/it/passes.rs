use alloy::primitives::B256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

use crate::stack::{OPERATOR_TOKEN, Proxy, Stack, Streamer, Token, Watcher, until};

/// A message to watch a content, signed.
pub async fn message(streamer: &Streamer, content: B256, viewer: &PrivateKeySigner) -> Value {
    let ask = json!({"address": viewer.address(), "purpose": "view", "content_id": content});
    let (status, challenge) = streamer.post("/v1/challenges", &ask).await;
    assert_eq!(status, 200, "{challenge}");
    let message = challenge["message"].as_str().unwrap();
    let signature = viewer.sign_message_sync(message.as_bytes()).unwrap();
    json!({"message": message, "signature": signature.to_string()})
}

#[tokio::test]
async fn a_view_on_chain_opens_the_live_stream_to_its_viewer_and_to_nobody_else() {
    let mut stack = Stack::start().await;
    let token = Token::deploy(&stack).await;
    // A node that answers little at once.
    let proxy = Proxy::start(stack.chain.port).await;
    proxy.answer_ranges_of(3);
    stack.chain.rpc_port = proxy.port;
    stack.streamer.kill();
    stack.restart_streamer(&[]).await;
    let (streamer, content) = (&stack.streamer, token.content);
    let (viewer, stranger) = (token.viewer(1).await, PrivateKeySigner::random());
    let ask = async |body: &Value| streamer.post("/v1/view-passes", body).await;

    // Before it is on chain the message stays good; a wrong signature is no reason to look.
    let early = message(streamer, content, &viewer).await;
    let (status, problem) = ask(&early).await;
    assert_eq!((status, &problem["code"]), (409, &json!("view_not_found")));
    let mut forged = early.clone();
    forged["signature"] = message(streamer, content, &stranger).await["signature"].clone();
    assert_eq!(ask(&forged).await.0, 401);

    let (status, relay) = streamer
        .post("/api/record-view", &token.view(&viewer))
        .await;
    assert!(matches!(status, 200 | 202), "{relay}");
    let pass = until("the view is on chain", || async {
        let (status, pass) = ask(&early).await;
        (status == 200).then_some(pass)
    })
    .await;
    let expires: jiff::Timestamp = pass["expires_at"].as_str().unwrap().parse().unwrap();
    let left = expires.as_second() - jiff::Timestamp::now().as_second();
    assert!((86_000..=86_400 + 60).contains(&left), "{left} s");

    // Used up; not another account's; not of another content.
    assert_eq!(ask(&early).await.0, 401);
    let theirs = message(streamer, content, &stranger).await;
    assert_eq!(ask(&theirs).await.0, 409);
    let elsewhere = message(streamer, stack.chain.content, &viewer).await;
    assert_eq!(ask(&elsewhere).await.0, 409);

    let _publisher = stack.publish(content).await;
    let started = json!({"media_token": pass["token"]});
    let watcher = Watcher::join(streamer, content, &started).await;
    watcher.sees_more().await;
    let other = streamer
        .http
        .post(format!("{}/whep/{}", streamer.url, stack.chain.content))
        .bearer_auth(pass["token"].as_str().unwrap());
    assert_eq!(other.send().await.unwrap().status(), 402);
    let (_, sessions) = streamer.get_as(OPERATOR_TOKEN, "/v1/sessions").await;
    assert_eq!(sessions["passes"], 1);
}

#[tokio::test]
async fn a_client_that_asks_for_passes_without_end_is_told_to_wait() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    let viewer = PrivateKeySigner::random();
    let body = message(streamer, stack.chain.content, &viewer).await;
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..250 {
        let (status, _) = streamer.post("/v1/view-passes", &body).await;
        *answers.entry(status).or_insert(0) += 1;
    }
    assert!(answers[&409] >= 240, "{answers:?}");
    assert!(answers[&429] >= 1, "{answers:?}");
}
