//! What the API answers about a chain on which everything happened once.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::anvil::Anvil;
use crate::contracts::{CREATOR, Contracts, PRICE, PROVIDER, VIEWER, address};
use crate::indexer::{Indexer, problem};
use crate::postgres::Postgres;

fn lower(account: usize) -> String {
    format!("{:#x}", address(account))
}

#[tokio::test]
async fn everything_that_happens_on_the_chain_is_served() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);

    let content = contracts
        .register(&anvil, "bafy-one", "Big Buck Bunny")
        .await;
    let other = contracts
        .register(&anvil, "bafy-two", "Nul \0 in a name")
        .await;
    let script = [vec![0x00, 0x14], vec![7; 20]].concat();
    contracts.set_bitcoin_payout(&anvil, &script).await;
    contracts
        .stream(&anvil, content, "http://provider.example")
        .await;
    contracts.view(&anvil, content).await;
    contracts.view(&anvil, content).await;
    contracts.claim(&anvil, CREATOR).await;
    contracts.reprice(&anvil, content, 5).await;
    contracts.deregister(&anvil, other).await;
    indexer.catch_up(&anvil).await;

    let found = indexer.get(&format!("/v1/contents/{content}")).await;
    assert_eq!(found["content_id"], content.to_string());
    assert_eq!(found["creator"], lower(CREATOR));
    assert_eq!(found["cid"], "bafy-one");
    assert_eq!(found["name"], "Big Buck Bunny");
    assert_eq!(found["metadata_uri"], "ipfs://about");
    assert_eq!(found["active"], true);
    assert_eq!(
        found["terms"],
        json!({
            "token": "0x0000000000000000000000000000000000000000", "payout": lower(CREATOR), "creator_share_bps": 9000,
            "price_per_view": "5", "price_per_second": "7", "msat_per_second": "20000"
        })
    );
    assert_eq!(found["bitcoin_payout"], format!("0014{}", "07".repeat(20)));
    assert_eq!(found["views"], 2);
    assert!(found["live"].is_null(), "there is no Redis");
    let (registered, updated) = (&found["registered"], &found["updated"]);
    assert!(registered["block_number"].as_u64() < updated["block_number"].as_u64());
    assert!(registered["timestamp"].as_str().unwrap().ends_with('Z'));

    let withdrawn = indexer.get(&format!("/v1/contents/{other}")).await;
    assert_eq!(withdrawn["active"], false);
    assert_eq!(withdrawn["name"], "Nul \u{fffd} in a name");

    let views = indexer.get(&format!("/v1/contents/{content}/views")).await;
    let view = &views["items"][0];
    assert_eq!(views["items"].as_array().unwrap().len(), 2);
    assert_eq!(view["viewer"], lower(VIEWER));
    assert_eq!(view["provider"], lower(PROVIDER));
    assert_eq!(view["price"], PRICE.to_string());
    assert_eq!(view["creator_amount"], "901", "900.9, rounded up");
    assert_eq!(view["provider_amount"], "100");
    assert_eq!(view["transaction_hash"].as_str().unwrap().len(), 66);

    // One viewer's alone, in pages too, and with the address in any case.
    let whose = |viewer: usize| format!("/v1/contents/{content}/views?viewer={}", address(viewer));
    let theirs = indexer.get(&whose(VIEWER)).await;
    assert_eq!(theirs["items"], views["items"]);
    let first = indexer.get(&format!("{}&limit=1", whose(VIEWER))).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = format!("{}&limit=1&cursor={cursor}", whose(VIEWER));
    let next = indexer.get(&next).await;
    assert_eq!(next["items"][0], views["items"][1]);
    assert!(next["next_cursor"].is_null());
    let nobodys = indexer.get(&whose(CREATOR)).await;
    assert_eq!(nobodys["items"], json!([]));

    let streams = indexer
        .get(&format!("/v1/contents/{content}/streams"))
        .await;
    let stream = &streams["items"][0];
    assert_eq!(stream["provider"], lower(PROVIDER));
    assert_eq!(stream["url"], "http://provider.example");
    assert_eq!(stream["liveness"], "unknown");
    assert!(stream["viewers"].is_null() && stream["last_seen"].is_null());

    // By CID, by provider, by day; and all.
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let since = format!("start_date={today}");
    for (path, count) in [
        ("/api/get-records/cid/bafy-one".to_owned(), 2),
        (format!("/api/get-records/cid/bafy-one?{since}&limit=1"), 1),
        (
            "/api/get-records/cid/bafy-one?end_date=2020-01-01".to_owned(),
            0,
        ),
        ("/api/get-records/cid/bafy-two".to_owned(), 0),
        (format!("/api/get-records/provider/{}", lower(PROVIDER)), 2),
        (format!("/api/get-records/provider/{}", lower(VIEWER)), 0),
    ] {
        let records = indexer.get(&path).await["records"].clone();
        assert_eq!(records.as_array().unwrap().len(), count, "{path}");
        for record in records.as_array().unwrap() {
            assert_eq!(record["cid"], "bafy-one");
            assert_eq!(record["blockchain_address"], lower(VIEWER));
            assert_eq!(record["provider_wallet"], lower(PROVIDER));
            assert_eq!(record["creator_wallet"], lower(CREATOR));
            assert_eq!(record["price"], PRICE.to_string());
        }
    }
    for (path, count) in [
        ("/v1/streams".to_owned(), 1),
        ("/v1/streams?cid=bafy-one".to_owned(), 1),
        ("/v1/streams?cid=bafy-two".to_owned(), 0),
        (format!("/v1/streams?provider={}", lower(PROVIDER)), 1),
        (
            format!("/v1/streams?cid=bafy-one&provider={}", lower(VIEWER)),
            0,
        ),
    ] {
        let streams = indexer.get(&path).await["items"].clone();
        assert_eq!(streams.as_array().unwrap().len(), count, "{path}");
    }
    assert_eq!(
        indexer.get("/v1/streams").await["items"][0]["name"],
        "Big Buck Bunny"
    );

    let earnings = indexer
        .get(&format!("/v1/accounts/{}/earnings", address(CREATOR)))
        .await;
    assert_eq!(earnings["account"], lower(CREATOR));
    let ether = &earnings["tokens"][0];
    assert_eq!(
        (
            &ether["earned_total"],
            &ether["claimed_total"],
            &ether["unclaimed"]
        ),
        (&json!("1802"), &json!("1802"), &json!("0"))
    );
    assert_eq!(earnings["credits"].as_array().unwrap().len(), 2);
    assert_eq!(earnings["credits"][0]["content_id"], content.to_string());
    assert_eq!(earnings["claims"][0]["amount"], "1802");
    assert_eq!(earnings["claims"][0]["to"], lower(CREATOR));
    let earnings = indexer
        .get(&format!(
            "/v1/accounts/{}/earnings",
            lower(PROVIDER).to_uppercase().replace("0X", "0x")
        ))
        .await;
    assert_eq!(earnings["tokens"][0]["unclaimed"], "200");
    let nothing = indexer
        .get(&format!("/v1/accounts/{}/earnings", lower(VIEWER)))
        .await;
    assert_eq!(nothing["tokens"], json!([]));

    contracts.unstream(&anvil, content).await;
    indexer.catch_up(&anvil).await;
    let streams = indexer
        .get(&format!("/v1/contents/{content}/streams"))
        .await;
    assert_eq!(streams["items"], json!([]));
}

#[tokio::test]
async fn lists_are_searched_and_paged_and_answers_are_tagged() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    for number in 0..5 {
        contracts
            .register(
                &anvil,
                &format!("cid-{number}"),
                &format!("Episode {number}"),
            )
            .await;
    }
    indexer.catch_up(&anvil).await;

    // By the Link header, from the first page to the last.
    let mut path = "/v1/contents?limit=2".to_owned();
    let mut names = Vec::new();
    loop {
        let response = indexer.try_get(&path).await.unwrap();
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        let page: serde_json::Value = response.json().await.unwrap();
        for item in page["items"].as_array().unwrap() {
            names.push(item["name"].as_str().unwrap().to_owned());
        }
        assert_eq!(link.is_some(), page["next_cursor"].is_string());
        let Some(link) = link else { break };
        path = link
            .strip_prefix('<')
            .unwrap()
            .split_once('>')
            .unwrap()
            .0
            .to_owned();
    }
    assert_eq!(
        names,
        [
            "Episode 4",
            "Episode 3",
            "Episode 2",
            "Episode 1",
            "Episode 0"
        ]
    );

    for (query, count) in [
        ("q=ePISODE", 5),
        ("q=episode+3", 1),
        ("q=cid-2", 1),
        ("q=cid", 0),
        ("q=%25", 0),
        ("q=", 5),
        (&format!("creator={}", address(CREATOR)), 5),
        (&format!("creator={}&q=1", address(CREATOR)), 1),
        (&format!("creator={}", address(VIEWER)), 0),
    ] {
        let page = indexer.get(&format!("/v1/contents?{query}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }

    let first = indexer.try_get("/v1/contents").await.unwrap();
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let client = reqwest::Client::new();
    let again = || async {
        let request = client
            .get(indexer.url("/v1/contents"))
            .header("if-none-match", &tag);
        request.send().await.unwrap().status()
    };
    assert_eq!(again().await, StatusCode::NOT_MODIFIED);
    contracts.register(&anvil, "cid-9", "Episode 9").await;
    indexer.catch_up(&anvil).await;
    let request = client
        .get(indexer.url("/v1/contents"))
        .header("if-none-match", &tag);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn bad_input_gets_a_clear_problem_and_never_a_server_error() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    contracts.register(&anvil, "cid", "A name").await;
    indexer.catch_up(&anvil).await;
    let nobody = format!("0x{}", "ab".repeat(32));

    for (path, status, code) in [
        ("/nothing", 404, "not_found"),
        ("/v1/contents/0x12", 400, "malformed"),
        ("/v1/contents/zz", 400, "malformed"),
        ("/v1/contents/%ff", 400, "malformed"),
        ("/v1/contents/%00", 400, "malformed"),
        (&format!("/v1/contents/{nobody}"), 404, "unknown_content"),
        (
            &format!("/v1/contents/{nobody}/views"),
            404,
            "unknown_content",
        ),
        (
            &format!("/v1/contents/{nobody}/streams"),
            404,
            "unknown_content",
        ),
        (
            &format!("/v1/contents/{nobody}/views?limit=0"),
            400,
            "malformed",
        ),
        (
            &format!("/v1/contents/{nobody}/views?viewer=me"),
            400,
            "malformed",
        ),
        ("/v1/contents?limit=0", 400, "malformed"),
        ("/v1/contents?limit=201", 400, "malformed"),
        ("/v1/contents?limit=-1", 400, "malformed"),
        ("/v1/contents?limit=many", 400, "malformed"),
        ("/v1/contents?cursor=x", 400, "malformed"),
        ("/v1/contents?creator=me", 400, "malformed"),
        ("/v1/contents?q=%00", 400, "malformed"),
        (
            &format!("/v1/contents?q={}", "a".repeat(257)),
            400,
            "malformed",
        ),
        ("/v1/accounts/0x1/earnings", 400, "malformed"),
    ] {
        assert_eq!(
            indexer.problem(path).await,
            (status, code.to_owned()),
            "{path}"
        );
    }

    let client = reqwest::Client::new();
    let send = |method: Method, path: &str, kind: &str, body: Vec<u8>| {
        client
            .request(method, indexer.url(path))
            .header("content-type", kind)
            .body(body)
            .send()
    };
    for (method, path, kind, body, status, code) in [
        (
            Method::DELETE,
            "/v1/contents",
            "application/json",
            vec![],
            405,
            "method_not_allowed",
        ),
        (
            Method::GET,
            "/v1/heartbeats",
            "application/json",
            vec![],
            405,
            "method_not_allowed",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "application/json",
            vec![],
            400,
            "malformed",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "application/json",
            b"{".to_vec(),
            400,
            "malformed",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "application/json",
            b"{}".to_vec(),
            400,
            "malformed",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "application/json",
            vec![0xff; 64],
            400,
            "malformed",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "text/plain",
            b"{}".to_vec(),
            415,
            "unsupported_media_type",
        ),
        (
            Method::POST,
            "/v1/heartbeats",
            "application/json",
            vec![b' '; 20_000],
            413,
            "too_large",
        ),
    ] {
        let answer = send(method.clone(), path, kind, body).await.unwrap();
        assert_eq!(
            problem(answer).await,
            (status, code.to_owned()),
            "{method} {path}"
        );
    }

    // The process, its documentation, and a page from anywhere.
    assert_eq!(indexer.get("/health").await["status"], "ok");
    assert_eq!(indexer.get("/openapi.json").await["openapi"], "3.1.0");
    let docs = indexer.try_get("/docs/").await.unwrap();
    assert_eq!(docs.status(), StatusCode::OK);
    assert!(docs.text().await.unwrap().contains("swagger-ui"));
    let request = client
        .get(indexer.url("/v1/contents"))
        .header("origin", "https://anywhere.example");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        client
            .head(indexer.url("/v1/contents"))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );

    // And it ends in good order.
    assert!(indexer.process.end("TERM"));
    assert!(
        !indexer.process.output().contains("ERROR"),
        "{}",
        indexer.process.output()
    );
}
