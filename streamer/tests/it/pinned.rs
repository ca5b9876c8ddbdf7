//! A video that was pinned by hand, and that the operator takes in.

use std::process::Command;

use serde_json::json;

use crate::stack::{OPERATOR_TOKEN, Plan, Stack, until};

const PLAN: Plan = Plan {
    seconds: 6,
    msat_per_second: 20_000,
    free: false,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_video_that_was_pinned_by_hand_is_served_once_the_operator_takes_it_in() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let streamer = &stack.streamer;
    let offer = format!("/v1/contents/{}/offer", film.content);
    let cid = film.film.root.to_string();

    // Nothing is here of it but its creator's registration.
    let (_, list) = streamer.get_as(OPERATOR_TOKEN, "/v1/items").await;
    let id = list["items"][0]["item_id"].as_str().unwrap();
    let url = format!("{}/v1/items/{id}", streamer.url);
    let request = streamer.http.delete(url).bearer_auth(OPERATOR_TOKEN);
    assert_eq!(request.send().await.unwrap().status(), 204);
    until("nothing is pinned", || async {
        let (_, storage) = streamer.get_as(OPERATOR_TOKEN, "/v1/storage").await;
        (storage["pins"] == 0).then_some(())
    })
    .await;
    let body = json!({"cid": cid, "title": "Somebody's film"});
    for (body, expected) in [
        (&body, (404, "not_found")),
        (&json!({"cid": "film"}), (400, "malformed")),
        (
            &json!({"cid": cid, "title": "two\nlines"}),
            (400, "malformed"),
        ),
    ] {
        let (status, problem) = streamer.post_as(OPERATOR_TOKEN, "/v1/items", body).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), expected);
    }
    let (status, _) = streamer.post_as("no token", "/v1/items", &body).await;
    assert_eq!(status, 401);

    let file = stack.data.path().join("somebodys.mp4");
    std::fs::write(&file, &film.bytes).unwrap();
    let added = Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
        .args(["store", "add", "--data-dir"])
        .arg(stack.data.path().join("streamer"))
        .arg(&file)
        .output()
        .unwrap();
    assert!(added.status.success(), "{added:?}");
    // Of several requests at once, one takes it in.
    let posts = (0..8).map(|_| streamer.post_as(OPERATOR_TOKEN, "/v1/items", &body));
    let answers = futures::future::join_all(posts).await;
    let mut made = answers.iter().filter(|(status, _)| *status == 201);
    let (_, item) = made.next().expect("one takes it in");
    assert_eq!(made.count(), 0, "{answers:?}");
    for (status, answer) in &answers {
        assert!(matches!(status, 200 | 201), "{answer}");
        assert_eq!(answer["item_id"], item["item_id"]);
    }
    assert_eq!(
        (&item["cid"], &item["state"], &item["owner"]),
        (&json!(cid), &json!("ready"), &json!(null))
    );
    assert_eq!(
        (&item["width"], &item["height"]),
        (&json!(320), &json!(180))
    );
    let kind = item["mime_type"].as_str().unwrap();
    assert!(
        kind.starts_with("video/mp4; codecs=\"avc1.") && kind.ends_with(", mp4a.40.2\""),
        "{kind}"
    );
    let (status, again) = streamer.post_as(OPERATOR_TOKEN, "/v1/items", &body).await;
    assert_eq!((status, &again["item_id"]), (200, &item["item_id"]));
    let (status, offered) = streamer.get(&offer).await;
    assert_eq!(
        (status, &offered["stored"]["cid"]),
        (200, &json!(cid)),
        "{offered}"
    );

    // What is no video cannot be taken in.
    std::fs::write(&file, b"some text").unwrap();
    let added = Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
        .args(["store", "add", "--data-dir"])
        .arg(stack.data.path().join("streamer"))
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(added.stdout).unwrap();
    let text = said.split_whitespace().last().unwrap();
    let body = json!({"cid": text});
    let (status, problem) = streamer.post_as(OPERATOR_TOKEN, "/v1/items", &body).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("unprocessable_video")),
        "{problem}"
    );
}
