//! The Ethereum node goes away in mid-session and comes back.

use serde_json::{Value, json};

use crate::stack::{Opened, Stack, Watcher, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_without_the_ethereum_node_and_offers_come_back_with_it() {
    let stack = Stack::start().await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let offer = format!("/v1/contents/{content}/offer");
    let _publisher = stack.publish(content).await;
    let opened = Opened::funded(&stack, 100_000).await;
    let (mut socket, started) = opened.session(streamer).await;
    let watcher = Watcher::join(streamer, content, &started).await;
    socket.pay(&opened, 1, 10_000).await;
    watcher.sees_more().await;

    stack.chain.stop();
    let refused = until("offers are refused", || async {
        let url = format!("{}{offer}", streamer.url);
        let response = streamer.http.get(url).send().await.unwrap();
        (response.status() == 503).then_some(response)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "unavailable");
    assert_eq!(streamer.ready().await, 503);
    let body = json!({"content_id": content, "viewer_key": opened.terms.viewer_key.to_string(), "change_script": crate::stack::CHANGE});
    let (status, problem) = streamer.post("/v1/channels", &body).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));

    socket.pay(&opened, 2, 11_000).await;
    watcher.sees_more().await;
    let (mut again, _) = opened.session(streamer).await;
    assert_eq!(socket.expect("end").await["reason"], "replaced");
    again.pay(&opened, 3, 12_000).await;

    stack.chain.start_again().await;
    streamer.becomes_ready().await;
    let (status, offered) = streamer.get(&offer).await;
    assert_eq!(status, 200, "{offered}");
    Opened::open(streamer, content).await;
    again.send(&json!({"type": "leave"})).await;
    let end = again.expect("end").await;
    stack
        .bitcoin
        .confirmed(end["closing_txid"].as_str().unwrap())
        .await;
}
