//! The Esplora subset, answered from the real node.

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Amount, Transaction};
use paystream_channel::{Network, complete_closing};
use paystream_streamer::keys::ChannelKeys;
use serde_json::{Value, json};

use crate::stack::{Opened, Stack, Streamer};

async fn text(streamer: &Streamer, path: &str) -> String {
    let url = format!("{}/esplora{path}", streamer.url);
    let response = streamer.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "text/plain");
    response.text().await.unwrap()
}

async fn json_of(streamer: &Streamer, path: &str) -> Value {
    let (status, body) = streamer.get(&format!("/esplora{path}")).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn broadcast(streamer: &Streamer, body: String) -> (u16, String) {
    let url = format!("{}/esplora/tx", streamer.url);
    let response = streamer.http.post(url).body(body).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_viewer_sees_its_funding_and_its_spend_as_the_node_does() {
    let stack = Stack::start().await;
    let (streamer, bitcoin) = (&stack.streamer, &stack.bitcoin);
    let mut opened = Opened::open(streamer, stack.chain.content).await;
    let utxos = format!("/address/{}/utxo", opened.terms.address());
    assert_eq!(json_of(streamer, &utxos).await, json!([]));

    let paid = bitcoin
        .pay(&opened.terms.funding_script(), Amount::from_sat(100_000))
        .await;
    let (id, outspend) = (
        paid.txid.to_string(),
        format!("/tx/{}/outspend/0", paid.txid),
    );
    assert_eq!(
        json_of(streamer, &utxos).await,
        json!([{"txid": id, "vout": 0, "value": 100_000, "status": {"confirmed": false}}])
    );
    assert_eq!(
        json_of(streamer, &format!("/tx/{id}/status")).await,
        json!({"confirmed": false})
    );
    let (_, channel) = opened.hint(streamer, paid).await;
    opened.funding = Some(serde_json::from_value(channel["funding"].clone()).unwrap());

    bitcoin.mine(1).await;
    let height = bitcoin.height().await;
    let hash = text(streamer, "/blocks/tip/hash").await;
    assert_eq!(
        text(streamer, "/blocks/tip/height").await,
        height.to_string()
    );
    assert_eq!(
        bitcoin
            .node
            .call("getbestblockhash", json!([]))
            .await
            .unwrap(),
        json!(hash)
    );
    let seen = json_of(streamer, &utxos).await;
    assert_eq!(
        seen,
        json!([{"txid": id, "vout": 0, "value": 100_000, "status": {"confirmed": true, "block_height": height, "block_hash": hash}}])
    );
    let hex = text(streamer, &format!("/tx/{id}/hex")).await;
    let funding: Transaction = deserialize_hex(&hex).unwrap();
    assert_eq!(funding.compute_txid(), paid.txid);
    let shown = json_of(streamer, &format!("/tx/{id}")).await;
    assert_eq!(shown["txid"], json!(id));
    assert_eq!(shown["vout"][0]["value"], json!(100_000));
    assert_eq!(
        shown["vout"][0]["scriptpubkey"],
        json!(opened.terms.funding_script().to_hex_string())
    );
    assert_eq!(
        shown["vout"][0]["scriptpubkey_address"],
        json!(opened.terms.address().to_string())
    );
    let status = json_of(streamer, &format!("/tx/{id}/status")).await;
    assert_eq!(shown["status"], status);
    assert_eq!(
        (&status["confirmed"], &status["block_height"]),
        (&json!(true), &json!(height))
    );
    assert_eq!(json_of(streamer, &outspend).await, json!({"spent": false}));
    let estimates = json_of(streamer, "/fee-estimates").await;
    for target in ["1", "6", "144"] {
        assert!(
            estimates[target].as_f64().is_some_and(|rate| rate >= 1.0),
            "{estimates}"
        );
    }

    let keys =
        ChannelKeys::load_or_create(&stack.data.path().join("streamer"), Network::Regtest).unwrap();
    let outputs = opened.funding.as_ref().unwrap();
    let payment = opened.signed(1, 10_000);
    let secret = keys.secret(0).unwrap();
    let spend = complete_closing(&opened.terms, outputs, &payment, &secret, &[]).unwrap();
    let spender = spend.compute_txid().to_string();
    assert_eq!(
        broadcast(streamer, serialize_hex(&spend)).await,
        (200, spender.clone())
    );
    assert_eq!(json_of(streamer, &utxos).await, json!([]));
    let spent = json_of(streamer, &outspend).await;
    assert_eq!(
        (
            &spent["spent"],
            &spent["txid"],
            &spent["status"]["confirmed"]
        ),
        (&json!(true), &json!(spender), &json!(false))
    );
    bitcoin.mine(1).await;
    let spent = json_of(streamer, &outspend).await;
    assert_eq!(
        (
            &spent["txid"],
            &spent["vin"],
            &spent["status"]["block_height"]
        ),
        (&json!(spender), &json!(0), &json!(height + 1))
    );
}

#[tokio::test]
async fn what_the_node_does_not_know_or_refuses_is_said_so() {
    let stack = Stack::start().await;
    let (streamer, bitcoin) = (&stack.streamer, &stack.bitcoin);
    let unknown = "ab".repeat(32);
    let code = |(status, body): (u16, Value)| (status, body["code"].clone());
    assert_eq!(
        code(streamer.get(&format!("/esplora/tx/{unknown}")).await),
        (404, json!("not_found"))
    );
    assert_eq!(
        json_of(streamer, &format!("/tx/{unknown}/status")).await,
        json!({"confirmed": false})
    );
    assert_eq!(
        code(streamer.get("/esplora/tx/nonsense").await),
        (400, json!("malformed"))
    );
    // An address of another network.
    let mainnet = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq";
    assert_eq!(
        code(
            streamer
                .get(&format!("/esplora/address/{mainnet}/utxo"))
                .await
        ),
        (400, json!("malformed"))
    );
    assert_eq!(broadcast(streamer, "nonsense".to_owned()).await.0, 400);

    let paid = bitcoin
        .pay(&bitcoin.script(), Amount::from_sat(50_000))
        .await;
    let hex = text(streamer, &format!("/tx/{}/hex", paid.txid)).await;
    assert_eq!(
        broadcast(streamer, hex.clone()).await,
        (200, paid.txid.to_string()),
        "what the node has already is no error"
    );
    let mut unsigned: Transaction = deserialize_hex(&hex).unwrap();
    unsigned.input[0].witness.clear();
    unsigned.output[0].value -= Amount::ONE_SAT;
    let (status, reason) = broadcast(streamer, serialize_hex(&unsigned)).await;
    assert_eq!(status, 400);
    assert!(
        reason.starts_with("sendrawtransaction RPC error: "),
        "{reason}"
    );
}
