//! A database that takes encrypted connections only, as managed ones do.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::anvil::Anvil;
use crate::contracts::Contracts;
use crate::indexer::Indexer;
use crate::postgres::Postgres;

#[tokio::test]
async fn a_database_is_followed_into_over_tls_and_its_server_known_by_its_certificate() {
    let (postgres, anvil) = tokio::join!(Postgres::start_encrypted(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    let database = postgres.database("indexer").await;
    let with = |options: &str| format!("{database}?{options}");
    let certificate = postgres.certificate();

    let refused = PgConnection::connect(&with("sslmode=disable")).await;
    assert!(refused.unwrap_err().to_string().contains("no encryption"));

    let mut indexer = Indexer::start(&anvil, &contracts, &with("sslmode=require"));
    contracts.register(&anvil, "cid", "A name").await;
    indexer.catch_up(&anvil).await;
    assert_eq!(
        indexer.get("/v1/contents").await["items"][0]["name"],
        "A name"
    );
    let mut connection = PgConnection::connect(&with("sslmode=require"))
        .await
        .unwrap();
    let clear: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_ssl join pg_stat_activity using (pid)
         where application_name = 'paystream-indexer' and not ssl",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(clear, 0, "no connection of the indexer is in the clear");
    drop(indexer);

    let known = format!("sslmode=verify-full&sslrootcert={}", certificate.display());
    let mut indexer = Indexer::start(&anvil, &contracts, &with(&known));
    indexer.catch_up(&anvil).await;
    drop(indexer);

    // Without its certificate, a server that signed for itself is nobody's.
    let stranger = Indexer::start(&anvil, &contracts, &with("sslmode=verify-full"));
    let said = stranger
        .until_ready_says("it does not trust the server", |ready, body| {
            !ready && body["writer"] == json!(false) && body["chain_block"].is_u64()
        })
        .await;
    assert_eq!(said["database"]["ok"], json!(false));
}
