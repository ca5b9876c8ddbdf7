//! Providers' signs of life, with Redis there, away, frozen and absent.

use std::time::Instant;

use alloy::signers::SignerSync;
use paystream_contracts::{Heartbeat, heartbeat_signing_hash};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::anvil::Anvil;
use crate::contracts::{CREATOR, Contracts, PROVIDER, address};
use crate::indexer::{Indexer, problem};
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::wait::until;

const URL: &str = "http://provider.example";

fn now() -> u64 {
    jiff::Timestamp::now().as_second().try_into().unwrap()
}

/// A heartbeat as it goes over the wire, signed by an account.
fn signed(contracts: &Contracts, heartbeat: &Heartbeat, account: usize) -> Value {
    let deployment = &contracts.deployment;
    let hash = heartbeat_signing_hash(heartbeat, deployment.chain_id, deployment.registry);
    let signature = Anvil::key(account).sign_hash_sync(&hash).unwrap();
    json!({
        "content_id": heartbeat.contentId, "provider": heartbeat.provider, "url": heartbeat.url,
        "viewers": heartbeat.viewers, "at": heartbeat.at, "signature": alloy::hex::encode_prefixed(signature.as_bytes()),
    })
}

async fn post(indexer: &Indexer, body: &Value) -> reqwest::Response {
    reqwest::Client::new()
        .post(indexer.url("/v1/heartbeats"))
        .json(body)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_signed_heartbeat_makes_a_stream_live_until_redis_is_gone() {
    let (postgres, anvil, mut redis) =
        tokio::join!(Postgres::start(), Anvil::start(), Redis::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start_with(
        &anvil,
        &contracts,
        &database,
        &["--redis-url", &redis.url()],
    );
    let content = contracts.register(&anvil, "cid", "A name").await;
    let other = contracts.register(&anvil, "cid-2", "Another").await;
    contracts.stream(&anvil, content, URL).await;
    indexer.catch_up(&anvil).await;
    let streams = format!("/v1/contents/{content}/streams");

    assert_eq!(indexer.get("/ready").await["redis"]["ok"], true);
    assert_eq!(
        indexer.get(&streams).await["items"][0]["liveness"],
        "offline"
    );
    assert_eq!(
        indexer.get(&format!("/v1/contents/{content}")).await["live"],
        false
    );

    let at = now();
    let heartbeat = Heartbeat {
        contentId: content,
        provider: address(PROVIDER),
        url: URL.to_owned(),
        viewers: 3,
        at,
    };
    let body = signed(&contracts, &heartbeat, PROVIDER);
    assert_eq!(post(&indexer, &body).await.status(), StatusCode::NO_CONTENT);
    let stream = indexer.get(&streams).await["items"][0].clone();
    assert_eq!(
        (&stream["liveness"], &stream["viewers"]),
        (&json!("live"), &json!(3))
    );
    assert_eq!(
        stream["last_seen"],
        jiff::Timestamp::from_second(at as i64).unwrap().to_string()
    );
    let page = indexer.get("/v1/contents").await;
    assert_eq!(
        (&page["items"][0]["live"], &page["items"][1]["live"]),
        (&json!(false), &json!(true))
    );

    // Nothing but a later word of the provider itself, about its own stream, changes anything.
    let with = |change: &dyn Fn(&mut Heartbeat)| {
        let mut changed = heartbeat.clone();
        changed.viewers = 99;
        changed.at += 1;
        change(&mut changed);
        changed
    };
    let mut truncated = signed(&contracts, &with(&|_| {}), PROVIDER);
    truncated["signature"] = json!("0x1234");
    let mut altered = signed(&contracts, &with(&|_| {}), PROVIDER);
    altered["viewers"] = json!(100);
    let mut negative = signed(&contracts, &with(&|_| {}), PROVIDER);
    negative["viewers"] = json!(-1);
    for (name, body, status, code) in [
        ("the same again", body.clone(), 401, "unauthorized"),
        (
            "an earlier one",
            signed(&contracts, &with(&|h| h.at = at - 1), PROVIDER),
            401,
            "unauthorized",
        ),
        (
            "one too old",
            signed(&contracts, &with(&|h| h.at = at - 100), PROVIDER),
            401,
            "unauthorized",
        ),
        (
            "one too new",
            signed(&contracts, &with(&|h| h.at = at + 1000), PROVIDER),
            401,
            "unauthorized",
        ),
        (
            "one beyond all time",
            signed(&contracts, &with(&|h| h.at = u64::MAX), PROVIDER),
            401,
            "unauthorized",
        ),
        (
            "somebody else's signature",
            signed(&contracts, &with(&|_| {}), CREATOR),
            401,
            "bad_signature",
        ),
        ("an altered one", altered, 401, "bad_signature"),
        ("a truncated signature", truncated, 400, "malformed"),
        ("a negative number", negative, 400, "malformed"),
        (
            "another URL",
            signed(&contracts, &with(&|h| h.url.push('/')), PROVIDER),
            403,
            "forbidden",
        ),
        (
            "another content",
            signed(&contracts, &with(&|h| h.contentId = other), PROVIDER),
            403,
            "forbidden",
        ),
        (
            "no content",
            signed(
                &contracts,
                &with(&|h| h.contentId = [9; 32].into()),
                PROVIDER,
            ),
            404,
            "unknown_content",
        ),
        (
            "another account",
            signed(
                &contracts,
                &with(&|h| h.provider = address(CREATOR)),
                CREATOR,
            ),
            403,
            "forbidden",
        ),
    ] {
        assert_eq!(
            problem(post(&indexer, &body).await).await,
            (status, code.to_owned()),
            "{name}"
        );
    }
    assert_eq!(indexer.get(&streams).await["items"][0]["viewers"], 3);
    let later = signed(&contracts, &with(&|_| {}), PROVIDER);
    assert_eq!(
        post(&indexer, &later).await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(indexer.get(&streams).await["items"][0]["viewers"], 99);

    // Redis goes: unknown, and nothing worse.
    redis.stop();
    assert_eq!(
        indexer.get(&streams).await["items"][0]["liveness"],
        "unknown"
    );
    assert_eq!(
        indexer.get(&format!("/v1/contents/{content}")).await["live"],
        json!(null)
    );
    let answer = post(
        &indexer,
        &signed(&contracts, &with(&|h| h.at += 1), PROVIDER),
    )
    .await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(problem(answer).await, (503, "unavailable".to_owned()));
    let ready = indexer.get("/ready").await;
    assert_eq!(
        (&ready["ready"], &ready["redis"]["ok"]),
        (&json!(true), &json!(false))
    );

    // It comes back, empty.
    redis.resume().await;
    until("Redis is used again", || async {
        (indexer.get(&streams).await["items"][0]["liveness"] == "offline").then_some(())
    })
    .await;
    assert_eq!(
        post(
            &indexer,
            &signed(&contracts, &with(&|h| h.at += 2), PROVIDER)
        )
        .await
        .status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(indexer.get(&streams).await["items"][0]["liveness"], "live");

    // It stops answering, with its connections open: nobody waits for it for long.
    redis.freeze();
    let started = Instant::now();
    assert_eq!(
        indexer.get(&streams).await["items"][0]["liveness"],
        "unknown"
    );
    assert!(started.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn without_redis_a_heartbeat_is_told_to_come_later() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    let content = contracts.register(&anvil, "cid", "A name").await;
    contracts.stream(&anvil, content, URL).await;
    indexer.catch_up(&anvil).await;
    let heartbeat = Heartbeat {
        contentId: content,
        provider: address(PROVIDER),
        url: URL.to_owned(),
        viewers: 3,
        at: now(),
    };
    let answer = post(&indexer, &signed(&contracts, &heartbeat, PROVIDER)).await;
    assert_eq!(problem(answer).await, (503, "unavailable".to_owned()));
}
