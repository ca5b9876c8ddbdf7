//! The work on one item.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use cid::Cid;
use jiff::Timestamp;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::confine::{Shown, confined, read_from};
use super::index::{IndexError, Indexed, index};
use super::plan::{Picture, Tone, arguments, may_be_copied, plan, poster};
use super::probe::{keyframes, probe};
use super::run::{PrepareError, convert};
use super::{Preparer, Trouble, Work, on_disk};
use crate::library::{Item, State, Stored};
use crate::store::{QUIET, Source, only_hash};

/// The most of the index that goes in front of what is played: `MAX_HEAD` of viewers.
const MAX_HEAD: usize = 4 * 1024 * 1024;

impl From<IndexError> for PrepareError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Odd(why) => Self::NotAVideo(format!("it cannot be indexed: {why}")),
            IndexError::Io(error) => error.into(),
        }
    }
}

/// The document that `metadataURI` of a stored content points to (docs/protocol.md, section 12.1).
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    description: &'a str,
    picture: Option<String>,
    duration_ms: u64,
    size: u64,
    mime_type: &'a str,
}

/// The files of an item that is prepared.
struct Prepared {
    video: PathBuf,
    poster: PathBuf,
}

impl Prepared {
    fn within(folder: &Path) -> Self {
        Self {
            video: folder.join("video.mp4"),
            poster: folder.join("poster.jpg"),
        }
    }

    fn has_poster(&self) -> std::io::Result<bool> {
        self.poster.try_exists()
    }

    async fn poster<'a>(&self) -> std::io::Result<Source<'a>> {
        Ok(Box::pin(tokio::fs::File::open(&self.poster).await?))
    }

    /// The video as it is played: with our index in front.
    async fn video<'a>(&self, indexed: &'a Indexed) -> std::io::Result<Source<'a>> {
        let mut fragments = tokio::fs::File::open(&self.video).await?;
        fragments
            .seek(std::io::SeekFrom::Start(indexed.fragments_begin))
            .await?;
        Ok(Box::pin(indexed.head.as_slice().chain(fragments)))
    }
}

/// What is written down about a video.
fn document(item: &Item, picture: Option<Cid>, indexed: &Indexed) -> Result<Vec<u8>, PrepareError> {
    let document = Document {
        kind: "paystream/video",
        title: &item.title,
        description: &item.description,
        picture: picture.map(|cid| format!("ipfs://{cid}")),
        duration_ms: indexed.duration_ms,
        size: indexed.size,
        mime_type: &indexed.mime_type,
    };
    Ok(serde_json::to_vec(&document).map_err(std::io::Error::other)?)
}

impl Preparer {
    /// Takes an item to `ready`, from wherever an earlier streamer left it. `false` when somebody moved it elsewhere meanwhile.
    pub(super) async fn work(&self, item: &Item, work: &Work) -> Result<bool, Trouble> {
        let id = item.item_id;
        let folder = self.folder.join(id.to_string());
        let prepared = Prepared::within(&folder);
        if matches!(item.state, State::Queued | State::Preparing) {
            let from = item.state.as_str();
            if !self.moved(item, from, &State::Preparing).await? {
                return Ok(false);
            }
            tokio::fs::create_dir_all(&folder).await?;
            let upload = self.uploads.join(id.to_string());
            tokio::select! {
                () = work.cut.cancelled() => return Ok(false),
                converted = self.convert(&upload, &prepared, work) => converted?,
            }
            if !self.moved(item, "preparing", &State::Adding).await? {
                return Ok(false);
            }
        }
        work.permille.store(0, Ordering::Relaxed);
        let indexed = read_index(&prepared.video).await?;
        self.fits(item, indexed.size).await?;
        let stored = self.add(item, &prepared, indexed, work).await?;
        let ready = State::Ready(Box::new(stored));
        if !self.moved(item, "adding", &ready).await? {
            return Ok(false);
        }
        tracing::info!(item = %id, "an item is ready");
        Ok(true)
    }

    /// Takes room for what an upload has become, or refuses it when its owner has less.
    async fn fits(&self, item: &Item, size: u64) -> Result<(), Trouble> {
        let quota = match item.owner {
            Some(_) => self.bounds.creator_bytes,
            None => u64::MAX,
        };
        let room = self.library.becomes(item, size, quota).await;
        match room.map_err(Trouble::Library)? {
            room if size > room => Err(PrepareError::OverQuota { size, room }.into()),
            _ => Ok(()),
        }
    }

    async fn moved(&self, item: &Item, from: &'static str, to: &State) -> Result<bool, Trouble> {
        self.library
            .advance(item.item_id, &[from], to, Timestamp::now())
            .await
            .map_err(Trouble::Library)
    }

    /// Makes the streamable form of an upload, and its poster; both are safe on disk when this returns.
    async fn convert(
        &self,
        upload: &Path,
        prepared: &Prepared,
        work: &Work,
    ) -> Result<(), PrepareError> {
        let memory = self.bounds.memory;
        let bytes = tokio::fs::metadata(upload).await?.len();
        let source = probe(upload, memory).await?;
        let cut = if may_be_copied(&source) {
            Some(keyframes(upload, &source, memory).await?)
        } else {
            None
        };
        let plan = plan(&source, cut, bytes, memory)?;
        let tones = match plan.picture {
            Picture::Made {
                tone: Some(Tone::Pq | Tone::Hlg),
                ..
            } => has_zscale().await,
            Picture::Made { tone: None, .. } | Picture::Copied => false,
        };
        let folder = prepared.video.parent();
        let shown = Shown {
            input: upload,
            output: folder,
        };
        let mut command = confined("ffmpeg", plan.limits, shown);
        command.args(["-nostdin", "-y", "-progress", "pipe:1"]);
        // A file that breaks off is refused. A recorded broadcast begins in the middle of something, and that is no fault.
        if source.format != "mpegts" {
            command.arg("-xerror");
        }
        command.args(["-f", &source.format]);
        read_from(&mut command, &source.format, upload);
        command.args(arguments(&plan, &source, tones));
        command.arg(&prepared.video);
        let micros = source.seconds.unwrap_or(3600.0) * 1_000_000.0;
        let progress = |done: u64| {
            let permille = (done as f64 / micros * 1000.0).clamp(0.0, 999.0) as u32;
            work.permille.fetch_max(permille, Ordering::Relaxed);
        };
        convert(command, plan.limits, &progress).await?;
        let indexed = read_index(&prepared.video).await?;
        // These forms say in front how long they are; the others guess.
        let promised = source
            .seconds
            .filter(|_| matches!(source.format.as_str(), "mov" | "matroska"));
        let seconds = indexed.duration_ms as f64 / 1000.0;
        if promised.is_some_and(|promised| seconds < promised * 0.9 - 0.5) {
            return Err(PrepareError::NotAVideo(format!(
                "it breaks off after {seconds:.1} s"
            )));
        }

        // A tenth in, where titles and black are over; of a long film, half a minute.
        let at = (indexed.duration_ms as f64 / 10_000.0).min(30.0);
        let limits = poster(memory);
        let shown = Shown {
            input: &prepared.video,
            output: folder,
        };
        let mut command = confined("ffmpeg", limits, shown);
        command.args(["-nostdin", "-y", "-ss", &format!("{at:.3}")]);
        read_from(&mut command, "mov", &prepared.video);
        command.args(["-map", "0:v:0", "-frames:v", "1", "-vf"]);
        command.arg("scale='min(1280,iw)':'min(1280,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,format=yuvj420p");
        command
            .args(["-q:v", "4", "-f", "mjpeg"])
            .arg(&prepared.poster);
        convert(command, limits, &|_| {}).await?;

        let (video, poster) = (prepared.video.clone(), prepared.poster.clone());
        on_disk(move || {
            for path in [&video, &poster] {
                File::open(path)?.sync_all()?;
            }
            match video.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        })
        .await?;
        Ok(())
    }

    /// Puts an item's poster, document and video into the store.
    async fn add(
        &self,
        item: &Item,
        prepared: &Prepared,
        indexed: Indexed,
        work: &Work,
    ) -> Result<Stored, Trouble> {
        let picture = if prepared.has_poster()? {
            Some(self.keep(work, || prepared.poster(), QUIET).await?.cid)
        } else {
            None
        };
        let document = document(item, picture, &indexed)?;
        let text = || async { Ok(Box::pin(document.as_slice()) as Source<'_>) };
        let metadata = self.keep(work, text, QUIET).await?.cid;

        let size = indexed.size;
        let progress = |taken: u64| {
            let permille = (taken.saturating_mul(1000) / size.max(1)).min(999) as u32;
            work.permille.store(permille, Ordering::Relaxed);
        };
        let added = self
            .keep(work, || prepared.video(&indexed), &progress)
            .await?;
        if added.size != size {
            return Err(changed().into());
        }
        Ok(Stored {
            cid: added.cid,
            metadata: Some(metadata),
            picture,
            size,
            duration_ms: indexed.duration_ms,
            mime_type: indexed.mime_type,
            width: indexed.width,
            height: indexed.height,
        })
    }

    /// What an item's prepared files are called in the store, whether they are there or not. None when they are not whole: then none was added.
    pub(super) async fn files_of(&self, item: &Item) -> Vec<Cid> {
        let prepared = Prepared::within(&self.folder.join(item.item_id.to_string()));
        let named = async {
            let mut files = Vec::new();
            let picture = if prepared.has_poster()? {
                Some(only_hash(prepared.poster().await?, QUIET).await?.cid)
            } else {
                None
            };
            files.extend(picture);
            let indexed = read_index(&prepared.video).await?;
            let document = document(item, picture, &indexed)?;
            files.push(only_hash(Box::pin(document.as_slice()), QUIET).await?.cid);
            files.push(only_hash(prepared.video(&indexed).await?, QUIET).await?.cid);
            Ok::<_, PrepareError>(files)
        };
        named.await.unwrap_or_default()
    }
}

/// Why nothing can be made of a prepared file that is not what it was.
pub(super) fn changed() -> std::io::Error {
    std::io::Error::other("the prepared file changed while it was added")
}

async fn read_index(video: &Path) -> Result<Indexed, PrepareError> {
    let video = video.to_owned();
    let indexed = tokio::task::spawn_blocking(move || index(&mut File::open(video)?))
        .await
        .map_err(|error| PrepareError::Io(std::io::Error::other(error)))??;
    if indexed.head.len() > MAX_HEAD {
        return Err(PrepareError::NotAVideo("its index is too large".to_owned()));
    }
    Ok(indexed)
}

/// Whether this ffmpeg can bring high dynamic range down to what every screen shows; without it, colours look pale.
async fn has_zscale() -> bool {
    let output = tokio::process::Command::new("ffmpeg")
        .args(["-hide_banner", "-h", "filter=zscale"])
        .stdin(std::process::Stdio::null())
        .output()
        .await;
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("Filter zscale"))
}
