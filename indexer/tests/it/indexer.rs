//! The real binary.

use std::process::Command;

use reqwest::{Response, StatusCode};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::anvil::Anvil;
use crate::contracts::Contracts;
use crate::process::{Process, free_port};
use crate::wait::until;

/// A running indexer.
pub struct Indexer {
    _folder: TempDir,
    url: String,
    /// The process.
    pub process: Process,
}

impl Indexer {
    /// Starts one that follows `anvil` into `database`, without Redis.
    pub fn start(anvil: &Anvil, contracts: &Contracts, database: &str) -> Self {
        Self::start_with(anvil, contracts, database, &[])
    }

    /// Starts one with more flags.
    pub fn start_with(
        anvil: &Anvil,
        contracts: &Contracts,
        database: &str,
        flags: &[&str],
    ) -> Self {
        let endpoint = anvil.url();
        let flags = [&["--ethereum-rpc", &endpoint], flags].concat();
        Self::spawn(contracts, database, &flags, 0)
    }

    /// Starts one to which a chain without a new block for so many seconds stands still.
    pub fn start_impatient(
        anvil: &Anvil,
        contracts: &Contracts,
        database: &str,
        max_head_age: u64,
    ) -> Self {
        let endpoint = anvil.url();
        Self::spawn(
            contracts,
            database,
            &["--ethereum-rpc", &endpoint],
            max_head_age,
        )
    }

    /// Starts one with other endpoints before `anvil`.
    pub fn start_after(
        endpoints: &[&str],
        anvil: &Anvil,
        contracts: &Contracts,
        database: &str,
    ) -> Self {
        let endpoint = anvil.url();
        let flags = [endpoints, &["--ethereum-rpc", &endpoint]].concat();
        Self::spawn(contracts, database, &flags, 0)
    }

    /// Starts one that knows no endpoint but this.
    pub fn start_behind(endpoint: &str, contracts: &Contracts, database: &str) -> Self {
        Self::spawn(contracts, database, &["--ethereum-rpc", endpoint], 0)
    }

    /// A test's chain makes blocks on demand only: `max_head_age` is 0 where it does not matter.
    fn spawn(contracts: &Contracts, database: &str, flags: &[&str], max_head_age: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let deployment = folder.path().join("31337.json");
        std::fs::write(
            &deployment,
            serde_json::to_vec(&contracts.deployment).unwrap(),
        )
        .unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_paystream-indexer"));
        command
            .args(["serve", "--listen", &listen, "--poll-interval-ms", "50"])
            .args(["--max-head-age-seconds", &max_head_age.to_string()])
            .arg("--deployment")
            .arg(&deployment)
            .args(flags)
            .env("PAYSTREAM_INDEXER_DATABASE_URL", database);
        let process = Process::start(command, &folder.path().join("log"));
        Self {
            _folder: folder,
            url: format!("http://{listen}"),
            process,
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// GETs a path; nothing while nobody listens.
    pub async fn try_get(&self, path: &str) -> Option<Response> {
        reqwest::get(self.url(path)).await.ok()
    }

    /// GETs a path that must answer 200 with JSON.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.try_get(path).await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(
            status,
            StatusCode::OK,
            "{path}: {text}\n{}",
            self.process.output()
        );
        serde_json::from_str(&text).unwrap()
    }

    /// GETs a path that must answer a problem document; answers its status and code.
    pub async fn problem(&self, path: &str) -> (u16, String) {
        problem(self.try_get(path).await.unwrap()).await
    }

    /// What `/ready` says, and whether it is 200.
    pub async fn readiness(&self) -> Option<(bool, Value)> {
        let response = self.try_get("/ready").await?;
        let ready = response.status() == StatusCode::OK;
        Some((ready, response.json().await.ok()?))
    }

    /// Waits until the indexer is ready and at the chain's head.
    pub async fn catch_up(&mut self, anvil: &Anvil) {
        use alloy::providers::Provider;
        let head = anvil.provider(0).get_block_number().await.unwrap();
        self.process.assert_alive();
        let caught_up = || async {
            let (ready, body) = self.readiness().await?;
            let indexed = body["indexed_block"].as_u64()?;
            (ready && indexed == head).then_some(())
        };
        until("the indexer has caught up", caught_up).await;
    }

    /// Waits for `/ready` to say something.
    pub async fn until_ready_says(
        &self,
        what: &str,
        condition: impl Fn(bool, &Value) -> bool,
    ) -> Value {
        until(what, || async {
            let (ready, body) = self.readiness().await?;
            condition(ready, &body).then_some(body)
        })
        .await
    }
}

/// The status and the code of a problem document.
pub async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json",
        "{status}"
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], "about:blank");
    assert!(body["title"].is_string() && body["detail"].is_string());
    (status, body["code"].as_str().unwrap().to_owned())
}

/// Everything that a database mirrors, table by table, in a form that two databases can be compared in.
pub async fn contents_of(database: &str) -> Vec<(String, String)> {
    const TABLES: [&str; 10] = [
        "follower",
        "logs",
        "content_registrations",
        "content_terms",
        "content_changes",
        "stream_changes",
        "bitcoin_payouts",
        "views",
        "credits",
        "claims",
    ];
    let mut connection = PgConnection::connect(database).await.unwrap();
    let mut contents = Vec::new();
    for table in TABLES {
        let query = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)), '[]')::text from {table} t"
        );
        let rows: String = sqlx::query_scalar(&query)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        contents.push((table.to_owned(), rows));
    }
    // Blocks without logs come and go with finality: compare those that carry something.
    let blocks = "select coalesce(jsonb_agg(to_jsonb(t) order by t.number), '[]')::text from blocks t where has_logs";
    let rows: String = sqlx::query_scalar(blocks)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    contents.push(("blocks".to_owned(), rows));
    contents
}
