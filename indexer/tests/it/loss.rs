//! PostgreSQL and the Ethereum node go away and come back.

use serde_json::json;

use crate::anvil::Anvil;
use crate::contracts::Contracts;
use crate::indexer::Indexer;
use crate::postgres::Postgres;

#[tokio::test]
async fn the_database_goes_and_comes_back() {
    let (mut postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    contracts.register(&anvil, "cid-1", "Before").await;
    indexer.catch_up(&anvil).await;

    postgres.stop();
    let said = indexer
        .until_ready_says("it misses the database", |ready, body| {
            !ready && body["database"]["ok"] == json!(false)
        })
        .await;
    assert_eq!(said["redis"]["ok"], false);
    assert_eq!(
        indexer.problem("/v1/contents").await,
        (503, "unavailable".to_owned())
    );
    assert_eq!(indexer.get("/health").await["status"], "ok");
    contracts.register(&anvil, "cid-2", "Meanwhile").await;

    postgres.resume().await;
    indexer.catch_up(&anvil).await;
    let page = indexer.get("/v1/contents").await;
    assert_eq!(page["items"][0]["name"], "Meanwhile");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_ethereum_node_goes_and_comes_back() {
    let (postgres, mut anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    contracts.register(&anvil, "cid-1", "Before").await;
    indexer.catch_up(&anvil).await;

    anvil.stop();
    let said = indexer
        .until_ready_says("it misses the node", |ready, body| {
            !ready && body["ethereum"]["ok"] == json!(false)
        })
        .await;
    assert_eq!(said["database"]["ok"], true);
    assert_eq!(
        indexer.get("/v1/contents").await["items"][0]["name"],
        "Before"
    );

    anvil.resume().await;
    contracts.register(&anvil, "cid-2", "After").await;
    indexer.catch_up(&anvil).await;
    let page = indexer.get("/v1/contents").await;
    assert_eq!(page["items"][0]["name"], "After");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_node_whose_chain_stands_still_is_not_ready_until_it_moves() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start_impatient(&anvil, &contracts, &database, 5);
    contracts.register(&anvil, "cid-1", "Before").await;
    indexer
        .until_ready_says("it is ready", |ready, _| ready)
        .await;
    let said = indexer
        .until_ready_says("the chain stands still", |ready, _| !ready)
        .await;
    assert_eq!(said["ethereum"]["ok"], json!(false));
    let detail = said["ethereum"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("stands still"), "{detail}");
    assert_eq!(
        (&said["database"]["ok"], &said["head"]["ok"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        indexer.get("/v1/contents").await["items"][0]["name"],
        "Before",
        "what is mirrored is served all the same"
    );
    anvil.mine(1).await;
    indexer
        .until_ready_says("it is ready again", |ready, _| ready)
        .await;
    indexer.process.assert_alive();
}

#[tokio::test]
async fn it_starts_before_everything_that_it_needs() {
    let (mut postgres, mut anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    contracts.register(&anvil, "cid", "A name").await;
    postgres.stop();
    anvil.stop();

    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    indexer
        .until_ready_says("it is up and not ready", |ready, _| !ready)
        .await;
    anvil.resume().await;
    postgres.resume().await;
    indexer.catch_up(&anvil).await;
    assert_eq!(
        indexer.get("/v1/contents").await["items"][0]["name"],
        "A name"
    );
}

#[tokio::test]
async fn the_next_endpoint_is_used_when_one_is_dead_or_on_another_chain() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    // A chain without the contracts, and a port on which nobody listens.
    let empty = Anvil::start().await;
    let dead = format!("http://127.0.0.1:{}", crate::process::free_port());
    let flags = ["--ethereum-rpc", &empty.url(), "--ethereum-rpc", &dead];
    let mut indexer = Indexer::start_after(&flags, &anvil, &contracts, &database);
    contracts.register(&anvil, "cid", "A name").await;
    indexer.catch_up(&anvil).await;
    assert!(
        indexer.process.output().contains("there is no contract at"),
        "{}",
        indexer.process.output()
    );
}
