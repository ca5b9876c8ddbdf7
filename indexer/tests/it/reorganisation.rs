//! The chain changes its mind.

use reqwest::StatusCode;
use serde_json::json;

use crate::anvil::Anvil;
use crate::contracts::{CREATOR, Contracts, address};
use crate::indexer::{Indexer, contents_of};
use crate::postgres::Postgres;
use crate::wait::until;

/// Follows the chain from nothing and compares all that two indexers mirror.
async fn assert_as_if_followed_afresh(
    postgres: &Postgres,
    anvil: &Anvil,
    contracts: &Contracts,
    database: &str,
) {
    let fresh = postgres.database("fresh").await;
    let mut indexer = Indexer::start(anvil, contracts, &fresh);
    indexer.catch_up(anvil).await;
    assert_eq!(contents_of(database).await, contents_of(&fresh).await);
}

#[tokio::test]
async fn one_block_is_replaced_by_another() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    let content = contracts.register(&anvil, "cid", "Before").await;
    contracts.reprice(&anvil, content, 77).await;
    indexer.catch_up(&anvil).await;
    let found = indexer.get(&format!("/v1/contents/{content}")).await;
    assert_eq!(found["terms"]["price_per_view"], "77");

    // The block with the new price is gone; an empty one and one more stand in its place.
    anvil.call("anvil_reorg", json!([1, []])).await;
    anvil.mine(1).await;
    indexer.catch_up(&anvil).await;
    let found = indexer.get(&format!("/v1/contents/{content}")).await;
    assert_eq!(
        found["terms"]["price_per_view"], "1001",
        "the price before is back"
    );
    assert_eq!(found["updated"], found["registered"]);
    assert_as_if_followed_afresh(&postgres, &anvil, &contracts, &database).await;
}

#[tokio::test]
async fn a_block_of_the_same_height_takes_the_place_of_the_head() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    let content = contracts.register(&anvil, "cid", "A name").await;
    contracts.stream(&anvil, content, "http://a").await;
    indexer.catch_up(&anvil).await;

    anvil.call("anvil_reorg", json!([1, []])).await;
    until("the stream is gone", || async {
        let streams = indexer
            .get(&format!("/v1/contents/{content}/streams"))
            .await;
        (streams["items"] == json!([])).then_some(())
    })
    .await;
    assert_as_if_followed_afresh(&postgres, &anvil, &contracts, &database).await;
}

#[tokio::test]
async fn many_blocks_are_replaced_by_a_shorter_chain_with_other_transactions() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    let content = contracts.register(&anvil, "cid", "A name").await;
    contracts.stream(&anvil, content, "http://a").await;
    contracts.view(&anvil, content).await;
    let snapshot = anvil.call("evm_snapshot", json!([])).await;
    for _ in 0..3 {
        contracts.view(&anvil, content).await;
    }
    contracts.claim(&anvil, CREATOR).await;
    let gone = contracts.register(&anvil, "gone", "Never was").await;
    anvil.mine(10).await;
    indexer.catch_up(&anvil).await;
    let earnings = indexer
        .get(&format!("/v1/accounts/{}/earnings", address(CREATOR)))
        .await;
    assert_eq!(earnings["tokens"][0]["claimed_total"], "3604");

    assert_eq!(
        anvil.call("evm_revert", json!([snapshot])).await,
        json!(true)
    );
    contracts.unstream(&anvil, content).await;
    contracts.register(&anvil, "other", "Another").await;
    let path = format!("/v1/contents/{gone}");
    until("the other chain is followed", || async {
        let response = indexer.try_get(&path).await?;
        (response.status() == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    indexer.catch_up(&anvil).await;
    let earnings = indexer
        .get(&format!("/v1/accounts/{}/earnings", address(CREATOR)))
        .await;
    assert_eq!(earnings["tokens"][0]["earned_total"], "901");
    assert_eq!(earnings["claims"], json!([]));
    assert_as_if_followed_afresh(&postgres, &anvil, &contracts, &database).await;
}

#[tokio::test]
async fn what_was_final_is_never_taken_back() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    let snapshot = anvil.call("evm_snapshot", json!([])).await;
    let content = contracts.register(&anvil, "cid", "A name").await;
    anvil.mine(100).await;
    indexer.catch_up(&anvil).await;

    // A chain on which the content was never registered.
    assert_eq!(
        anvil.call("evm_revert", json!([snapshot])).await,
        json!(true)
    );
    anvil.mine(120).await;
    let said = indexer
        .until_ready_says("it refuses", |ready, body| {
            !ready
                && body["ethereum"]["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains("final"))
        })
        .await;
    assert_eq!(said["database"]["ok"], true);
    assert_eq!(
        indexer.get(&format!("/v1/contents/{content}")).await["name"],
        "A name"
    );
}
