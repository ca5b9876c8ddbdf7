//! Kubo's HTTP RPC, as much of it as the store needs: bounded in time and in what is taken, and idempotent calls tried again.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream, StreamExt};
use reqwest::{Body, Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::store::{Result, StoreError};

/// How long a short call may take in all, and how long a long one may be silent.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Waits before a call is tried again.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The largest answer that is one JSON document, and the longest line of an answer in lines.
const MAX_JSON: usize = 1024 * 1024;

/// A node's RPC.
#[derive(Debug, Clone)]
pub(super) struct Rpc {
    base: Url,
    client: Client,
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The node answered that it will not or cannot.
    Refused(String),
    /// The node did not answer, or not as it should.
    Broken(String),
}

/// What Kubo answers when it refuses.
#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(rename = "Message")]
    message: String,
}

impl Failure {
    /// The failure as one of the store.
    pub(super) fn into_error(self, doing: &str) -> StoreError {
        let detail = match self {
            Self::Refused(message) => format!("{doing} was refused: {message}"),
            Self::Broken(detail) => format!("{doing} failed: {detail}"),
        };
        StoreError::Remote {
            service: "Kubo".to_owned(),
            detail,
        }
    }

    /// Whether the node says that something is not there.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        match self {
            Self::Refused(message) => words.iter().any(|word| message.contains(word)),
            Self::Broken(_) => false,
        }
    }
}

impl Rpc {
    /// The RPC of a node at an address such as `http://127.0.0.1:5001`.
    pub(super) fn new(base: Url) -> Result<Self> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .map_err(|error| Failure::Broken(error.to_string()).into_error("preparing calls"))?;
        Ok(Self { base, client })
    }

    /// Calls what may be called twice; the answer is at most `limit` bytes.
    pub(super) async fn bytes(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
        limit: usize,
    ) -> Result<Bytes, Failure> {
        let mut waits = AGAIN.iter();
        loop {
            let called = tokio::time::timeout(PATIENCE, async {
                let response = self.send(command, arguments, None).await?;
                collect(response, limit).await
            });
            let failure = match called.await {
                Ok(Ok(bytes)) => return Ok(bytes),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Broken(format!("no answer in {} s", PATIENCE.as_secs())),
            };
            match (failure, waits.next()) {
                (Failure::Broken(_), Some(wait)) => tokio::time::sleep(*wait).await,
                (failure, _) => return Err(failure),
            }
        }
    }

    /// Calls what may be called twice, and reads its JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let bytes = self.bytes(command, arguments, MAX_JSON).await?;
        read(&bytes)
    }

    /// Calls once; each line of the answer is a JSON document.
    pub(super) async fn lines<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
        mut each: impl FnMut(T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let sent = tokio::time::timeout(PATIENCE, self.send(command, arguments, None));
        let response = sent.await.map_err(|_| silent())??;
        let mut parts = response.bytes_stream();
        let mut held = BytesMut::new();
        loop {
            let part = tokio::time::timeout(PATIENCE, parts.next());
            let Some(part) = part.await.map_err(|_| silent())? else {
                break;
            };
            held.extend_from_slice(&part.map_err(broken)?);
            while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                let line = held.split_to(end + 1);
                if !line.trim_ascii().is_empty() {
                    each(read(&line)?)?;
                }
            }
            if held.len() > MAX_JSON {
                return Err(Failure::Broken("a line of the answer is too long".into()));
            }
        }
        if held.trim_ascii().is_empty() {
            Ok(())
        } else {
            each(read(&held)?)
        }
    }

    /// Calls once with a file, and takes the whole answer. The file may be of any length; the caller watches the time.
    pub(super) async fn upload(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
        file: Upload,
    ) -> Result<Bytes, Failure> {
        let response = self.send(command, arguments, Some(file)).await?;
        collect(response, MAX_JSON).await
    }

    async fn send(
        &self,
        command: &str,
        arguments: &[(&str, &str)],
        file: Option<Upload>,
    ) -> Result<Response, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/api/v0/{command}",
            self.base.path().trim_end_matches('/')
        ));
        url.query_pairs_mut().extend_pairs(arguments);
        let mut request = self.client.post(url);
        if let Some(upload) = file {
            request = request
                .header(
                    reqwest::header::CONTENT_TYPE,
                    format!("multipart/form-data; boundary={}", upload.boundary),
                )
                .body(upload.body);
        }
        let response = request.send().await.map_err(broken)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = tokio::time::timeout(PATIENCE, collect(response, MAX_JSON));
        let body = body.await.map_err(|_| silent())??;
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(Failure::Refused(refusal.message)),
            // A node's own 4xx come without JSON; a proxy's 5xx may pass.
            Err(_) if status.is_client_error() => Err(Failure::Refused(reason(status))),
            Err(_) => Err(Failure::Broken(reason(status))),
        }
    }
}

/// A file as the only part of a multipart body.
#[derive(Debug)]
pub(super) struct Upload {
    /// Random, so that no content can hold it and pass for several parts.
    boundary: String,
    body: Body,
}

impl Upload {
    /// Wraps content, which may be of any length.
    pub(super) fn new(
        content: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let boundary = format!("paystream-{:032x}", rand::random::<u128>());
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"content\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let parts = stream::once(async { Ok(Bytes::from(head)) })
            .chain(content)
            .chain(stream::once(async { Ok(Bytes::from(tail)) }));
        Self {
            boundary,
            body: Body::wrap_stream(parts),
        }
    }
}

/// Reads a JSON document of Kubo's.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::Broken(format!("its answer cannot be read: {error}")))
}

async fn collect(response: Response, limit: usize) -> Result<Bytes, Failure> {
    let mut all = BytesMut::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(broken)?;
        if all.len() + part.len() > limit {
            return Err(Failure::Refused(format!(
                "its answer is over {limit} bytes"
            )));
        }
        all.extend_from_slice(&part);
    }
    Ok(all.freeze())
}

fn reason(status: StatusCode) -> String {
    format!("it answered {status}")
}

fn silent() -> Failure {
    Failure::Broken(format!("it was silent for {} s", PATIENCE.as_secs()))
}

fn broken(error: reqwest::Error) -> Failure {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    Failure::Broken(detail)
}
