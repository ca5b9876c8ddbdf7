use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use bitcoin::sighash::{EcdsaSighashType, SighashCache};
use bitcoin::{
    Address, Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness,
    absolute, transaction,
};
use paystream_streamer::bitcoin::{Authentication, CoreNode};
use serde_json::{Value, json};

use super::process::{Process, free_tcp_port, program};
use super::until;

/// A regtest node with a wallet made of one key.
pub struct Bitcoind {
    process: Mutex<Process>,
    pub port: u16,
    pub folder: PathBuf,
    pub node: CoreNode,
    secret: SecretKey,
}

impl Bitcoind {
    pub async fn start(data: &Path) -> Self {
        let folder = data.join("bitcoin");
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_tcp_port();
        let cookie = folder.join("regtest/.cookie");
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let node = CoreNode::new(url, Authentication::Cookie(cookie)).unwrap();
        let process = Mutex::new(launch(&folder, port));
        let bitcoin = Self {
            process,
            port,
            folder,
            node,
            secret: SecretKey::from_slice(&[7; 32]).unwrap(),
        };
        bitcoin.answers().await;
        bitcoin.mine(101).await;
        bitcoin
    }

    async fn answers(&self) {
        until("the Bitcoin node answers", || async {
            self.node.call("getblockcount", json!([])).await.ok()
        })
        .await;
    }

    pub fn cookie(&self) -> PathBuf {
        self.folder.join("regtest/.cookie")
    }

    pub fn stop(&self) {
        self.process.lock().unwrap().terminate();
    }

    pub async fn start_again(&self) {
        *self.process.lock().unwrap() = launch(&self.folder, self.port);
        self.answers().await;
    }

    pub fn script(&self) -> ScriptBuf {
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &self.secret);
        ScriptBuf::new_p2wpkh(&bitcoin::CompressedPublicKey(key).wpubkey_hash())
    }

    pub async fn mine(&self, blocks: u32) {
        let address = Address::from_script(&self.script(), bitcoin::Network::Regtest).unwrap();
        self.node
            .call("generatetoaddress", json!([blocks, address.to_string()]))
            .await
            .unwrap();
    }

    pub async fn height(&self) -> u64 {
        self.node
            .call("getblockcount", json!([]))
            .await
            .unwrap()
            .as_u64()
            .unwrap()
    }

    /// Pays to a script out of the oldest mature coinbase that is left; not mined yet.
    pub async fn pay(&self, script: &ScriptBuf, value: Amount) -> OutPoint {
        let coin = self.coin().await;
        self.spend(coin, script, value, Amount::from_sat(1000))
            .await
    }

    /// Replaces an unconfirmed payment: its coin goes to ourselves, at a higher fee.
    pub async fn take_back(&self, payment: OutPoint) {
        let id = payment.txid.to_string();
        let paid = self.node.call("getrawtransaction", json!([id])).await;
        let paid: Transaction = deserialize_hex(paid.unwrap().as_str().unwrap()).unwrap();
        let held: Amount = paid.output.iter().map(|output| output.value).sum();
        let coin = (paid.input[0].previous_output, held + Amount::from_sat(1000));
        let script = self.script();
        self.spend(
            coin,
            &script,
            Amount::from_sat(50_000),
            Amount::from_sat(20_000),
        )
        .await;
    }

    async fn spend(
        &self,
        (from, held): (OutPoint, Amount),
        script: &ScriptBuf,
        value: Amount,
        fee: Amount,
    ) -> OutPoint {
        let mut transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: from,
                sequence: Sequence::MAX,
                ..TxIn::default()
            }],
            output: vec![
                TxOut {
                    value,
                    script_pubkey: script.clone(),
                },
                TxOut {
                    value: held - value - fee,
                    script_pubkey: self.script(),
                },
            ],
        };
        let secp = Secp256k1::new();
        let hash = SighashCache::new(&transaction)
            .p2wpkh_signature_hash(0, &self.script(), held, EcdsaSighashType::All)
            .unwrap();
        let signature = secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &self.secret);
        let signature = bitcoin::ecdsa::Signature::sighash_all(signature);
        transaction.input[0].witness =
            Witness::p2wpkh(&signature, &PublicKey::from_secret_key(&secp, &self.secret));
        self.send(&transaction).await;
        OutPoint {
            txid: transaction.compute_txid(),
            vout: 0,
        }
    }

    /// Gives the node a transaction, past the streamer.
    pub async fn send(&self, transaction: &Transaction) {
        self.node
            .call("sendrawtransaction", json!([serialize_hex(transaction)]))
            .await
            .unwrap();
    }

    async fn coin(&self) -> (OutPoint, Amount) {
        let tip = self.height().await;
        for height in 1..=tip.saturating_sub(100) {
            let hash = self
                .node
                .call("getblockhash", json!([height]))
                .await
                .unwrap();
            let block = self.node.call("getblock", json!([hash, 1])).await.unwrap();
            let txid: Txid = block["tx"][0].as_str().unwrap().parse().unwrap();
            let found = self
                .node
                .call("gettxout", json!([txid.to_string(), 0, true]))
                .await
                .unwrap();
            if !found.is_null() {
                return (
                    OutPoint { txid, vout: 0 },
                    Amount::from_btc(found["value"].as_f64().unwrap()).unwrap(),
                );
            }
        }
        panic!("no coin is left: mine more");
    }

    /// A confirmed transaction.
    pub async fn confirmed(&self, txid: &str) -> Transaction {
        let found = until("the transaction is known", || async {
            self.node
                .find("getrawtransaction", json!([txid, 1]))
                .await
                .unwrap()
        })
        .await;
        let found = if found["confirmations"].as_u64().unwrap_or(0) > 0 {
            found
        } else {
            self.mined(txid).await
        };
        deserialize_hex(found["hex"].as_str().unwrap()).unwrap()
    }

    async fn mined(&self, txid: &str) -> Value {
        self.mine(1).await;
        until("the transaction is confirmed", || async {
            let found = self
                .node
                .find("getrawtransaction", json!([txid, 1]))
                .await
                .unwrap()?;
            (found["confirmations"].as_u64().unwrap_or(0) > 0).then_some(found)
        })
        .await
    }
}

fn launch(folder: &Path, port: u16) -> Process {
    let home = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let builds: Vec<PathBuf> = home
        .and_then(|cache| std::fs::read_dir(cache.join("paystream")).ok())
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin/bitcoind"))
                .collect()
        })
        .unwrap_or_default();
    Process::start(
        Command::new(program("BITCOIND_EXE", "bitcoind", &builds))
            .args([
                "-regtest",
                "-server",
                "-txindex",
                "-listen=0",
                "-dnsseed=0",
                "-nodebuglogfile",
                "-dbcache=16",
            ])
            .arg(format!("-datadir={}", folder.display()))
            .arg(format!("-rpcport={port}")),
    )
}
