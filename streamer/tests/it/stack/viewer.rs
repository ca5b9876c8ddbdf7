use alloy::primitives::B256;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use bitcoin::{Amount, OutPoint};
use futures::{SinkExt, StreamExt};
use paystream_channel::{ChannelTerms, ContentId, Funding, Payment, sign_session_start};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Bitcoind, Stack, Streamer, until};

/// The viewer's own script.
pub const CHANGE: &str = "00140303030303030303030303030303030303030303";

/// A channel as its viewer holds it.
pub struct Opened {
    pub secret: SecretKey,
    pub id: String,
    pub terms: ChannelTerms,
    pub funding: Option<Funding>,
}

impl Opened {
    /// Opens a channel, and checks that its id and address are what the terms say.
    pub async fn open(streamer: &Streamer, content: B256) -> Self {
        let mut bytes = [0u8; 32];
        rand::fill(&mut bytes[..]);
        let secret = SecretKey::from_slice(&bytes).unwrap();
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &secret);
        let body =
            json!({"content_id": content, "viewer_key": key.to_string(), "change_script": CHANGE});
        let (status, channel) = streamer.post("/v1/channels", &body).await;
        assert_eq!(status, 201, "{channel}");
        let terms: ChannelTerms = serde_json::from_value(channel["terms"].clone()).unwrap();
        assert_eq!(channel["channel_id"], terms.channel_id().to_string());
        assert_eq!(channel["address"], terms.address().to_string());
        assert_eq!(channel["state"], "awaiting_funding");
        Self {
            secret,
            id: terms.channel_id().to_string(),
            terms,
            funding: None,
        }
    }

    /// Opens and funds a channel; the funding is confirmed.
    pub async fn funded(stack: &Stack, sat: u64) -> Self {
        Self::funded_for(stack, stack.chain.content, sat).await
    }

    /// The same, for another content.
    pub async fn funded_for(stack: &Stack, content: B256, sat: u64) -> Self {
        let mut opened = Self::open(&stack.streamer, content).await;
        opened.fund(&stack.streamer, &stack.bitcoin, sat).await;
        stack.bitcoin.mine(1).await;
        opened.becomes(&stack.streamer, "open").await;
        opened
    }

    pub async fn fund(&mut self, streamer: &Streamer, bitcoin: &Bitcoind, sat: u64) {
        let outpoint = bitcoin
            .pay(&self.terms.funding_script(), Amount::from_sat(sat))
            .await;
        let (status, channel) = self.hint(streamer, outpoint).await;
        assert_eq!(
            (status, &channel["state"]),
            (200, &json!("unconfirmed")),
            "{channel}"
        );
        self.funding = Some(serde_json::from_value(channel["funding"].clone()).unwrap());
    }

    pub async fn hint(&self, streamer: &Streamer, outpoint: OutPoint) -> (u16, Value) {
        let body = json!({"txid": outpoint.txid, "vout": outpoint.vout});
        streamer
            .post(&format!("/v1/channels/{}/funding", self.id), &body)
            .await
    }

    pub async fn show(&self, streamer: &Streamer) -> Value {
        streamer.get(&format!("/v1/channels/{}", self.id)).await.1
    }

    pub async fn becomes(&self, streamer: &Streamer, state: &str) {
        until(state, || async {
            (self.show(streamer).await["state"] == state).then_some(())
        })
        .await;
    }

    pub fn signed(&self, sequence: u32, sat: u64) -> Payment {
        let funding = self.funding.as_ref().unwrap();
        Payment::sign(
            &self.terms,
            funding,
            sequence,
            Amount::from_sat(sat),
            &self.secret,
        )
        .unwrap()
    }

    pub fn payment(&self, sequence: u32, sat: u64) -> Value {
        let mut message = serde_json::to_value(self.signed(sequence, sat)).unwrap();
        message["type"] = json!("payment");
        message
    }

    pub fn start_message(&self, nonce: &str) -> Value {
        let nonce: [u8; 32] = hex::decode(nonce).unwrap().try_into().unwrap();
        let content = self.terms.content_id;
        let signature = sign_session_start(
            &nonce,
            self.terms.channel_id(),
            ContentId(content.0),
            &self.secret,
        );
        json!({"type": "start", "content_id": content, "channel_id": self.id, "signature": signature})
    }

    /// A socket with its session started.
    pub async fn session(&self, streamer: &Streamer) -> (Socket, Value) {
        let (mut socket, nonce) = Socket::connect(streamer).await;
        socket.send(&self.start_message(&nonce)).await;
        let started = socket.expect("started").await;
        (socket, started)
    }
}

/// A session's socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Socket {
    /// Connects; answers the nonce too.
    pub async fn connect(streamer: &Streamer) -> (Self, String) {
        let url = format!("{}/v1/session", streamer.url.replace("http", "ws"));
        let mut socket = Self(connect_async(url).await.unwrap().0);
        let hello = socket.expect("hello").await;
        (socket, hello["nonce"].as_str().unwrap().to_owned())
    }

    pub async fn send(&mut self, message: &Value) {
        self.send_text(message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        // What the other side has closed shows itself when it is read.
        let _ = self.0.send(Message::text(text)).await;
    }

    /// The next message; `None` when the socket is closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.0.next());
            match next.await.expect("a message within 20 s") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message of a kind; others before it are passed over, but errors and ends are not.
    pub async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let message = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the socket closed before {kind}"));
            if message["type"] == kind {
                return message;
            }
            assert!(
                message["type"] != "error" && message["type"] != "end",
                "{message} before {kind}"
            );
        }
    }

    /// Sends a message that is refused, and answers the code.
    pub async fn refused(&mut self, message: &Value) -> String {
        self.send(message).await;
        self.expect("error").await["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Pays, and answers the receipt.
    pub async fn pay(&mut self, opened: &Opened, sequence: u32, sat: u64) -> Value {
        self.send(&opened.payment(sequence, sat)).await;
        let receipt = self.expect("receipt").await;
        assert_eq!(
            (&receipt["sequence"], &receipt["paid_sat"]),
            (&json!(sequence), &json!(sat.to_string()))
        );
        receipt
    }
}
