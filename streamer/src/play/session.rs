//! A session from the viewer's side (docs/protocol.md, section 5): what it is asked to pay, and what it signs.
//!
//! Never signed: above the price, above the channel's capacity, or above the limit that the caller knows, which is the price of what it has
//! checked (stored) or the price of its own clock (live).

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use bitcoin::Amount;
use futures::{SinkExt, StreamExt};
use paystream_channel::{ContentId, Payment, due_paid, max_paid, sign_session_start, viewer_limit};
use reqwest::Upgraded;
use reqwest::header;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::offer::decimal;
use super::provider::TIMEOUT;
use super::spending::Channel;
use super::stop::Stop;

/// The largest message of a provider.
const MAX_MESSAGE: usize = 64 * 1024;
/// After so long a silence the provider is asked whether it is there; after another it is not.
const SILENCE: Duration = Duration::from_secs(20);

/// The ticks that a provider may have: the viewer's clock pays two of them ahead.
const TICKS_MS: std::ops::RangeInclusive<u64> = 100..=10_000;

/// What a provider says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message {
    Hello {
        nonce: String,
    },
    Started {
        media_token: String,
        tick_ms: u64,
        #[serde(deserialize_with = "decimal")]
        paid_sat: u64,
        sequence: u32,
        credit_ms: u64,
    },
    Due {
        #[serde(deserialize_with = "decimal")]
        paid_sat: u64,
        covers_ms: u64,
    },
    Receipt {
        #[serde(deserialize_with = "decimal")]
        paid_sat: u64,
    },
    Gate {
        open: bool,
    },
    Warning {
        code: String,
        detail: String,
    },
    Error {
        code: String,
        detail: String,
    },
    End {
        reason: String,
        closing_txid: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// A session that has started.
pub(super) struct Session {
    socket: WebSocketStream<Upgraded>,
    heard: Instant,
    asked: bool,
    /// Opens the media.
    pub token: String,
    tick_ms: u64,
    base: Amount,
    credit_ms: u64,
    sequence: u32,
    /// The last that was signed here, or accepted before.
    sent: Amount,
    due: Option<Due>,
    open: Duration,
    open_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    paid: Amount,
    covers_ms: u64,
}

/// What is done about a due.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Pay,
    Wait,
    Refuse(&'static str),
}

/// By what a due is judged, all cumulative.
struct Bounds {
    /// The price of what the due says that it covers.
    price: Amount,
    /// What the viewer knows that it has had.
    limit: Amount,
    /// The channel's.
    max: Amount,
}

fn judge(paid: Amount, bounds: &Bounds) -> Verdict {
    if paid > bounds.price {
        return Verdict::Refuse("the provider asks for more than the price");
    }
    if paid > bounds.max {
        return Verdict::Refuse("the provider asks for more than the channel holds");
    }
    if paid > bounds.limit {
        return Verdict::Wait;
    }
    Verdict::Pay
}

impl Session {
    /// Connects and starts.
    pub async fn start(channel: &mut Channel) -> anyhow::Result<Self> {
        let session = Self::start_to_leave(channel).await?;
        check_tick(session.tick_ms)?;
        Ok(session)
    }

    /// The same for a session in which nothing is bought: whatever the tick, the channel may be closed.
    pub async fn start_to_leave(channel: &mut Channel) -> anyhow::Result<Self> {
        let started = tokio::time::timeout(TIMEOUT, Self::begin(channel)).await;
        started.context("the provider does not start a session")?
    }

    async fn begin(channel: &mut Channel) -> anyhow::Result<Self> {
        let socket = connect(channel).await?;
        let mut session = Self {
            socket,
            heard: Instant::now(),
            asked: false,
            token: String::new(),
            tick_ms: 0,
            base: Amount::ZERO,
            credit_ms: 0,
            sequence: 0,
            sent: Amount::ZERO,
            due: None,
            open: Duration::ZERO,
            open_since: None,
        };
        loop {
            match session.next().await {
                Ok(Message::Hello { nonce }) => session.introduce(channel, &nonce).await?,
                Ok(Message::Started {
                    media_token,
                    tick_ms,
                    paid_sat,
                    sequence,
                    credit_ms,
                }) => {
                    let paid = Amount::from_sat(paid_sat);
                    acknowledge(channel, paid)?;
                    session.token = media_token;
                    session.tick_ms = tick_ms;
                    session.credit_ms = credit_ms;
                    session.sequence = sequence;
                    (session.base, session.sent) = (paid, paid);
                    return Ok(session);
                }
                Ok(Message::Error { code, detail }) => {
                    bail!("the provider starts no session ({code}): {detail}")
                }
                Ok(_) => {}
                Err(Stop::Broken(why)) => bail!(why),
                Err(Stop::Final(error)) => return Err(error),
            }
        }
    }

    async fn introduce(&mut self, channel: &Channel, nonce: &str) -> anyhow::Result<()> {
        let nonce: [u8; 32] = hex::decode(nonce)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("the provider's nonce is none")?;
        let content = ContentId(channel.terms.content_id.0);
        let signature = sign_session_start(&nonce, channel.id(), content, &channel.secret);
        let start = json!({"type": "start", "content_id": content, "channel_id": channel.id(), "signature": signature});
        self.send(start).await;
        Ok(())
    }

    /// The next message. It may be cancelled.
    pub async fn next(&mut self) -> Result<Message, Stop> {
        let lost = |why: String| Stop::Broken(format!("the session's connection is lost: {why}"));
        loop {
            let patience = SILENCE * if self.asked { 2 } else { 1 };
            let until = tokio::time::Instant::from_std(self.heard + patience);
            let frame = tokio::time::timeout_at(until, self.socket.next()).await;
            let Ok(frame) = frame else {
                if self.asked {
                    return Err(lost("the provider is silent".to_owned()));
                }
                self.asked = true;
                let ping = self.socket.send(Frame::Ping(bytes::Bytes::new())).await;
                ping.map_err(|error| lost(error.to_string()))?;
                continue;
            };
            (self.heard, self.asked) = (Instant::now(), false);
            match frame {
                Some(Ok(Frame::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|error| {
                        Stop::Final(anyhow!("the provider's message makes no sense: {error}"))
                    });
                }
                Some(Ok(Frame::Close(_))) | None => return Err(lost("closed".to_owned())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(error.to_string())),
            }
        }
    }

    /// Takes a message in.
    pub fn note(&mut self, message: Message, channel: &mut Channel) -> Result<(), Stop> {
        match message {
            Message::Due {
                paid_sat,
                covers_ms,
            } => {
                let paid = Amount::from_sat(paid_sat);
                self.due = Some(Due { paid, covers_ms });
            }
            Message::Receipt { paid_sat } => acknowledge(channel, Amount::from_sat(paid_sat))?,
            Message::Gate { open } => self.set_gate(open),
            Message::Warning { code, detail } => tracing::info!(code, "{detail}"),
            Message::Error { code, detail } => {
                return Err(Stop::Broken(format!(
                    "the provider refused ({code}): {detail}"
                )));
            }
            Message::End { reason, .. } => return Err(Stop::Final(ended(&reason))),
            Message::Hello { .. } | Message::Started { .. } | Message::Other => {}
        }
        Ok(())
    }

    fn set_gate(&mut self, open: bool) {
        if let Some(since) = self.open_since.take() {
            self.open += since.elapsed();
        }
        self.open_since = open.then(Instant::now);
    }

    /// What media of this session costs, with all that the channel paid before.
    pub fn price(&self, channel: &Channel, media_ms: u64) -> anyhow::Result<Amount> {
        let rate = channel.terms.msat_per_second;
        Ok(due_paid(self.base, media_ms, self.credit_ms, rate)?)
    }

    /// The most that may be signed by the viewer's own clock (5.2).
    pub fn clock_limit(&self, channel: &Channel) -> anyhow::Result<Amount> {
        let open = self.open
            + self
                .open_since
                .map_or(Duration::ZERO, |since| since.elapsed());
        let open_ms = u64::try_from(open.as_millis()).unwrap_or(u64::MAX);
        let rate = channel.terms.msat_per_second;
        Ok(viewer_limit(self.base, open_ms, self.tick_ms, rate)?)
    }

    /// Pays what is due, if it is within the limit; else it waits until it is.
    pub async fn answer(&mut self, channel: &mut Channel, limit: Amount) -> Result<(), Stop> {
        let Some(due) = self.due.filter(|due| due.paid > self.sent) else {
            self.due = None;
            return Ok(());
        };
        let bounds = Bounds {
            price: self.price(channel, due.covers_ms)?,
            limit,
            max: max_paid(&channel.terms, channel.funding.capacity()),
        };
        match judge(due.paid, &bounds) {
            Verdict::Wait => return Ok(()),
            Verdict::Refuse(why) => return Err(Stop::Final(anyhow!("{why}; it was not paid"))),
            Verdict::Pay => {}
        }
        self.due = None;
        self.pay(channel, due.paid).await?;
        Ok(())
    }

    /// Whether so much has been signed.
    pub fn has_paid(&self, amount: Amount) -> bool {
        self.sent >= amount
    }

    async fn pay(&mut self, channel: &mut Channel, paid: Amount) -> anyhow::Result<()> {
        let sequence = self.sequence.checked_add(1).context("too many payments")?;
        let payment = Payment::sign(
            &channel.terms,
            &channel.funding,
            sequence,
            paid,
            &channel.secret,
        )?;
        let mut message = serde_json::to_value(payment)?;
        message["type"] = json!("payment");
        // From here on the provider may have it.
        channel.signed = channel.signed.map(|signed| signed.max(paid));
        (self.sequence, self.sent) = (sequence, paid);
        self.send(message).await;
        Ok(())
    }

    /// Ends the session and the channel; answers the closing transaction.
    pub async fn leave(mut self, channel: &mut Channel) -> anyhow::Result<Option<String>> {
        let one = Amount::from_sat(1);
        let max = max_paid(&channel.terms, channel.funding.capacity());
        let mut farewell = self.sent == Amount::ZERO && max >= one;
        if farewell {
            // Under every dust limit: it all comes back, and there is a transaction to broadcast (section 6).
            self.pay(channel, one).await?;
        } else {
            self.send(json!({"type": "leave"})).await;
        }
        loop {
            match self.next().await {
                Ok(Message::Receipt { paid_sat }) => {
                    acknowledge(channel, Amount::from_sat(paid_sat))?;
                    if std::mem::take(&mut farewell) {
                        self.send(json!({"type": "leave"})).await;
                    }
                }
                Ok(Message::End { closing_txid, .. }) => return Ok(closing_txid),
                Ok(Message::Error { code, detail }) => bail!("{code}: {detail}"),
                Ok(_) => {}
                Err(Stop::Broken(why)) => bail!(why),
                Err(Stop::Final(error)) => return Err(error),
            }
        }
    }

    /// Why the session ended, if it says so soon.
    pub async fn last_words(&mut self, channel: &mut Channel) -> Option<anyhow::Error> {
        let end = async {
            loop {
                let message = self.next().await.ok()?;
                if let Err(Stop::Final(error)) = self.note(message, channel) {
                    return Some(error);
                }
            }
        };
        let soon = tokio::time::timeout(Duration::from_secs(1), end);
        soon.await.ok().flatten()
    }

    async fn send(&mut self, message: serde_json::Value) {
        let sent = self.socket.send(Frame::text(message.to_string())).await;
        // What the other side has closed shows itself when it is read, and a new session finds out what was taken.
        if let Err(error) = sent {
            tracing::debug!(%error, "a message was not sent");
        }
    }
}

/// A tick is the provider's word, and the clock's limit rises with it (5.2).
fn check_tick(tick_ms: u64) -> anyhow::Result<()> {
    ensure!(
        TICKS_MS.contains(&tick_ms),
        "the provider's tick_ms is {tick_ms}, and not between {} and {}; nothing is paid",
        TICKS_MS.start(),
        TICKS_MS.end()
    );
    Ok(())
}

/// What the provider acknowledges must have been signed.
fn acknowledge(channel: &mut Channel, paid: Amount) -> anyhow::Result<()> {
    ensure!(
        channel.signed.is_none_or(|signed| paid <= signed),
        "the provider claims {} sat, and that was never signed; nothing more is paid",
        paid.to_sat()
    );
    channel.paid = channel.paid.max(paid);
    Ok(())
}

fn ended(reason: &str) -> anyhow::Error {
    match reason {
        "exhausted" => anyhow!("what the channel holds is used up"),
        "expired" => anyhow!("the channel comes near its expiry"),
        "shutdown" => anyhow!("the provider stops"),
        "lost" => anyhow!("the channel's funding was spent otherwise"),
        other => anyhow!("the provider ended the session: {other}"),
    }
}

/// A WebSocket as an upgrade of an ordinary request, so that it goes the way of all others (TLS, proxies).
async fn connect(channel: &Channel) -> anyhow::Result<WebSocketStream<Upgraded>> {
    let key = generate_key();
    let request = channel
        .provider
        .http
        .get(channel.provider.url("v1/session"));
    let response = request
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .send()
        .await
        .context("the provider does not answer")?;
    let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    let upgrades = response.status() == reqwest::StatusCode::SWITCHING_PROTOCOLS
        && accept.is_some_and(|accept| *accept == derive_accept_key(key.as_bytes()));
    ensure!(
        upgrades,
        "the provider opens no session ({})",
        response.status()
    );
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let upgraded = response.upgrade().await?;
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_signed_above_the_price_the_capacity_or_what_was_had() {
        let judged = |paid, price, limit, max| {
            let bounds = Bounds {
                price: Amount::from_sat(price),
                limit: Amount::from_sat(limit),
                max: Amount::from_sat(max),
            };
            judge(Amount::from_sat(paid), &bounds)
        };
        assert_eq!(judged(20, 20, 20, 20), Verdict::Pay);
        assert_eq!(judged(20, 20, 19, 20), Verdict::Wait);
        assert!(matches!(judged(20, 19, 90, 90), Verdict::Refuse(_)));
        assert!(matches!(judged(20, 90, 90, 19), Verdict::Refuse(_)));
        assert!(matches!(judged(20, 90, 0, 19), Verdict::Refuse(_)));
    }

    #[test]
    fn a_tick_out_of_bounds_is_refused() {
        for (tick_ms, good) in [
            (0, false),
            (99, false),
            (100, true),
            (10_000, true),
            (10_001, false),
            (u64::MAX, false),
        ] {
            assert_eq!(check_tick(tick_ms).is_ok(), good, "{tick_ms}");
        }
    }

    #[test]
    fn messages_that_are_new_to_this_version_are_passed_over() {
        let read = |text| serde_json::from_str::<Message>(text);
        assert!(matches!(
            read(r#"{"type": "audience", "viewers": 3}"#),
            Ok(Message::Other)
        ));
        assert!(matches!(
            read(r#"{"type": "receipt", "paid_sat": "7", "sequence": 1}"#),
            Ok(Message::Receipt { paid_sat: 7 })
        ));
        assert!(read(r#"{"type": "receipt", "paid_sat": "-7"}"#).is_err());
    }
}
