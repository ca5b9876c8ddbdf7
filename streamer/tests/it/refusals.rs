use alloy::primitives::B256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use bitcoin::{Amount, OutPoint, ScriptBuf};
use serde_json::{Value, json};

use crate::stack::{Opened, Socket, Stack};

#[tokio::test]
async fn bad_requests_get_their_own_code_and_change_nothing() {
    let stack = Stack::with(&["--max-channels-per-address", "2"]).await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let code = |(status, body): (u16, Value)| {
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let is = |status: u16, name: &str| (status, name.to_owned());

    assert_eq!(code(streamer.get("/nowhere").await), is(404, "not_found"));
    assert_eq!(
        code(streamer.get("/v1/contents/0x12/offer").await),
        is(400, "malformed")
    );
    let unknown = B256::repeat_byte(9);
    assert_eq!(
        code(streamer.get(&format!("/v1/contents/{unknown}/offer")).await),
        is(404, "unknown_content")
    );
    let (status, offer) = streamer
        .get(&format!("/v1/contents/{}/offer", stack.chain.free_content))
        .await;
    assert_eq!(status, 200);
    assert!(
        offer["rails"].get("bitcoin").is_none()
            && offer["rails"]["unavailable"]["bitcoin"].is_string(),
        "{offer}"
    );

    let key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let open = |content: B256, key: &str, script: &str| json!({"content_id": content, "viewer_key": key, "change_script": script});
    let p2wpkh = "00140303030303030303030303030303030303030303";
    assert_eq!(
        code(streamer.post("/v1/channels", &json!({})).await),
        is(400, "malformed")
    );
    assert_eq!(
        code(
            streamer
                .post("/v1/channels", &open(content, "02", p2wpkh))
                .await
        ),
        is(400, "malformed")
    );
    assert_eq!(
        code(
            streamer
                .post("/v1/channels", &open(content, key, "6a"))
                .await
        ),
        is(422, "unsupported_script")
    );
    assert_eq!(
        code(
            streamer
                .post("/v1/channels", &open(unknown, key, p2wpkh))
                .await
        ),
        is(404, "unknown_content")
    );
    let free = open(stack.chain.free_content, key, p2wpkh);
    assert_eq!(
        code(streamer.post("/v1/channels", &free).await),
        is(409, "rail_unavailable")
    );
    let response = streamer
        .http
        .post(format!("{}/v1/channels", streamer.url))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 415);
    let huge = json!({"content_id": content, "viewer_key": "0".repeat(100_000)});
    assert_eq!(
        code(streamer.post("/v1/channels", &huge).await),
        is(413, "too_large")
    );

    let opened = Opened::open(streamer, content).await;
    let nothing = OutPoint {
        txid: "11".repeat(32).parse().unwrap(),
        vout: 0,
    };
    assert_eq!(
        code(opened.hint(streamer, nothing).await),
        is(409, "funding_not_found")
    );
    let foreign = stack
        .bitcoin
        .pay(
            &ScriptBuf::from_hex(p2wpkh).unwrap(),
            Amount::from_sat(50_000),
        )
        .await;
    assert_eq!(
        code(opened.hint(streamer, foreign).await),
        is(422, "wrong_script")
    );
    stack.bitcoin.mine(1).await;
    let low = stack
        .bitcoin
        .pay(
            &opened.terms.funding_script(),
            opened.terms.min_capacity() - Amount::ONE_SAT,
        )
        .await;
    assert_eq!(
        code(opened.hint(streamer, low).await),
        is(422, "capacity_too_low")
    );
    assert_eq!(opened.show(streamer).await["state"], "awaiting_funding");
    assert_eq!(
        code(
            streamer
                .get(&format!("/v1/channels/{}", "ab".repeat(32)))
                .await
        ),
        is(404, "unknown_channel")
    );
    Opened::open(streamer, content).await;
    assert_eq!(
        code(
            streamer
                .post("/v1/channels", &open(content, key, p2wpkh))
                .await
        ),
        is(429, "rate_limited")
    );
    stack.bitcoin.mine(1).await;
    let good = stack
        .bitcoin
        .pay(&opened.terms.funding_script(), Amount::from_sat(100_000))
        .await;
    assert_eq!(opened.hint(streamer, good).await.0, 200);
    assert_eq!(
        opened.hint(streamer, good).await.0,
        200,
        "a repeated hint is harmless"
    );
    assert_eq!(
        code(opened.hint(streamer, low).await),
        is(409, "funding_conflict")
    );
}

#[tokio::test]
async fn watching_without_paying_is_answered_with_the_offer() {
    let stack = Stack::start().await;
    let url = format!("{}/whep/{}", stack.streamer.url, stack.chain.content);
    let response = stack
        .streamer
        .http
        .post(&url)
        .header("content-type", "application/sdp")
        .body("v=0")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 402);
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        challenge.starts_with("Payment id=") && challenge.contains("method=\"bitcoin-channel\""),
        "{challenge}"
    );
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], "payment_required");
    assert_eq!(problem["offer"]["rails"]["bitcoin"]["network"], "regtest");

    let opened = Opened::funded(&stack, 100_000).await;
    let (_socket, started) = opened.session(&stack.streamer).await;
    let token = started["media_token"].as_str().unwrap();
    let request = stack
        .streamer
        .http
        .post(&url)
        .bearer_auth(token)
        .header("content-type", "application/sdp")
        .body("v=0");
    let response = request.send().await.unwrap();
    let problem: Value = response.json().await.unwrap();
    assert!(
        ["malformed_sdp", "stream_offline"].contains(&problem["code"].as_str().unwrap()),
        "{problem}"
    );
}

#[tokio::test]
async fn bad_messages_on_a_socket_get_their_own_code_and_change_nothing() {
    let stack = Stack::with(&["--max-messages-per-second", "100"]).await;
    let streamer = &stack.streamer;
    let opened = Opened::funded(&stack, 100_000).await;
    let other = Opened::funded(&stack, 100_000).await;

    let (mut socket, nonce) = Socket::connect(streamer).await;
    assert_eq!(socket.refused(&opened.payment(1, 20)).await, "not_started");
    assert_eq!(socket.refused(&json!({"type": "dance"})).await, "malformed");
    assert_eq!(
        socket
            .refused(&json!({"type": "leave", "padding": "x".repeat(20_000)}))
            .await,
        "too_large"
    );
    let recorded = opened.start_message(&nonce);
    let mut wrong = opened.start_message(&nonce);
    wrong["signature"] = json!("11".repeat(64));
    assert_eq!(socket.refused(&wrong).await, "bad_signature");
    socket.send(&recorded).await;
    socket.expect("started").await;
    assert_eq!(socket.refused(&recorded).await, "already_started");

    socket.pay(&opened, 1, 1000).await;
    assert_eq!(
        socket.refused(&other.payment(2, 2000)).await,
        "wrong_channel"
    );
    assert_eq!(
        socket.refused(&opened.payment(3, 2000)).await,
        "sequence_mismatch"
    );
    assert_eq!(
        socket.refused(&opened.payment(1, 900)).await,
        "sequence_mismatch"
    );
    assert_eq!(
        socket.refused(&opened.payment(2, 1000)).await,
        "amount_not_rising"
    );
    let mut over = opened.payment(2, 2000);
    over["paid_sat"] = json!("100000");
    assert_eq!(socket.refused(&over).await, "amount_exceeds_capacity");
    let mut forged = opened.payment(2, 2000);
    forged["paid_sat"] = json!("2001");
    assert_eq!(socket.refused(&forged).await, "bad_signature");
    assert_eq!(opened.show(streamer).await["paid_sat"], "1000");

    let (mut replay, _) = Socket::connect(streamer).await;
    assert_eq!(
        replay.refused(&recorded).await,
        "bad_signature",
        "a recorded start is worth nothing"
    );
    let unfunded = Opened::open(streamer, stack.chain.content).await;
    let (mut socket, nonce) = Socket::connect(streamer).await;
    assert_eq!(
        socket.refused(&unfunded.start_message(&nonce)).await,
        "channel_not_open"
    );
}

#[tokio::test]
async fn a_flood_of_messages_and_a_crowd_of_sessions_are_cut_off() {
    let stack = Stack::with(&["--max-messages-per-second", "5", "--max-sessions", "1"]).await;
    let (mut socket, _) = Socket::connect(&stack.streamer).await;
    let (status, problem) = stack.streamer.get("/v1/session").await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    let url = format!("{}/v1/session", stack.streamer.url.replace("http", "ws"));
    assert!(
        tokio_tungstenite::connect_async(url)
            .await
            .unwrap_err()
            .to_string()
            .contains("429")
    );
    for _ in 0..10 {
        socket.send(&json!({"type": "dance"})).await;
    }
    let mut codes = Vec::new();
    while let Some(message) = socket.next().await {
        codes.push(
            message["code"]
                .as_str()
                .or(message["reason"].as_str())
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(codes[codes.len() - 2..], ["rate_limited", "protocol_error"]);
}

#[tokio::test]
async fn only_the_creator_publishes() {
    let stack = Stack::start().await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let stranger = PrivateKeySigner::random();
    let body =
        |signer: &PrivateKeySigner| json!({"content_id": content, "address": signer.address()});
    let (status, problem) = streamer
        .post("/v1/publish-challenges", &body(&stranger))
        .await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    let (status, challenge) = streamer
        .post("/v1/publish-challenges", &body(&stack.chain.creator))
        .await;
    assert_eq!(status, 200, "{challenge}");
    let message = challenge["message"].as_str().unwrap();
    let sign = |signer: &PrivateKeySigner| {
        let signature = signer.sign_message_sync(message.as_bytes()).unwrap();
        json!({"message": message, "signature": format!("0x{}", hex::encode(signature.as_bytes()))})
    };
    let (status, token) = streamer
        .post("/v1/publish-tokens", &sign(&stack.chain.creator))
        .await;
    assert_eq!(status, 200, "{token}");
    let (status, problem) = streamer
        .post("/v1/publish-tokens", &sign(&stack.chain.creator))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (401, &json!("unauthorized")),
        "a challenge is good once"
    );

    let url = format!("{}/whip/{content}", streamer.url);
    let publish = |token: &str| {
        streamer
            .http
            .post(&url)
            .bearer_auth(token)
            .header("content-type", "application/sdp")
            .body("v=0")
    };
    assert_eq!(publish("nonsense").send().await.unwrap().status(), 401);
    let problem: Value = publish(token["token"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(problem["code"], "malformed_sdp");
}

#[tokio::test]
async fn announcements_are_kept_by_their_cid() {
    let stack = Stack::start().await;
    let announcement = json!({
        "type": "paystream/announcement", "title": "A concert", "description": "", "picture": null, "starts_at": "2026-01-31T20:00:00Z",
    });
    let (status, stored) = stack
        .streamer
        .post("/v1/announcements", &announcement)
        .await;
    assert_eq!(status, 201, "{stored}");
    let cid = stored["cid"].as_str().unwrap();
    let response = stack
        .streamer
        .http
        .get(format!("{}/ipfs/{cid}", stack.streamer.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), announcement.to_string());
    let (status, problem) = stack
        .streamer
        .post("/v1/announcements", &json!({"type": "spam"}))
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    assert_eq!(stack.streamer.get("/ipfs/nonsense").await.0, 400);
    let missing = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    assert_eq!(stack.streamer.get(&format!("/ipfs/{missing}")).await.0, 404);
}
