//! Viewers with a channel and a session each, who pay what the streamer asks for, or in advance.

use std::time::Duration;

use paystream_streamer::stored::Film;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::stack::{Opened, Socket, Stack, StoredFilm};

/// Channels that are funded before a block is mined.
const TOGETHER: usize = 10;

/// A viewer whose session runs.
pub struct Viewer {
    /// What opens `/ipfs/`.
    pub token: String,
    payer: mpsc::Sender<(u64, oneshot::Sender<()>)>,
}

/// What a viewer pays with.
struct Payer {
    opened: Opened,
    socket: Socket,
    sequence: u32,
    paid_sat: u64,
    orders: mpsc::Receiver<(u64, oneshot::Sender<()>)>,
    ordered: Option<(u64, oneshot::Sender<()>)>,
}

impl Viewer {
    /// So many viewers, each with a funded channel.
    pub async fn begin(stack: &Stack, film: &StoredFilm, count: usize, sat: u64) -> Vec<Self> {
        // A coin for each becomes spendable.
        stack.bitcoin.mine(count as u32).await;
        let mut viewers = Vec::with_capacity(count);
        while viewers.len() < count {
            let mut together = Vec::new();
            for _ in 0..TOGETHER.min(count - viewers.len()) {
                let mut opened = Opened::open(&stack.streamer, film.content).await;
                opened.fund(&stack.streamer, &stack.bitcoin, sat).await;
                together.push(opened);
            }
            stack.bitcoin.mine(1).await;
            for opened in together {
                opened.becomes(&stack.streamer, "open").await;
                viewers.push(Self::start(stack, opened).await);
            }
        }
        viewers
    }

    async fn start(stack: &Stack, opened: Opened) -> Self {
        let (socket, started) = opened.session(&stack.streamer).await;
        let token = started["media_token"].as_str().unwrap().to_owned();
        let (payer, orders) = mpsc::channel(1);
        let paying = Payer {
            sequence: u32::try_from(started["sequence"].as_u64().unwrap()).unwrap(),
            paid_sat: started["paid_sat"].as_str().unwrap().parse().unwrap(),
            opened,
            socket,
            orders,
            ordered: None,
        };
        tokio::spawn(paying.run());
        Self { token, payer }
    }

    /// Pays for so much more than has been paid for, and waits for the receipt.
    pub async fn pay_ahead(&self, film: &Film, bytes: u64, msat_per_second: u64) {
        let share = bytes as f64 / film.size as f64;
        let ms = film.timeline.duration_ms() as f64 * share;
        // A little more: blocks at a range's edges are read whole.
        let sat = (ms * 1.1 + 60_000.0) * msat_per_second as f64 / 1e6;
        let (done, paid) = oneshot::channel();
        self.payer.send((sat.ceil() as u64, done)).await.unwrap();
        paid.await.expect("the payment is accepted");
    }
}

impl Payer {
    /// Pays whatever is asked for: that the viewer checks its blocks first costs the server nothing.
    async fn run(mut self) {
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    let Some(message) = message else { return };
                    match message["type"].as_str().unwrap() {
                        "due" => {
                            let sat = message["paid_sat"].as_str().unwrap().parse().unwrap();
                            self.pay(sat).await;
                        }
                        "receipt" => self.ordered = match self.ordered.take() {
                            Some((sat, done)) if message["paid_sat"] == json!(sat.to_string()) => {
                                let _ = done.send(());
                                None
                            }
                            other => other,
                        },
                        "end" | "error" => panic!("{message}"),
                        _ => {}
                    }
                }
                order = self.orders.recv() => {
                    let Some((more_sat, done)) = order else { return };
                    let sat = self.paid_sat + more_sat;
                    self.ordered = Some((sat, done));
                    self.pay(sat).await;
                }
                // The socket's reader gives up sooner than a viewer who has paid.
                () = tokio::time::sleep(Duration::from_secs(10)) => {}
            }
        }
    }

    async fn pay(&mut self, sat: u64) {
        if sat > self.paid_sat {
            self.sequence += 1;
            self.paid_sat = sat;
            self.socket
                .send(&self.opened.payment(self.sequence, sat))
                .await;
        }
    }
}
