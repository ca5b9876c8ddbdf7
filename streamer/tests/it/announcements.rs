//! Announcements that anybody may bring: how many, and for how long.

use alloy::providers::Provider;
use jiff::Timestamp;
use paystream_streamer::store::block::cid_of;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::stack::{OPERATOR_TOKEN, Proxy, Stack, Streamer, until};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn announcement(title: &str) -> Value {
    json!({"type": "paystream/announcement", "title": title, "description": ""})
}

async fn announce(streamer: &Streamer, title: &str) -> String {
    let (status, stored) = streamer
        .post("/v1/announcements", &announcement(title))
        .await;
    assert_eq!(status, 201, "{stored}");
    stored["cid"].as_str().unwrap().to_owned()
}

async fn pins(streamer: &Streamer) -> Value {
    let (_, storage) = streamer.get_as(OPERATOR_TOKEN, "/v1/storage").await;
    storage["pins"].clone()
}

async fn library(stack: &Stack) -> SqliteConnection {
    let path = stack.data.path().join("streamer/library.sqlite");
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// The announcements that wait.
async fn waiting(stack: &Stack) -> Vec<String> {
    sqlx::query_scalar("select cid from announcements")
        .fetch_all(&mut library(stack).await)
        .await
        .unwrap()
}

/// Starts the streamer again when these announcements were brought so many seconds ago, and waits until only some wait.
async fn go_by(stack: &mut Stack, brought: &[(&str, i64)], left: &[&str]) {
    assert!(stack.streamer.terminate());
    let now = Timestamp::now().as_millisecond();
    for (cid, seconds) in brought {
        sqlx::query("update announcements set brought_at = ? where cid = ?")
            .bind(now - seconds * 1000)
            .bind(*cid)
            .execute(&mut library(stack).await)
            .await
            .unwrap();
    }
    stack.restart_streamer(&[]).await;
    let stack = &*stack;
    until("only those wait", || async {
        (waiting(stack).await == left).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_announcement_that_nobody_registers_is_let_go_and_one_that_is_registered_stays() {
    let mut stack = Stack::start().await;
    let registered = announce(&stack.streamer, "A concert").await;
    let spam = announce(&stack.streamer, "Spam").await;
    let fresh = announce(&stack.streamer, "Tomorrow").await;
    stack.chain.register(&registered, 20_000).await;
    assert_eq!(pins(&stack.streamer).await, 3);

    let gone = [(&registered[..], DAY + HOUR), (&spam[..], DAY + HOUR)];
    go_by(&mut stack, &gone, &[&fresh]).await;
    assert_eq!(pins(&stack.streamer).await, 2);
    assert_eq!(announce(&stack.streamer, "A concert").await, registered);
    let path = format!("/ipfs/{registered}");
    assert_eq!(stack.streamer.get(&path).await.0, 200);
    assert_eq!(pins(&stack.streamer).await, 2);
}

#[tokio::test]
async fn an_announcement_that_was_registered_long_before_it_was_brought_stays() {
    let mut stack = Stack::start().await;
    let document = serde_json::to_vec(&announcement("A concert")).unwrap();
    let registered = cid_of(&document).to_string();
    stack.chain.register(&registered, 20_000).await;
    stack.chain.call("anvil_mine", json!(["0x12c"])).await;
    // A node that answers little at once.
    let proxy = Proxy::start(stack.chain.port).await;
    proxy.answer_ranges_of(50);
    stack.chain.rpc_port = proxy.port;
    assert_eq!(announce(&stack.streamer, "A concert").await, registered);
    let spam = announce(&stack.streamer, "Spam").await;
    let gone = [(&registered[..], DAY + HOUR), (&spam[..], DAY + HOUR)];
    go_by(&mut stack, &gone, &[]).await;
    assert_eq!(pins(&stack.streamer).await, 1);
    let searched = async || -> i64 {
        sqlx::query_scalar("select block from searched_registries")
            .fetch_one(&mut library(&stack).await)
            .await
            .unwrap()
    };
    let head = stack.chain.provider.get_block_number().await.unwrap();
    assert_eq!(searched().await, i64::try_from(head).unwrap() - 128);
    let path = format!("/ipfs/{registered}");
    assert_eq!(stack.streamer.get(&path).await.0, 200);
}

#[tokio::test]
async fn a_node_that_is_behind_lets_go_only_of_what_was_over_by_its_newest_block() {
    let now = Timestamp::now().as_second();
    let mut stack = Stack::begun_at(now - 2 * HOUR).await;
    let spam = announce(&stack.streamer, "Spam").await;
    let older = announce(&stack.streamer, "Older spam").await;
    let over = [(&spam[..], DAY + HOUR), (&older[..], DAY + 3 * HOUR)];
    go_by(&mut stack, &over, &[&spam]).await;
    assert_eq!(pins(&stack.streamer).await, 1);

    // It has caught up.
    let caught_up = json!([Timestamp::now().as_second()]);
    stack.chain.call("evm_mine", caught_up).await;
    go_by(&mut stack, &[], &[]).await;
    assert_eq!(pins(&stack.streamer).await, 0);
}

#[tokio::test]
async fn who_brings_too_many_announcements_is_refused_and_others_are_not() {
    let stack = Stack::with(&["--trust-forwarded-for"]).await;
    let streamer = &stack.streamer;
    let post = async |client: &str, title: &str| {
        let request = streamer
            .http
            .post(format!("{}/v1/announcements", streamer.url));
        let request = request.header("x-forwarded-for", client);
        let response = request.json(&announcement(title)).send().await.unwrap();
        response.status().as_u16()
    };
    for number in 0..60 {
        assert_eq!(post("192.0.2.1", &number.to_string()).await, 201);
    }
    assert_eq!(post("192.0.2.1", "one more").await, 429);
    assert_eq!(post("192.0.2.2", "another's").await, 201);
}
