//! The Esplora subset for regtest, answered from the node (docs/protocol.md, section 9).
//!
//! On public networks a viewer uses a server of its own choice; so this router exists on regtest only.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bitcoin::address::NetworkUnchecked;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Address, Transaction, Txid};
use serde_json::{Value, json};

use super::body::body;
use crate::app::App;
use crate::bitcoin::{BitcoinNode, Broadcast, NodeError, amount_of};
use crate::error::{Code, Error, Result, refused};

/// The routes, without their prefix.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/blocks/tip/height", get(tip_height))
        .route("/blocks/tip/hash", get(tip_hash))
        .route("/address/{address}/utxo", get(address_utxo))
        .route("/tx", post(broadcast))
        .route("/tx/{txid}", get(transaction))
        .route("/tx/{txid}/hex", get(transaction_hex))
        .route("/tx/{txid}/status", get(transaction_status))
        .route("/tx/{txid}/outspend/{vout}", get(outspend))
        .route("/fee-estimates", get(fee_estimates))
}

fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain")], text).into_response()
}

fn shape(method: &'static str) -> Error {
    NodeError::Shape { method }.into()
}

fn txid(text: &str) -> Result<Txid> {
    Txid::from_str(text).map_err(|_| refused(Code::Malformed, "that is not a transaction id"))
}

async fn tip_height(State(app): State<Arc<App>>) -> Result<Response> {
    Ok(text(app.node.tip().await?.height.to_string()))
}

async fn tip_hash(State(app): State<Arc<App>>) -> Result<Response> {
    Ok(text(app.node.tip().await?.hash))
}

async fn find(app: &App, txid: Txid) -> Result<Value> {
    let found = app
        .node
        .find("getrawtransaction", json!([txid.to_string(), 1]))
        .await?;
    found.ok_or_else(|| refused(Code::NotFound, "the node does not know that transaction"))
}

async fn status(app: &App, transaction: &Value) -> Result<Value> {
    let Some(hash) = transaction["blockhash"].as_str() else {
        return Ok(json!({"confirmed": false}));
    };
    let header = app.node.call("getblockheader", json!([hash])).await?;
    Ok(
        json!({"confirmed": true, "block_height": header["height"], "block_hash": hash, "block_time": header["time"]}),
    )
}

fn sat(value: &Value) -> Result<u64> {
    amount_of(value)
        .map(|amount| amount.to_sat())
        .ok_or_else(|| shape("getrawtransaction"))
}

async fn transaction(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Value>> {
    let found = find(&app, txid(&id)?).await?;
    let status = status(&app, &found).await?;
    let vin: Vec<Value> = list(&found["vin"])
        .iter()
        .map(|input| {
            json!({
                "txid": input["txid"], "vout": input["vout"], "sequence": input["sequence"],
                "is_coinbase": input["coinbase"].is_string(), "scriptsig": input["scriptSig"]["hex"], "witness": input["txinwitness"],
            })
        })
        .collect();
    let vout = list(&found["vout"])
        .iter()
        .map(output)
        .collect::<Result<Vec<_>>>()?;
    Ok(Json(json!({
        "txid": found["txid"], "version": found["version"], "locktime": found["locktime"], "vin": vin, "vout": vout,
        "size": found["size"], "weight": found["weight"], "status": status,
    })))
}

fn output(output: &Value) -> Result<Value> {
    let script = &output["scriptPubKey"];
    Ok(json!({
        "scriptpubkey": script["hex"], "scriptpubkey_asm": script["asm"], "scriptpubkey_type": script["type"],
        "scriptpubkey_address": script["address"], "value": sat(&output["value"])?,
    }))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

async fn transaction_hex(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response> {
    let found = find(&app, txid(&id)?).await?;
    Ok(text(
        found["hex"]
            .as_str()
            .ok_or_else(|| shape("getrawtransaction"))?
            .to_owned(),
    ))
}

async fn transaction_status(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let found = app
        .node
        .find("getrawtransaction", json!([txid(&id)?.to_string(), 1]))
        .await?;
    match found {
        Some(found) => Ok(Json(status(&app, &found).await?)),
        None => Ok(Json(json!({"confirmed": false}))),
    }
}

/// The mempool is asked first, then the blocks from the funding on: regtest chains are short.
async fn outspend(
    State(app): State<Arc<App>>,
    Path((id, vout)): Path<(String, u32)>,
) -> Result<Json<Value>> {
    let id = txid(&id)?;
    let found = find(&app, id).await?;
    if list(&found["vout"]).len() <= vout as usize {
        return Err(refused(
            Code::NotFound,
            "the transaction has no such output",
        ));
    }
    let unspent = app
        .node
        .call("gettxout", json!([id.to_string(), vout, true]))
        .await?;
    if !unspent.is_null() {
        return Ok(Json(json!({"spent": false})));
    }
    let spenders = app
        .node
        .call(
            "gettxspendingprevout",
            json!([[{"txid": id.to_string(), "vout": vout}]]),
        )
        .await?;
    if let Some(spender) = spenders[0]["spendingtxid"].as_str() {
        return Ok(Json(
            json!({"spent": true, "txid": spender, "status": {"confirmed": false}}),
        ));
    }
    let mut next = found["blockhash"].as_str().map(str::to_owned);
    while let Some(hash) = next {
        let block = app.node.call("getblock", json!([hash, 2])).await?;
        for transaction in list(&block["tx"]) {
            let inputs = list(&transaction["vin"]);
            let place = inputs.iter().position(|input| {
                input["txid"] == json!(id.to_string()) && input["vout"] == json!(vout)
            });
            if let Some(vin) = place {
                let status = json!({"confirmed": true, "block_height": block["height"], "block_hash": hash, "block_time": block["time"]});
                return Ok(Json(
                    json!({"spent": true, "txid": transaction["txid"], "vin": vin, "status": status}),
                ));
            }
        }
        next = block["nextblockhash"].as_str().map(str::to_owned);
    }
    Ok(Json(json!({"spent": false})))
}

async fn address_utxo(
    State(app): State<Arc<App>>,
    Path(address): Path<String>,
) -> Result<Json<Value>> {
    let script = Address::<NetworkUnchecked>::from_str(&address)
        .ok()
        .and_then(|address| {
            address
                .require_network(app.config.bitcoin_network.bitcoin())
                .ok()
        })
        .map(|address| address.script_pubkey())
        .ok_or_else(|| refused(Code::Malformed, "that is not an address of this network"))?;
    let scan = app.node.scan(&script).await?;
    let mut utxos = Vec::new();
    let spent_in_mempool = spent_in_mempool(&app).await?;
    for unspent in list(&scan["unspents"]) {
        let key = (
            unspent["txid"].as_str().unwrap_or_default().to_owned(),
            unspent["vout"].as_u64().unwrap_or_default(),
        );
        if spent_in_mempool.spent.contains(&key) {
            continue;
        }
        let height = &unspent["height"];
        let hash = app.node.call("getblockhash", json!([height])).await?;
        utxos.push(json!({
            "txid": unspent["txid"], "vout": unspent["vout"], "value": sat(&unspent["amount"])?,
            "status": {"confirmed": true, "block_height": height, "block_hash": hash},
        }));
    }
    for (id, vout, output) in spent_in_mempool.outputs {
        if output["scriptPubKey"]["hex"] == json!(script.to_hex_string())
            && !spent_in_mempool.spent.contains(&(id.clone(), vout))
        {
            utxos.push(json!({"txid": id, "vout": vout, "value": sat(&output["value"])?, "status": {"confirmed": false}}));
        }
    }
    Ok(Json(json!(utxos)))
}

/// What the mempool makes and spends.
struct Pending {
    spent: HashSet<(String, u64)>,
    outputs: Vec<(String, u64, Value)>,
}

async fn spent_in_mempool(app: &App) -> Result<Pending> {
    let mut pending = Pending {
        spent: HashSet::new(),
        outputs: Vec::new(),
    };
    let ids = app.node.call("getrawmempool", json!([])).await?;
    for id in list(&ids).iter().filter_map(Value::as_str) {
        // It may have been mined since.
        let Some(transaction) = app.node.find("getrawtransaction", json!([id, 1])).await? else {
            continue;
        };
        for input in list(&transaction["vin"]) {
            let txid = input["txid"].as_str().unwrap_or_default().to_owned();
            pending
                .spent
                .insert((txid, input["vout"].as_u64().unwrap_or_default()));
        }
        for output in list(&transaction["vout"]) {
            pending.outputs.push((
                id.to_owned(),
                output["n"].as_u64().unwrap_or_default(),
                output.clone(),
            ));
        }
    }
    Ok(pending)
}

async fn fee_estimates(State(app): State<Arc<App>>) -> Result<Json<Value>> {
    let mut estimates = serde_json::Map::new();
    for target in [1u16, 2, 3, 6, 12, 144] {
        let rate = app
            .node
            .feerate_sat_vb(target)
            .await?
            .unwrap_or(app.config.fallback_feerate_sat_vb);
        estimates.insert(target.to_string(), json!(rate));
    }
    Ok(Json(Value::Object(estimates)))
}

async fn broadcast(State(app): State<Arc<App>>, request: Request) -> Result<Response> {
    let bytes = body(request, &app).await?;
    let malformed = || refused(Code::Malformed, "the body is not a transaction in hex");
    let hex = std::str::from_utf8(&bytes).map_err(|_| malformed())?.trim();
    let transaction: Transaction = deserialize_hex(hex).map_err(|_| malformed())?;
    match app.node.broadcast(&transaction).await? {
        Broadcast::Accepted => Ok(text(transaction.compute_txid().to_string())),
        // Esplora answers refusals in plain text.
        Broadcast::Refused(reason) => {
            let reason = format!("sendrawtransaction RPC error: {reason}");
            Ok((
                StatusCode::BAD_REQUEST,
                [(header::CONTENT_TYPE, "text/plain")],
                reason,
            )
                .into_response())
        }
    }
}
