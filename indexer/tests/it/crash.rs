//! The indexer is killed in mid-work, and two run at once.

use alloy::primitives::B256;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::anvil::Anvil;
use crate::contracts::Contracts;
use crate::indexer::{Indexer, contents_of};
use crate::postgres::Postgres;
use crate::wait::until;

async fn head(database: &str) -> Option<i64> {
    let mut connection = PgConnection::connect(database).await.unwrap();
    sqlx::query_scalar("select head_number from follower")
        .fetch_one(&mut connection)
        .await
        .ok()
}

/// Many small blocks with something in most of them.
async fn busy_chain(anvil: &Anvil, contracts: &Contracts) {
    for number in 0..12 {
        let content = contracts
            .register(anvil, &format!("cid-{number}"), "A name")
            .await;
        contracts.stream(anvil, content, "http://a").await;
        contracts.view(anvil, content).await;
        anvil.mine(60).await;
    }
}

#[tokio::test]
async fn after_any_number_of_kills_no_row_is_lost_or_doubled() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    busy_chain(&anvil, &contracts).await;
    let database = postgres.database("indexer").await;

    // Small ranges make many transactions; each life is a little longer than the one before.
    let mut seen = Vec::new();
    for life in 1..40_i64 {
        let mut indexer =
            Indexer::start_with(&anvil, &contracts, &database, &["--max-block-range", "1"]);
        let target = seen.last().copied().unwrap_or(0) + 3 * life;
        let end = until("it has written something", || async {
            let head = head(&database).await?;
            (head >= target || indexer.readiness().await.is_some_and(|(ready, _)| ready))
                .then_some(head)
        })
        .await;
        indexer.process.kill();
        seen.push(end);
        if end as u64 >= 700 {
            break;
        }
    }
    assert!(seen.len() > 3, "it was killed in mid-work: {seen:?}");

    let mut indexer = Indexer::start(&anvil, &contracts, &database);
    indexer.catch_up(&anvil).await;
    let fresh = postgres.database("fresh").await;
    let mut undisturbed = Indexer::start(&anvil, &contracts, &fresh);
    undisturbed.catch_up(&anvil).await;
    assert_eq!(contents_of(&database).await, contents_of(&fresh).await);
    let page = indexer.get("/v1/contents").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_second_indexer_stands_by_and_takes_over() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let mut first = Indexer::start(&anvil, &contracts, &database);
    first.catch_up(&anvil).await;
    let mut second = Indexer::start(&anvil, &contracts, &database);
    let said = second
        .until_ready_says("the second is ready", |ready, _| ready)
        .await;
    assert_eq!(said["writer"], json!(false));

    contracts.register(&anvil, "cid", "Seen by both").await;
    second.catch_up(&anvil).await;
    assert_eq!(
        second.get("/v1/contents").await["items"][0]["name"],
        "Seen by both"
    );

    first.process.kill();
    second
        .until_ready_says("the second writes", |ready, body| {
            ready && body["writer"] == json!(true)
        })
        .await;
    contracts
        .register(&anvil, "cid-2", "Seen by the second")
        .await;
    second.catch_up(&anvil).await;
    assert_eq!(
        second.get("/v1/contents").await["items"][0]["name"],
        "Seen by the second"
    );
}

#[tokio::test]
async fn a_database_of_another_deployment_is_refused() {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let database = postgres.database("indexer").await;
    let contracts = Contracts::deploy(&anvil).await;
    let mut first = Indexer::start(&anvil, &contracts, &database);
    first.catch_up(&anvil).await;
    first.process.kill();

    let others = Contracts::deploy_with(&anvil, B256::ZERO).await;
    let mut second = Indexer::start(&anvil, &others, &database);
    let good = until("it ends", || std::future::ready(second.process.ended())).await;
    assert!(!good);
    assert!(
        second.process.output().contains("not the deployment given"),
        "{}",
        second.process.output()
    );
}
