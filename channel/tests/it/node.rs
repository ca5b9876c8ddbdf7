//! Closing and refund before a real Bitcoin Core on regtest.

use std::{
    env,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use paystream_channel::{
    ChannelTerms, Funding, FundingOutput, Payment,
    bitcoin::{
        Address, Amount, CompressedPublicKey, EcdsaSighashType, OutPoint, ScriptBuf, Sequence,
        Transaction, TxIn, TxOut, Txid, Witness,
        absolute::LockTime,
        consensus::encode::{deserialize_hex, serialize_hex},
        ecdsa,
        hashes::Hash,
        secp256k1::{Message, Secp256k1, SecretKey},
        sighash::SighashCache,
        transaction::Version,
    },
    closing_transaction, complete_closing, refund_transaction,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{provider_secret, public, secret, terms_with, viewer_secret};

/// "test:test" as basic authentication.
const AUTHORIZATION: &str = "Basic dGVzdDp0ZXN0";

struct Node {
    process: Child,
    port: u16,
    _data: TempDir,
}

impl Node {
    fn start() -> Self {
        let data = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(executable())
            .args([
                "-regtest",
                "-server",
                "-listen=0",
                "-dnsseed=0",
                "-rpcuser=test",
                "-rpcpassword=test",
                "-dbcache=16",
            ])
            .arg(format!("-datadir={}", data.path().display()))
            .arg(format!("-rpcport={port}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut node = Self {
            process,
            port,
            _data: data,
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while node.try_call("getblockcount", &json!([])).is_err() {
            assert!(
                node.process.try_wait().unwrap().is_none(),
                "bitcoind stopped while starting"
            );
            assert!(Instant::now() < deadline, "bitcoind does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        node
    }

    fn try_call(&self, method: &str, params: &Value) -> Result<Value, String> {
        let body =
            json!({ "jsonrpc": "1.0", "id": 1, "method": method, "params": params }).to_string();
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {AUTHORIZATION}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .map_err(|error| error.to_string())?;
        let body = answer.split_once("\r\n\r\n").ok_or("no HTTP answer")?.1;
        let mut answer: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        if answer["error"].is_null() {
            Ok(answer["result"].take())
        } else {
            Err(answer["error"].to_string())
        }
    }

    fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, &params)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn height(&self) -> u32 {
        self.call("getblockcount", json!([]))
            .as_u64()
            .unwrap()
            .try_into()
            .unwrap()
    }

    fn mine(&self, blocks: u32, to: &Miner) {
        self.call("generatetoaddress", json!([blocks, to.address()]));
    }

    /// Why the mempool would refuse the transaction; nothing when it would take it.
    fn refusal(&self, transaction: &Transaction) -> Option<String> {
        let answer =
            self.call("testmempoolaccept", json!([[serialize_hex(transaction)]]))[0].take();
        (answer["allowed"] != true).then(|| answer["reject-reason"].to_string())
    }

    fn send(&self, transaction: &Transaction) {
        self.call("sendrawtransaction", json!([serialize_hex(transaction)]));
    }

    fn output(&self, txid: Txid, vout: usize) -> (u64, ScriptBuf, u64) {
        let output = self.call("gettxout", json!([txid, vout]));
        let sat = Amount::from_btc(output["value"].as_f64().unwrap())
            .unwrap()
            .to_sat();
        let script = ScriptBuf::from_hex(output["scriptPubKey"]["hex"].as_str().unwrap()).unwrap();
        (sat, script, output["confirmations"].as_u64().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn executable() -> PathBuf {
    if let Some(path) = env::var_os("BITCOIND_EXE") {
        return path.into();
    }
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("bitcoind"))
        .find(|path| path.is_file())
        .expect("Bitcoin Core is needed: set BITCOIND_EXE or put bitcoind into PATH")
}

/// A key that coinbases pay, for a node without a wallet.
struct Miner(SecretKey);

impl Miner {
    fn key(&self) -> CompressedPublicKey {
        CompressedPublicKey(public(&self.0))
    }

    fn address(&self) -> String {
        Address::p2wpkh(&self.key(), paystream_channel::Network::Regtest.hrp()).to_string()
    }

    /// Spends the coinbase of a block to the channel.
    fn fund(&self, node: &Node, height: u32, terms: &ChannelTerms, value: Amount) -> Funding {
        let block = node.call(
            "getblock",
            json!([node.call("getblockhash", json!([height])), 2]),
        );
        let coinbase: Transaction =
            deserialize_hex(block["tx"][0]["hex"].as_str().unwrap()).unwrap();
        let spent = &coinbase.output[0];
        let own = ScriptBuf::new_p2wpkh(&self.key().wpubkey_hash());
        let mut transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint {
                    txid: coinbase.compute_txid(),
                    vout: 0,
                },
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                ..TxIn::default()
            }],
            output: vec![
                TxOut {
                    value: spent.value - value - Amount::from_sat(1_000),
                    script_pubkey: own.clone(),
                },
                TxOut {
                    value,
                    script_pubkey: terms.address().script_pubkey(),
                },
            ],
        };
        let digest = SighashCache::new(&transaction)
            .p2wpkh_signature_hash(0, &own, spent.value, EcdsaSighashType::All)
            .unwrap()
            .to_byte_array();
        let signature = ecdsa::Signature::sighash_all(
            Secp256k1::new().sign_ecdsa(&Message::from_digest(digest), &self.0),
        );
        transaction.input[0].witness = Witness::p2wpkh(&signature, &self.key().0);
        node.send(&transaction);
        node.mine(1, self);
        let outpoint = OutPoint {
            txid: transaction.compute_txid(),
            vout: 1,
        };
        Funding::new(vec![
            FundingOutput::from_tx_out(terms, outpoint, &transaction.output[1]).unwrap(),
        ])
        .unwrap()
    }
}

#[test]
fn a_channel_closes_with_exact_outputs_and_another_refunds_after_its_expiry() {
    let (node, miner) = (Node::start(), Miner(secret(0x77)));
    node.mine(102, &miner);
    let terms = terms_with(|fields| fields.expiry_height = node.height() + 150);
    let capacity = Amount::from_sat(100_000);
    let funding = miner.fund(&node, 1, &terms, capacity);
    let abandoned = miner.fund(&node, 2, &terms, capacity);

    // The close of the last of several payments.
    let paid = Amount::from_sat(12_345);
    let payment = Payment::sign(&terms, &funding, 9, paid, &viewer_secret()).unwrap();
    let closing = complete_closing(&terms, &funding, &payment, &provider_secret(), &[]).unwrap();
    assert_eq!(node.refusal(&closing), None);
    let unsigned = closing_transaction(&terms, &funding, paid).unwrap();
    assert!(
        node.refusal(unsigned.transaction()).is_some(),
        "without signatures it is nothing"
    );
    node.send(&closing);
    node.mine(1, &miner);
    let txid = closing.compute_txid();
    assert_eq!(
        node.output(txid, 0),
        (1_234, terms.provider_script.clone(), 1)
    );
    assert_eq!(
        node.output(txid, 1),
        (11_111, terms.creator_script.clone(), 1)
    );
    assert_eq!(
        node.output(txid, 2),
        (100_000 - 316 - 12_345, terms.change_script.clone(), 1)
    );

    // The smallest payment closes too: its value stays with the viewer, and no dust is made.
    let smallest = Payment::sign(&terms, &abandoned, 1, Amount::ONE_SAT, &viewer_secret()).unwrap();
    assert_eq!(
        node.refusal(
            &complete_closing(&terms, &abandoned, &smallest, &provider_secret(), &[]).unwrap()
        ),
        None
    );

    // The refund, one block early and then in time.
    let refund = refund_transaction(&terms, &abandoned, Amount::from_sat(500))
        .unwrap()
        .sign(&terms, &viewer_secret())
        .unwrap();
    node.mine(terms.expiry_height - 1 - node.height(), &miner);
    assert!(node.refusal(&refund).unwrap().contains("non-final"));
    node.mine(1, &miner);
    assert_eq!(node.refusal(&refund), None);
    node.send(&refund);
    node.mine(1, &miner);
    assert_eq!(
        node.output(refund.compute_txid(), 0),
        (99_500, terms.change_script.clone(), 1)
    );
}
