//! Bitcoin Core's JSON-RPC.
//!
//! The cookie is read again whenever the node refuses the one at hand: a restarted node has a new one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, Txid};
use serde_json::{Value, json};
use url::Url;

use super::{BitcoinNode, Broadcast, NodeError, Output, Place, Tip};

/// How long one call may take; a scan of the whole UTXO set is given ten times as long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Core: the transaction is in the chain already.
const ALREADY_IN_CHAIN: i64 = -27;
/// Core: an object of this name is not there.
const NOT_FOUND: i64 = -5;

/// How to log in to the node.
#[derive(Clone)]
pub enum Authentication {
    /// With the cookie that the node writes into this file at each start.
    Cookie(PathBuf),
    /// As this user, with the password in this file.
    User {
        /// The user.
        user: String,
        /// The file with the password.
        password_file: PathBuf,
    },
}

/// A Bitcoin Core node, over JSON-RPC.
pub struct CoreNode {
    client: reqwest::Client,
    url: Url,
    authentication: Authentication,
    credentials: Mutex<Option<(String, String)>>,
}

impl fmt::Debug for CoreNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CoreNode({})", self.url)
    }
}

enum Failure {
    Refused { code: i64, message: String },
    Node(NodeError),
}

impl CoreNode {
    /// A client of the node at `url`. Nothing is asked yet.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(url: Url, authentication: Authentication) -> Result<Self, NodeError> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| NodeError::Unreachable(error.to_string()))?;
        Ok(Self {
            client,
            url,
            authentication,
            credentials: Mutex::new(None),
        })
    }

    fn read_credentials(&self) -> Result<(String, String), NodeError> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|error| NodeError::Unreachable(format!("{}: {error}", path.display())))
        };
        match &self.authentication {
            Authentication::Cookie(path) => {
                let text = read(path)?;
                let (user, password) =
                    text.trim().split_once(':').ok_or(NodeError::Unauthorized)?;
                Ok((user.to_owned(), password.to_owned()))
            }
            Authentication::User {
                user,
                password_file,
            } => Ok((user.clone(), read(password_file)?.trim().to_owned())),
        }
    }

    fn cached(&self) -> Option<(String, String)> {
        self.credentials
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, credentials: Option<(String, String)>) {
        *self
            .credentials
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = credentials;
    }

    async fn post(
        &self,
        method: &'static str,
        params: &Value,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let mut fresh = false;
        loop {
            let (user, password) = match self.cached() {
                Some(credentials) => credentials,
                None => {
                    fresh = true;
                    let credentials = self.read_credentials().map_err(Failure::Node)?;
                    self.remember(Some(credentials.clone()));
                    credentials
                }
            };
            let unreachable = |error: reqwest::Error| {
                Failure::Node(NodeError::Unreachable(error.without_url().to_string()))
            };
            let response = self
                .client
                .post(self.url.clone())
                .basic_auth(user, Some(password))
                .timeout(timeout)
                .json(&json!({"jsonrpc": "1.0", "id": "paystream", "method": method, "params": params}))
                .send()
                .await
                .map_err(unreachable)?;
            if matches!(response.status().as_u16(), 401 | 403) {
                self.remember(None);
                if fresh {
                    return Err(Failure::Node(NodeError::Unauthorized));
                }
                continue;
            }
            let mut body: Value = response.json().await.map_err(unreachable)?;
            if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
                return Err(Failure::Refused {
                    code: error["code"].as_i64().unwrap_or_default(),
                    message: error["message"].as_str().unwrap_or_default().to_owned(),
                });
            }
            return Ok(body["result"].take());
        }
    }

    /// Calls a method of the node.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value, NodeError> {
        self.post(method, &params, TIMEOUT)
            .await
            .map_err(|failure| failure.into_error(method))
    }

    /// Calls a method; that the node does not know the object is no error.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn find(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Option<Value>, NodeError> {
        match self.post(method, &params, TIMEOUT).await {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Refused {
                code: NOT_FOUND, ..
            }) => Ok(None),
            Err(failure) => Err(failure.into_error(method)),
        }
    }

    /// The unspent outputs of a script in the chain (not in the mempool), by a scan of the whole set: for regtest only.
    ///
    /// # Errors
    /// [`NodeError`]
    pub async fn scan(&self, script: &ScriptBuf) -> Result<Value, NodeError> {
        let params = json!(["start", [format!("raw({})", script.to_hex_string())]]);
        let method = "scantxoutset";
        self.post(method, &params, TIMEOUT * 10)
            .await
            .map_err(|failure| failure.into_error(method))
    }
}

impl Failure {
    fn into_error(self, method: &'static str) -> NodeError {
        match self {
            Self::Refused { code, message } => NodeError::Rpc {
                method,
                code,
                message,
            },
            Self::Node(error) => error,
        }
    }
}

/// Core writes bitcoins as decimal numbers with up to eight places; their shortest decimal form is read back exactly.
pub(crate) fn amount_of(value: &Value) -> Option<Amount> {
    Amount::from_btc(value.as_f64()?).ok()
}

fn confirmations(value: &Value) -> u32 {
    value
        .as_i64()
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(0)
}

#[async_trait::async_trait]
impl BitcoinNode for CoreNode {
    async fn tip(&self) -> Result<Tip, NodeError> {
        let shape = || NodeError::Shape {
            method: "getblockchaininfo",
        };
        let info = self.call("getblockchaininfo", json!([])).await?;
        let height = info["blocks"]
            .as_u64()
            .and_then(|height| u32::try_from(height).ok())
            .ok_or_else(shape)?;
        let hash = info["bestblockhash"].as_str().ok_or_else(shape)?.to_owned();
        // A regtest chain whose last block is a day old is not one that is catching up.
        let regtest = info["chain"].as_str() == Some("regtest");
        let syncing = info["initialblockdownload"].as_bool().unwrap_or(false) && !regtest;
        Ok(Tip {
            height,
            hash,
            syncing,
        })
    }

    async fn output(&self, outpoint: OutPoint) -> Result<Option<Output>, NodeError> {
        let shape = || NodeError::Shape { method: "gettxout" };
        let found = self
            .call(
                "gettxout",
                json!([outpoint.txid.to_string(), outpoint.vout, true]),
            )
            .await?;
        if found.is_null() {
            return Ok(None);
        }
        let script = found["scriptPubKey"]["hex"]
            .as_str()
            .and_then(|hex| ScriptBuf::from_hex(hex).ok())
            .ok_or_else(shape)?;
        let value = amount_of(&found["value"]).ok_or_else(shape)?;
        Ok(Some(Output {
            value,
            script,
            confirmations: confirmations(&found["confirmations"]),
        }))
    }

    async fn place(&self, txid: Txid, outputs: u32) -> Result<Place, NodeError> {
        if let Some(found) = self
            .find("getrawtransaction", json!([txid.to_string(), 1]))
            .await?
        {
            return Ok(match confirmations(&found["confirmations"]) {
                0 => Place::Mempool,
                count => Place::Chain(count),
            });
        }
        for vout in 0..outputs {
            let found = self
                .call("gettxout", json!([txid.to_string(), vout, false]))
                .await?;
            if !found.is_null() {
                return Ok(Place::Chain(confirmations(&found["confirmations"]).max(1)));
            }
        }
        Ok(Place::Unknown)
    }

    async fn broadcast(&self, transaction: &Transaction) -> Result<Broadcast, NodeError> {
        // A burned output is none of ours, and the fee was fixed when the channel was opened: no cap of the node's.
        let params = json!([serialize_hex(transaction), 0]);
        match self.post("sendrawtransaction", &params, TIMEOUT).await {
            Ok(_) => Ok(Broadcast::Accepted),
            Err(Failure::Refused {
                code: ALREADY_IN_CHAIN,
                ..
            }) => Ok(Broadcast::Accepted),
            Err(Failure::Refused { message, .. })
                if message.contains("already-known") || message.contains("already-in-mempool") =>
            {
                Ok(Broadcast::Accepted)
            }
            Err(Failure::Refused {
                code: -25 | -26,
                message,
            }) => Ok(Broadcast::Refused(message)),
            Err(failure) => Err(failure.into_error("sendrawtransaction")),
        }
    }

    async fn feerate_sat_vb(&self, blocks: u16) -> Result<Option<u64>, NodeError> {
        let estimate = self.call("estimatesmartfee", json!([blocks])).await?;
        Ok(amount_of(&estimate["feerate"]).map(|per_kvb| per_kvb.to_sat().div_ceil(1000)))
    }
}
