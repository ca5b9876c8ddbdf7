//! Every row of docs/host-api.md: what stands under "Here" is there, and does not let strangers in where it should not.

use std::path::Path;

use serde_json::{Value, json};

use crate::stack::{OPERATOR_TOKEN, Stack};

struct Row {
    older: String,
    here: String,
    by: String,
}

/// The rows of the table.
fn rows() -> Vec<Row> {
    let text = read("docs/host-api.md");
    let table = text.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Row> = table
        .map(|line| {
            let cells: Vec<_> = line
                .split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect();
            let [_, older, here, by, _, _] = cells[..] else {
                panic!("a row has another number of cells: {line}");
            };
            let (older, here, by) = (older.to_owned(), here.to_owned(), by.to_owned());
            Row { older, here, by }
        })
        .collect();
    assert!(rows.len() >= 17, "{} rows", rows.len());
    rows
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn split(endpoint: &str) -> (String, &str) {
    let (method, path) = endpoint.split_once(' ').unwrap();
    (method.to_lowercase(), path)
}

#[test]
fn every_row_names_an_operation_that_is_documented() {
    let streamer = serde_json::to_value(paystream_streamer::http::openapi()).unwrap();
    let indexer: Value = serde_json::from_str(&read("indexer/openapi.json")).unwrap();
    for row in rows() {
        let document = match row.by.as_str() {
            "streamer" => &streamer,
            "indexer" => &indexer,
            "command" => {
                assert!(!read(&row.here).is_empty());
                continue;
            }
            other => panic!("{}: by {other}?", row.older),
        };
        let (method, path) = split(&row.here);
        let operation = &document["paths"][path][&method];
        assert!(
            operation.is_object(),
            "{}: {} is not there",
            row.older,
            row.here
        );
    }
}

#[tokio::test]
async fn every_row_of_the_streamer_answers_and_lets_no_stranger_in() {
    let stack = Stack::start().await;
    let streamer = &stack.streamer;
    for row in rows().iter().filter(|row| row.by == "streamer") {
        let (method, path) = split(&row.here);
        let path = path.replace("{item_id}", "nothing");
        let url = format!("{}{path}", streamer.url);
        let request = match method.as_str() {
            "post" => streamer.http.post(url).json(&json!({})),
            "delete" => streamer.http.delete(url),
            other => panic!("{other}"),
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let problem: Value = response.json().await.unwrap();
        // The one that needs no token needs a signature, and finds none.
        let expected = if path == "/api/record-view" { 400 } else { 401 };
        assert_eq!(status, expected, "{}: {problem}", row.here);
    }
}

#[tokio::test]
async fn a_stream_is_registered_and_withdrawn_by_the_operator_and_its_contents_creator() {
    let stack = Stack::start().await;
    let (streamer, content) = (&stack.streamer, stack.chain.content);
    let body = json!({"content_id": content});
    for (path, registered) in [
        ("/register", true),
        ("/register", true),
        ("/deregister", false),
        ("/deregister", false),
    ] {
        let (status, answer) = streamer.post_as(OPERATOR_TOKEN, path, &body).await;
        assert_eq!(
            (status, &answer["content_id"]),
            (200, &json!(content)),
            "{answer}"
        );
        let registry = paystream_contracts::StreamRegistry::new(
            stack.chain.deployed.registry,
            stack.chain.provider.clone(),
        );
        let key: alloy::signers::local::PrivateKeySigner = crate::stack::PROVIDER.parse().unwrap();
        let url = registry
            .streamOf(content, key.address())
            .call()
            .await
            .unwrap();
        assert_eq!(url == streamer.url, registered, "{path}: {url}");
    }
    let unknown = json!({"content_id": content ^ content});
    let (status, problem) = streamer
        .post_as(OPERATOR_TOKEN, "/register", &unknown)
        .await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown_content")));
    for (path, what) in [
        ("/v1/earnings", "ethereum"),
        ("/v1/storage", "used_bytes"),
        ("/v1/sessions", "sessions"),
        ("/v1/channels", "channels"),
    ] {
        let (status, answer) = streamer.get_as(OPERATOR_TOKEN, path).await;
        assert!(status == 200 && !answer[what].is_null(), "{path}: {answer}");
        assert_eq!(streamer.get(path).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn a_creators_signed_registration_is_sent_for_the_creator_and_for_nobody_else() {
    use alloy::primitives::{Address, U256, aliases::U96};
    use alloy::signers::SignerSync;
    use alloy::sol_types::SolStruct;
    use paystream_contracts::StreamRegistry::{DeregisterContent, RegisterContent, Terms};
    use paystream_contracts::{content_id, registry_domain};

    let stack = Stack::start().await;
    let (streamer, deployed) = (&stack.streamer, stack.chain.deployed);
    let creator = alloy::signers::local::PrivateKeySigner::random();
    let deadline = U256::from(crate::stack::token::in_an_hour());
    let domain = registry_domain(deployed.chain_id, deployed.registry);
    let action = RegisterContent {
        creator: creator.address(),
        cid: "bafkreisigned".to_owned(),
        name: "Signed".to_owned(),
        metadataURI: String::new(),
        terms: Terms {
            token: Address::ZERO,
            payout: creator.address(),
            creatorShareBps: 9000,
            pricePerView: U96::from(5),
            pricePerSecond: U96::ZERO,
            msatPerSecond: 20_000,
        },
        nonce: U256::ZERO,
        deadline,
    };
    let sign = |digest| creator.sign_hash_sync(&digest).unwrap().to_string();
    let body = json!({
        "action": {
            "creator": creator.address(), "cid": "bafkreisigned", "name": "Signed", "metadata_uri": "",
            "terms": {
                "token": Address::ZERO, "payout": creator.address(), "creator_share_bps": 9000, "price_per_view": "5",
                "price_per_second": "0", "msat_per_second": "20000",
            },
            "nonce": "0", "deadline": deadline.to_string(),
        },
        "signature": sign(action.eip712_signing_hash(&domain)),
    });
    let (_, token) = crate::sign_in::sign_in(streamer, &stack.chain.creator).await;
    let other = token["token"].as_str().unwrap();
    assert_eq!(streamer.post_as(other, "/register", &body).await.0, 403);
    let (_, token) = crate::sign_in::sign_in(streamer, &creator).await;
    let token = token["token"].as_str().unwrap();
    let mut changed = body.clone();
    changed["action"]["name"] = json!("Another name");
    assert_eq!(streamer.post_as(token, "/register", &changed).await.0, 403);
    let id = content_id(creator.address(), "bafkreisigned");
    for _ in 0..2 {
        let (status, answer) = streamer.post_as(token, "/register", &body).await;
        assert_eq!(
            (status, &answer["relay"]["state"]),
            (200, &json!("confirmed")),
            "{answer}"
        );
        assert_eq!(answer["content_id"], json!(id));
    }
    let offer = format!("/v1/contents/{id}/offer");
    assert_eq!(streamer.get(&offer).await.0, 200);

    let action = DeregisterContent {
        creator: creator.address(),
        contentId: id,
        nonce: U256::ONE,
        deadline,
    };
    let body = json!({
        "action": {"creator": creator.address(), "content_id": id, "nonce": "1", "deadline": deadline.to_string()},
        "signature": sign(action.eip712_signing_hash(&domain)),
    });
    let (status, answer) = streamer.post_as(token, "/deregister", &body).await;
    assert_eq!(
        (status, &answer["relay"]["state"]),
        (200, &json!("confirmed")),
        "{answer}"
    );
}
