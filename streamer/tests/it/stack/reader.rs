//! A viewer of stored video: reads CARs, checks every block, and pays for what it has checked and for nothing else.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cid::Cid;
use paystream_streamer::store::block;
use paystream_streamer::store::dag::{Visited, Walk};
use serde_json::Value;

use super::{Opened, Socket, StoredFilm, Streamer};

/// A CAR that arrives bit by bit.
pub struct Car {
    response: reqwest::Response,
    buffer: BytesMut,
    header: bool,
}

impl Car {
    pub fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            buffer: BytesMut::new(),
            header: false,
        }
    }

    /// The next block, checked. `None` at the end; an error when the connection was cut. It may be cancelled.
    pub async fn next(&mut self) -> Result<Option<(Cid, Bytes)>, reqwest::Error> {
        loop {
            if let Some(section) = take_section(&mut self.buffer) {
                if !self.header {
                    self.header = true;
                    continue;
                }
                let mut rest = &section[..];
                let cid = Cid::read_bytes(&mut rest).unwrap();
                let bytes = section.slice_ref(rest);
                block::check(&cid, &bytes).unwrap();
                return Ok(Some((cid, bytes)));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => {
                    assert!(self.buffer.is_empty(), "the CAR ends within a section");
                    return Ok(None);
                }
            }
        }
    }

    /// The CIDs of all blocks to the end.
    pub async fn cids(mut self) -> Vec<String> {
        let mut cids = Vec::new();
        while let Some((cid, _)) = self.next().await.unwrap() {
            cids.push(cid.to_string());
        }
        cids
    }
}

fn take_section(buffer: &mut BytesMut) -> Option<Bytes> {
    let (mut length, mut width) = (0usize, 0);
    loop {
        let byte = *buffer.get(width)?;
        length |= usize::from(byte & 0x7f) << (7 * width);
        width += 1;
        if byte < 0x80 {
            break;
        }
    }
    if buffer.len() < width + length {
        return None;
    }
    let mut section = buffer.split_to(width + length).freeze();
    Some(section.split_off(width))
}

/// What became of reading on for a while.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The response came to its end.
    Whole,
    /// Nothing came for a while.
    Stall,
    /// The response was cut off.
    Cut,
    /// The session ended.
    End(String),
}

/// A session on a stored film.
pub struct Reader<'a> {
    pub opened: &'a Opened,
    pub socket: Socket,
    pub token: String,
    pub film: &'a StoredFilm,
    /// Media of this session's leaves that has been checked.
    pub checked_ms: u64,
    /// Bytes of the film, by leaf, as they came.
    pub leaves: Vec<(u64, Bytes)>,
    pub paid_sat: u64,
    pub base_sat: u64,
    pub credit_ms: u64,
    pub sequence: u32,
    pub dues: Vec<(u64, u64)>,
    /// The most that was ever checked and not paid for.
    pub most_on_trust_ms: u64,
    pub pays: bool,
    waiting: VecDeque<(u64, u64)>,
}

impl<'a> Reader<'a> {
    pub async fn start(streamer: &Streamer, opened: &'a Opened, film: &'a StoredFilm) -> Self {
        let (socket, started) = opened.session(streamer).await;
        let number = |name: &str| started[name].as_str().unwrap().parse().unwrap();
        Self {
            opened,
            socket,
            token: started["media_token"].as_str().unwrap().to_owned(),
            film,
            checked_ms: 0,
            leaves: Vec::new(),
            paid_sat: number("paid_sat"),
            base_sat: number("paid_sat"),
            credit_ms: started["credit_ms"].as_u64().unwrap(),
            sequence: u32::try_from(started["sequence"].as_u64().unwrap()).unwrap(),
            dues: Vec::new(),
            most_on_trust_ms: 0,
            pays: true,
            waiting: VecDeque::new(),
        }
    }

    pub async fn get(&self, streamer: &Streamer, query: &str) -> reqwest::Response {
        let url = format!("{}/ipfs/{}?{query}", streamer.url, self.film.film.root);
        let request = streamer.http.get(url).bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    pub async fn car(&self, streamer: &Streamer, bytes: &str) -> Car {
        let query = format!("format=car&dag-scope=entity&entity-bytes={bytes}");
        let response = self.get(streamer, &query).await;
        assert_eq!(response.status(), 200);
        Car::new(response)
    }

    fn price(&self, ms: u64) -> u64 {
        let rate = self.opened.terms.msat_per_second;
        self.base_sat + (ms.saturating_sub(self.credit_ms) * rate).div_ceil(1_000_000)
    }

    fn covered_ms(&self) -> u64 {
        let rate = self.opened.terms.msat_per_second;
        (self.paid_sat - self.base_sat) * 1_000_000 / rate + self.credit_ms
    }

    /// Reads a response, block after block as the walk has them, and pays, until something ends it or no block comes for a while.
    pub async fn read(&mut self, car: &mut Car, walk: &mut Walk, patience: Duration) -> Seen {
        let stalled = tokio::time::sleep(patience);
        tokio::pin!(stalled);
        loop {
            tokio::select! {
                next = car.next() => match next {
                    Ok(Some((cid, bytes))) => {
                        stalled.as_mut().reset(tokio::time::Instant::now() + patience);
                        assert_eq!(walk.wants(), Some(cid), "blocks come in the order of the walk");
                        if let Some(visited) = walk.accept(bytes).unwrap() {
                            self.check(&visited);
                        }
                    }
                    Ok(None) => {
                        assert_eq!(walk.wants(), None, "no block is missing");
                        return Seen::Whole;
                    }
                    Err(_) => return Seen::Cut,
                },
                message = self.socket.next() => {
                    if let Some(end) = self.hear(message.expect("the socket stands")) {
                        return Seen::End(end);
                    }
                }
                () = &mut stalled => return Seen::Stall,
            }
            self.answer().await;
        }
    }

    /// Listens until nothing comes for a while.
    pub async fn listen(&mut self, patience: Duration) -> Option<String> {
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    if let Some(end) = self.hear(message?) {
                        return Some(end);
                    }
                }
                () = tokio::time::sleep(patience) => return None,
            }
            self.answer().await;
        }
    }

    fn check(&mut self, visited: &Visited) {
        let cost = self.film.film.cost(visited.kind);
        self.checked_ms += cost;
        if let paystream_streamer::store::dag::Kind::Leaf { start, .. } = visited.kind {
            self.leaves.push((start, visited.data.clone()));
        }
        let owed = self.checked_ms.saturating_sub(self.covered_ms());
        self.most_on_trust_ms = self.most_on_trust_ms.max(owed);
    }

    fn hear(&mut self, message: Value) -> Option<String> {
        match message["type"].as_str().unwrap() {
            "due" => {
                let paid_sat = message["paid_sat"].as_str().unwrap().parse().unwrap();
                let covers_ms = message["covers_ms"].as_u64().unwrap();
                assert!(paid_sat <= self.price(covers_ms), "{message}");
                self.dues.push((paid_sat, covers_ms));
                self.waiting.push_back((paid_sat, covers_ms));
                None
            }
            "end" => Some(message["reason"].as_str().unwrap().to_owned()),
            "error" => panic!("{message}"),
            _ => None,
        }
    }

    /// Pays the dues that ask for no more than was checked.
    async fn answer(&mut self) {
        while let Some((paid_sat, _)) = self.waiting.front().copied() {
            if !self.pays || paid_sat > self.price(self.checked_ms) {
                return;
            }
            self.waiting.pop_front();
            if paid_sat > self.paid_sat {
                self.sequence += 1;
                self.socket
                    .send(&self.opened.payment(self.sequence, paid_sat))
                    .await;
                self.paid_sat = paid_sat;
            }
        }
    }
}
