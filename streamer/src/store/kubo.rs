//! Content in a Kubo node, over its HTTP RPC.
//!
//! The node is not believed: a block is checked against its CID when it comes, and the CID of an addition is computed here while the bytes
//! stream by, and compared with the node's. Blocks are looked for in the node alone; only [`ContentStore::pin`] fetches from the network.
//! The quota is the node's `Datastore.StorageMax`. A collection is the node's own: it removes whatever nobody has pinned there.

mod rpc;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cid::Cid;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Deserializer};
use tokio::sync::mpsc;
use url::Url;

use self::rpc::{Failure, PATIENCE, Rpc, Upload, read};
use super::block::{self, DAG_PB, MAX_BLOCK, Place, RAW};
use super::hash::{LocalCid, fill};
use super::layout::CHUNK;
use super::{Added, Collected, ContentStore, Progress, Result, Source, StoreError, Usage};

/// How long the node may take to answer when it has all bytes of an addition.
const FINISHING: Duration = Duration::from_secs(600);
/// How the node shall lay out a file: as the embedded store does, whatever the node's own settings are.
const LAYOUT: [(&str, &str); 9] = [
    ("cid-version", "1"),
    ("raw-leaves", "true"),
    ("chunker", "size-262144"),
    ("max-file-links", "174"),
    ("hash", "sha2-256"),
    ("trickle", "false"),
    ("inline", "false"),
    ("pin", "true"),
    ("progress", "false"),
];
/// What Kubo says of a block that it does not have.
const ABSENT: [&str; 3] = ["could not find", "not found", "no such"];

/// A Kubo node.
#[derive(Debug, Clone)]
pub struct Kubo {
    rpc: Rpc,
}

/// A size, which Kubo's versions write as a number or as a string.
#[derive(Debug, Clone, Copy)]
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Self(number)),
            Either::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddedFile {
    hash: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StoredBlock {
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RepoStat {
    repo_size: Size,
    storage_max: Size,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PinLine {
    cid: String,
}

/// A line while the node pins: how far it is, that it has finished, or that it failed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PinProgress {
    progress: Option<u64>,
    #[serde(default)]
    pins: Vec<String>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CollectedLine {
    key: Option<serde_json::Value>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

impl Kubo {
    /// The node whose RPC is at this address, such as `http://127.0.0.1:5001`. It does not need to be up yet.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(rpc: Url) -> Result<Self> {
        Ok(Self {
            rpc: Rpc::new(rpc)?,
        })
    }

    /// Sends what is read to the node, and computes its CID on the way. Ends early when the node hears no more.
    async fn feed(
        source: &mut Source<'_>,
        into: mpsc::Sender<std::io::Result<Bytes>>,
        room: u64,
        progress: Progress<'_>,
    ) -> Result<Option<Added>> {
        let mut local = LocalCid::default();
        let mut sent = 0;
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = match fill(source, &mut buffer).await {
                Ok(length) => length,
                Err(error) => {
                    // The body ends with an error, so that the node does not take it for the whole.
                    let _ = into.send(Err(std::io::ErrorKind::Interrupted.into())).await;
                    return Err(error);
                }
            };
            if length == 0 {
                return Ok(Some(local.finish()));
            }
            sent += length as u64;
            if sent > room {
                let _ = into.send(Err(std::io::ErrorKind::Interrupted.into())).await;
                return Err(StoreError::Full {
                    detail: "the node's Datastore.StorageMax is reached".to_owned(),
                });
            }
            local.chunk(&buffer[..length]);
            let chunk = Bytes::copy_from_slice(&buffer[..length]);
            match tokio::time::timeout(PATIENCE, into.send(Ok(chunk))).await {
                Ok(Ok(())) => progress(sent),
                Ok(Err(_)) => return Ok(None),
                Err(_) => {
                    return Err(Failure::Broken("it takes no more bytes".into())
                        .into_error("adding a file"));
                }
            }
        }
    }
}

/// The body of an addition: what comes out of the channel.
fn body(content: mpsc::Receiver<std::io::Result<Bytes>>) -> Upload {
    Upload::new(stream::unfold(content, |mut content| async move {
        content.recv().await.map(|part| (part, content))
    }))
}

#[async_trait]
impl ContentStore for Kubo {
    async fn add(&self, mut source: Source<'_>, progress: Progress<'_>) -> Result<Added> {
        let usage = self.usage().await?;
        let room = usage.quota_bytes.saturating_sub(usage.used_bytes);
        let (into, content) = mpsc::channel(4);
        let upload = self.rpc.upload("add", &LAYOUT, body(content));
        let feed = Self::feed(&mut source, into, room, progress);
        let mut upload = std::pin::pin!(upload);
        let mut feed = std::pin::pin!(feed);
        let (ours, answer) = tokio::select! {
            ours = &mut feed => {
                // A source that fails is the reason, whatever the node makes of it.
                let ours = ours?;
                let answer = tokio::time::timeout(FINISHING, upload).await;
                (ours, answer.map_err(|_| Failure::Broken("it does not finish".into())).flatten())
            }
            answer = &mut upload => (None, answer),
        };
        let answer = answer.map_err(|failure| failure.into_error("adding a file"))?;
        let file: AddedFile =
            read(&answer).map_err(|failure| failure.into_error("adding a file"))?;
        let ours = ours.ok_or_else(|| {
            Failure::Broken("it answered before it had the whole file".into())
                .into_error("adding a file")
        })?;
        let theirs = Cid::from_str(&file.hash).ok();
        if theirs == Some(ours.cid) {
            return Ok(ours);
        }
        if let Some(theirs) = theirs {
            self.unpin(&theirs).await?;
        }
        Err(StoreError::Remote {
            service: "Kubo".to_owned(),
            detail: format!(
                "it gave a file the CID {}, and that is {}",
                file.hash, ours.cid
            ),
        })
    }

    async fn block(&self, cid: &Cid) -> Result<Option<Bytes>> {
        if let Place::Inline(bytes) = block::place(cid)? {
            return Ok(Some(bytes));
        }
        let arguments = [("arg", &*cid.to_string()), ("offline", "true")];
        // One byte more than a block has, so that one that is too large is told apart.
        let got = self.rpc.bytes("block/get", &arguments, MAX_BLOCK + 1).await;
        match got {
            Ok(bytes) if block::matches(cid, &bytes)? => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::Damaged { cid: *cid }),
            Err(failure) if failure.says(&["hash does not match", "hash mismatch"]) => {
                Err(StoreError::Damaged { cid: *cid })
            }
            Err(failure) if failure.says(&ABSENT) => Ok(None),
            Err(failure) => Err(failure.into_error("getting a block")),
        }
    }

    async fn put(&self, blocks: Vec<(Cid, Bytes)>) -> Result<()> {
        for (cid, bytes) in &blocks {
            block::check(cid, bytes)?;
        }
        let mut puts = stream::iter(blocks)
            .map(|(cid, bytes)| self.put_one(cid, bytes))
            .buffer_unordered(4);
        while puts.try_next().await?.is_some() {}
        Ok(())
    }

    async fn pin(&self, root: &Cid, progress: Progress<'_>) -> Result<()> {
        block::place(root)?;
        let arguments = [
            ("arg", &*root.to_string()),
            ("recursive", "true"),
            ("progress", "true"),
        ];
        let mut pinned = false;
        let each = |line: PinProgress| {
            if let Some(message) = line.message {
                return Err(Failure::Refused(message));
            }
            if let Some(blocks) = line.progress {
                progress(blocks);
            }
            pinned |= !line.pins.is_empty();
            Ok(())
        };
        match self.rpc.lines("pin/add", &arguments, each).await {
            Ok(()) if pinned => Ok(()),
            Ok(()) => Err(Failure::Broken("it ended before it had finished".into())
                .into_error("pinning a file")),
            Err(failure) if failure.says(&["could not find"]) => Err(missing(root, &failure)),
            Err(failure) => Err(failure.into_error("pinning a file")),
        }
    }

    async fn unpin(&self, root: &Cid) -> Result<()> {
        let arguments = [("arg", &*root.to_string()), ("recursive", "true")];
        match self.rpc.bytes("pin/rm", &arguments, MAX_BLOCK).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.says(&["not pinned"]) => Ok(()),
            Err(failure) => Err(failure.into_error("unpinning a file")),
        }
    }

    async fn is_pinned(&self, root: &Cid) -> Result<bool> {
        let arguments = [("arg", &*root.to_string()), ("type", "recursive")];
        match self.rpc.bytes("pin/ls", &arguments, MAX_BLOCK).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.says(&["is not pinned"]) => Ok(false),
            Err(failure) => Err(failure.into_error("listing pins")),
        }
    }

    async fn pins(&self) -> Result<Vec<Cid>> {
        let arguments = [("type", "recursive"), ("stream", "true")];
        let mut pins = Vec::new();
        let each = |line: PinLine| {
            let cid = Cid::from_str(&line.cid)
                .map_err(|error| Failure::Broken(format!("a pin is no CID: {error}")))?;
            pins.push(cid);
            Ok(())
        };
        let listed = self.rpc.lines("pin/ls", &arguments, each).await;
        listed.map_err(|failure| failure.into_error("listing pins"))?;
        Ok(pins)
    }

    async fn usage(&self) -> Result<Usage> {
        let stat: RepoStat = self
            .rpc
            .json("repo/stat", &[("size-only", "true")])
            .await
            .map_err(|failure| failure.into_error("asking for its use"))?;
        Ok(Usage {
            used_bytes: stat.repo_size.0,
            quota_bytes: stat.storage_max.0,
        })
    }

    async fn health(&self) -> Result<()> {
        let version: Version = self
            .rpc
            .json("version", &[])
            .await
            .map_err(|failure| failure.into_error("asking for its version"))?;
        tracing::debug!(version = version.version, "Kubo answers");
        Ok(())
    }

    async fn gc(&self) -> Result<Collected> {
        let mut collected = Collected::default();
        let each = |line: CollectedLine| {
            if let Some(error) = line.error.filter(|error| !error.is_empty()) {
                return Err(Failure::Refused(error));
            }
            collected.blocks += u64::from(line.key.is_some());
            Ok(())
        };
        let ran = self
            .rpc
            .lines("repo/gc", &[("stream-errors", "true")], each)
            .await;
        ran.map_err(|failure| failure.into_error("collecting"))?;
        Ok(collected)
    }
}

impl Kubo {
    async fn put_one(&self, cid: Cid, bytes: Bytes) -> Result<()> {
        if block::place(&cid)? != Place::Stored {
            return Ok(());
        }
        let codec = match cid.codec() {
            RAW => "raw",
            DAG_PB => "dag-pb",
            _ => {
                return Err(StoreError::Unsupported {
                    cid,
                    why: "a file's blocks are raw or dag-pb",
                });
            }
        };
        let arguments = [
            ("cid-codec", codec),
            ("mhtype", "sha2-256"),
            ("pin", "false"),
            ("allow-big-block", "true"),
        ];
        let body = Upload::new(stream::once(async { Ok(bytes) }));
        let put = self.rpc.upload("block/put", &arguments, body);
        let put = tokio::time::timeout(PATIENCE, put)
            .await
            .map_err(|_| Failure::Broken("no answer".into()))
            .flatten();
        let stored: StoredBlock = put
            .and_then(|answer| read(&answer))
            .map_err(|failure| failure.into_error("storing a block"))?;
        match Cid::from_str(&stored.key) {
            Ok(theirs) if theirs.hash() == cid.hash() => Ok(()),
            _ => Err(StoreError::Remote {
                service: "Kubo".to_owned(),
                detail: format!("it gave the block {cid} the CID {}", stored.key),
            }),
        }
    }
}

/// Which block the node lacks, as far as it says so.
fn missing(root: &Cid, failure: &Failure) -> StoreError {
    let Failure::Refused(message) = failure else {
        return StoreError::Missing { cid: *root };
    };
    let named = message
        .rsplit(' ')
        .find_map(|word| Cid::from_str(word).ok());
    StoreError::Missing {
        cid: named.unwrap_or(*root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_numbers_and_as_strings() {
        for json in [
            r#"{"RepoSize": 29884, "StorageMax": 10000000000}"#,
            r#"{"RepoSize": "29884", "StorageMax": "10000000000", "NumObjects": 0}"#,
        ] {
            let stat: RepoStat = serde_json::from_str(json).unwrap();
            assert_eq!(
                (stat.repo_size.0, stat.storage_max.0),
                (29884, 10_000_000_000)
            );
        }
        assert!(serde_json::from_str::<RepoStat>(r#"{"RepoSize": -1, "StorageMax": ""}"#).is_err());
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_told_apart_from_a_block_that_is_not() {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let kubo = Kubo::new(format!("http://127.0.0.1:{port}").parse().unwrap()).unwrap();
        let failed = kubo.block(&block::cid_of(b"hello")).await.unwrap_err();
        assert!(matches!(failed, StoreError::Remote { .. }), "{failed}");
    }
}
