//! A node that refuses, lies, or changes its mind: anvil behind a proxy that alters its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::{Json, Router, routing};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::anvil::Anvil;
use crate::contracts::Contracts;
use crate::indexer::{Indexer, contents_of};
use crate::postgres::Postgres;
use crate::wait::until;

/// What the proxy does to the answers to `eth_getLogs`.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Refuses more than three blocks at once.
    RefusesRanges,
    /// Names another block as each log's.
    LiesAboutBlocks,
    /// Names another contract as each log's.
    LiesAboutContracts,
    /// Gives logs of blocks that were not asked for.
    LiesAboutRanges,
    /// Says each log twice.
    RepeatsItself,
}

struct Proxy {
    upstream: String,
    manner: Manner,
    /// How many more answers are altered.
    lies: AtomicU32,
    altered: AtomicU32,
}

impl Proxy {
    async fn start(anvil: &Anvil, manner: Manner, lies: u32) -> (Arc<Self>, String) {
        let proxy = Arc::new(Self {
            upstream: anvil.url(),
            manner,
            lies: AtomicU32::new(lies),
            altered: AtomicU32::new(0),
        });
        let router = Router::new()
            .route("/", routing::post(answer))
            .with_state(Arc::clone(&proxy));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, url)
    }

    /// Alters an answer; `filter` is what was asked.
    fn alter(&self, filter: &Value, answer: &mut Value) -> bool {
        let number = |name: &str| {
            let digits = filter[name].as_str()?.strip_prefix("0x")?;
            u64::from_str_radix(digits, 16).ok()
        };
        let range = number("fromBlock").zip(number("toBlock"));
        if let Manner::RefusesRanges = self.manner {
            let refuses = range.is_some_and(|(from, to)| to - from + 1 > 3);
            if refuses {
                *answer = json!({"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32005, "message": "range too long"}});
            }
            return refuses;
        }
        let Some(logs) = answer["result"]
            .as_array_mut()
            .filter(|logs| !logs.is_empty())
        else {
            return false;
        };
        match self.manner {
            Manner::RefusesRanges => {}
            Manner::LiesAboutBlocks => logs
                .iter_mut()
                .for_each(|log| log["blockHash"] = json!(format!("0x{}", "ab".repeat(32)))),
            Manner::LiesAboutContracts => logs
                .iter_mut()
                .for_each(|log| log["address"] = json!(format!("0x{}", "ab".repeat(20)))),
            Manner::LiesAboutRanges => logs
                .iter_mut()
                .for_each(|log| log["blockNumber"] = json!("0xffffff")),
            Manner::RepeatsItself => {
                let again = logs.clone();
                logs.extend(again);
            }
        }
        true
    }
}

async fn answer(State(proxy): State<Arc<Proxy>>, Json(request): Json<Value>) -> Json<Value> {
    let response = reqwest::Client::new()
        .post(&proxy.upstream)
        .json(&request)
        .send()
        .await
        .unwrap();
    let mut answer: Value = response.json().await.unwrap();
    let lies = proxy.lies.load(Ordering::Relaxed) > 0;
    if request["method"] == "eth_getLogs" && lies && proxy.alter(&request["params"][0], &mut answer)
    {
        proxy.lies.fetch_sub(1, Ordering::Relaxed);
        proxy.altered.fetch_add(1, Ordering::Relaxed);
    }
    Json(answer)
}

/// Whatever the node does to some of its answers, what is mirrored is what an honest node would have given.
async fn assert_unharmed_by(manner: Manner, lies: u32) {
    let (postgres, anvil) = tokio::join!(Postgres::start(), Anvil::start());
    let contracts = Contracts::deploy(&anvil).await;
    // Some of it is final, and some is not.
    let content = contracts.register(&anvil, "cid", "A name").await;
    contracts.stream(&anvil, content, "http://a").await;
    anvil.mine(100).await;
    contracts.view(&anvil, content).await;
    contracts.view(&anvil, content).await;
    anvil.mine(5).await;

    let (proxy, url) = Proxy::start(&anvil, manner, lies).await;
    let database = postgres.database("indexer").await;
    let mut indexer = Indexer::start_behind(&url, &contracts, &database);
    let altered = || std::future::ready((proxy.altered.load(Ordering::Relaxed) > 0).then_some(()));
    until("the node has misbehaved", altered).await;
    indexer.catch_up(&anvil).await;

    let fresh = postgres.database("fresh").await;
    let mut honest = Indexer::start(&anvil, &contracts, &fresh);
    honest.catch_up(&anvil).await;
    assert_eq!(
        contents_of(&database).await,
        contents_of(&fresh).await,
        "{manner:?}"
    );
}

#[tokio::test]
async fn a_range_that_is_refused_is_asked_for_in_parts() {
    assert_unharmed_by(Manner::RefusesRanges, u32::MAX).await;
}

#[tokio::test]
async fn a_log_of_a_block_that_is_not_on_the_chain_is_not_believed() {
    assert_unharmed_by(Manner::LiesAboutBlocks, 3).await;
}

#[tokio::test]
async fn a_log_of_another_contract_is_not_believed() {
    assert_unharmed_by(Manner::LiesAboutContracts, 3).await;
}

#[tokio::test]
async fn a_log_from_outside_the_range_is_not_believed() {
    assert_unharmed_by(Manner::LiesAboutRanges, 3).await;
}

#[tokio::test]
async fn a_log_that_is_given_twice_is_one_log() {
    assert_unharmed_by(Manner::RepeatsItself, u32::MAX).await;
}
