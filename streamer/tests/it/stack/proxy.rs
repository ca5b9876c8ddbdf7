//! Stands between the streamer and its Ethereum node, and can hold back what is sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What happens to transactions that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// They go to the node.
    Pass,
    /// They are held back, and nobody is told.
    Held,
    /// They go to the node, and nobody is told.
    PassUnanswered,
    /// They are lost, and who sends them is told that the node failed.
    Lost,
}

/// The proxy.
pub struct Proxy {
    pub port: u16,
    sends: Arc<Mutex<Sends>>,
    refused: Arc<Mutex<Option<String>>>,
    widest: Arc<Mutex<Option<u64>>>,
    server: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Way {
    node: String,
    sends: Arc<Mutex<Sends>>,
    refused: Arc<Mutex<Option<String>>>,
    widest: Arc<Mutex<Option<u64>>>,
    http: reqwest::Client,
}

impl Proxy {
    pub async fn start(node_port: u16) -> Self {
        let sends = Arc::new(Mutex::new(Sends::Pass));
        let refused = Arc::default();
        let widest = Arc::default();
        let way = Way {
            node: format!("http://127.0.0.1:{node_port}"),
            sends: Arc::clone(&sends),
            refused: Arc::clone(&refused),
            widest: Arc::clone(&widest),
            http: reqwest::Client::new(),
        };
        let router = Router::new().route("/", post(forward)).with_state(way);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            port,
            sends,
            refused,
            widest,
            server,
        }
    }

    pub fn set(&self, sends: Sends) {
        *self.sends.lock().unwrap() = sends;
    }

    /// From now on the node fails at whatever it is asked with this text in it.
    pub fn refuse(&self, text: Option<&str>) {
        *self.refused.lock().unwrap() = text.map(str::to_owned);
    }

    /// From now on the node answers no question for the logs of more blocks than these.
    pub fn answer_ranges_of(&self, blocks: u64) {
        *self.widest.lock().unwrap() = Some(blocks);
    }
}

async fn forward(State(way): State<Way>, body: Bytes) -> impl IntoResponse {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let sends = *way.sends.lock().unwrap();
    let is_sent = request["method"] == "eth_sendRawTransaction";
    if is_sent && sends == Sends::Held {
        std::future::pending::<()>().await;
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let refused = way.refused.lock().unwrap().clone();
    let widest = *way.widest.lock().unwrap();
    let is_refused = refused.is_some_and(|text| request.to_string().contains(&text))
        || widest.is_some_and(|widest| blocks(&request).is_some_and(|blocks| blocks > widest));
    if is_refused || is_sent && sends == Sends::Lost {
        let error = json!({"code": -32_603, "message": "the node is out of sorts"});
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
        return (json, Bytes::from(answer.to_string()));
    }
    let asked = way.http.post(&way.node).body(body);
    let asked = asked.header(header::CONTENT_TYPE, "application/json");
    let answer = asked.send().await.unwrap().bytes().await.unwrap();
    if is_sent && sends == Sends::PassUnanswered {
        std::future::pending::<()>().await;
    }
    (json, answer)
}

/// Of how many blocks the logs are asked for.
fn blocks(request: &Value) -> Option<u64> {
    if request["method"] != "eth_getLogs" {
        return None;
    }
    let number = |end: &str| {
        let number = request["params"][0][end].as_str()?;
        u64::from_str_radix(number.strip_prefix("0x")?, 16).ok()
    };
    Some(number("toBlock")? - number("fromBlock")? + 1)
}
