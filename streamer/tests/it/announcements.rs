//! Announcements that anybody may bring: how many, and for how long.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::stack::{OPERATOR_TOKEN, Stack, Streamer};

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

#[tokio::test]
async fn an_announcement_that_nobody_registers_is_let_go_and_one_that_is_registered_stays() {
    let mut stack = Stack::start().await;
    let registered = announce(&stack.streamer, "A concert").await;
    announce(&stack.streamer, "Spam").await;
    let fresh = announce(&stack.streamer, "Tomorrow").await;
    stack.chain.register(&registered, 20_000).await;
    assert_eq!(pins(&stack.streamer).await, 3);

    // More than a day goes by for two of them, and for one it begins again.
    assert!(stack.streamer.terminate());
    let path = stack.data.path().join("streamer/library.sqlite");
    let options = SqliteConnectOptions::new().filename(path);
    let mut library = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("update announcements set brought_at = brought_at - 90000000 where cid <> ?")
        .bind(&fresh)
        .execute(&mut library)
        .await
        .unwrap();
    stack.restart_streamer(&[]).await;
    let mut waiting: Vec<String> = Vec::new();
    for _ in 0..600 {
        waiting = sqlx::query_scalar("select cid from announcements")
            .fetch_all(&mut library)
            .await
            .unwrap();
        if waiting.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(waiting, [fresh]);
    assert_eq!(pins(&stack.streamer).await, 2);
    assert_eq!(announce(&stack.streamer, "A concert").await, registered);
    let path = format!("/ipfs/{registered}");
    assert_eq!(stack.streamer.get(&path).await.0, 200);
    assert_eq!(pins(&stack.streamer).await, 2);
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
