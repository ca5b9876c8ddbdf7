//! Stored videos of a test: made by ffmpeg, kept by the streamer's own store and library, registered on chain.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use cid::Cid;
use futures::StreamExt;
use jiff::Timestamp;
use paystream_streamer::library::{Item, ItemId, Library, State, Stored};
use paystream_streamer::store::dag::{Kind, Visited};
use paystream_streamer::store::{self, ContentStore, Embedded, QUIET};
use paystream_streamer::stored::{Film, Films};

use super::Stack;

/// The quota of a test's store.
const QUOTA: u64 = 1 << 30;

/// A stored video.
pub struct StoredFilm {
    pub film: Arc<Film>,
    pub bytes: Vec<u8>,
    /// All its blocks, in the order in which a CAR has them.
    pub blocks: Vec<Visited>,
    pub picture: Cid,
    pub content: B256,
}

impl StoredFilm {
    /// The dearest of its leaves.
    pub fn dearest_ms(&self) -> u64 {
        let costs = self.blocks.iter().map(|block| self.film.cost(block.kind));
        costs.max().unwrap()
    }

    /// Its leaves, in order, with the bytes that they hold.
    pub fn leaves(&self) -> Vec<(Cid, Range<u64>)> {
        let leaves = self.blocks.iter().filter_map(|block| match block.kind {
            Kind::Leaf { start, end } => Some((block.cid, start..end)),
            Kind::Interior => None,
        });
        leaves.collect()
    }
}

/// A film of so many seconds at about half a megabyte a second, as it is prepared for streaming.
fn footage(folder: &Path, seconds: u32) -> Vec<u8> {
    let file = folder.join(format!("film-{seconds}.mp4"));
    let picture = format!("testsrc2=size=320x180:rate=25:duration={seconds},noise=alls=60:allf=t");
    let sound = format!("sine=frequency=440:duration={seconds}");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture])
        .args(["-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M"])
        .args(["-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .args([
            "-movflags",
            "frag_keyframe+empty_moov+default_base_moof+dash+global_sidx",
        ])
        .arg(&file)
        .status();
    assert!(status.unwrap().success());
    std::fs::read(file).unwrap()
}

/// What a test's film is like.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seconds: u32,
    pub msat_per_second: u64,
    pub free: bool,
}

impl Stack {
    /// A stack whose streamer has this film from its start.
    pub async fn with_film(plan: Plan, arguments: &[&str]) -> (Self, StoredFilm) {
        Self::with_film_since(None, plan, arguments).await
    }

    /// The same, on an Ethereum chain whose clock began at this second.
    pub async fn with_film_since(
        begun_at: Option<i64>,
        plan: Plan,
        arguments: &[&str],
    ) -> (Self, StoredFilm) {
        let data = tempfile::tempdir().unwrap();
        let bytes = footage(data.path(), plan.seconds);
        let chains = Self::on(data, begun_at).await;
        let folder = chains.data.path().join("streamer");
        std::fs::create_dir_all(&folder).unwrap();
        let store: Arc<dyn ContentStore> =
            Arc::new(Embedded::open(folder.join("blocks"), QUOTA).unwrap());
        let added = store.add(Box::pin(&bytes[..]), QUIET).await.unwrap();
        let picture = b"\xff\xd8\xff\xe0 a poster";
        let picture = store.add(Box::pin(&picture[..]), QUIET).await.unwrap().cid;
        let film = Films::new(Arc::clone(&store))
            .film(added.cid)
            .await
            .unwrap();
        let stored = Stored {
            cid: added.cid,
            metadata: None,
            picture: Some(picture),
            size: added.size,
            duration_ms: film.timeline.duration_ms(),
            mime_type: "video/mp4; codecs=\"avc1.42c01e, mp4a.40.2\"".to_owned(),
            width: 320,
            height: 180,
        };
        keep(&folder, stored, chains.chain.creator.address(), plan.free).await;
        let blocks = store::blocks(Arc::clone(&store), added.cid, 0..u64::MAX);
        let blocks = blocks.map(Result::unwrap).collect().await;
        let content = chains
            .chain
            .register(&added.cid.to_string(), plan.msat_per_second)
            .await;
        drop(store);
        let stack = chains.serve(arguments).await;
        let film = StoredFilm {
            film,
            bytes,
            blocks,
            picture,
            content,
        };
        (stack, film)
    }

    /// Flips a bit of a block in the streamer's store, or flips it back.
    pub fn damage(&self, block: &[u8]) {
        let blocks = self.data.path().join("streamer/blocks");
        let mut folders = vec![blocks];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let mut bytes = std::fs::read(&path).unwrap();
                if bytes == block {
                    bytes[block.len() / 2] ^= 1;
                    std::fs::write(path, bytes).unwrap();
                    return;
                }
            }
        }
        panic!("the store does not have that block");
    }
}

async fn keep(folder: &Path, stored: Stored, owner: Address, free: bool) {
    let library = Library::open(&folder.join("library.sqlite")).await.unwrap();
    for file in stored.files() {
        library.own(&file).await.unwrap();
    }
    let now = Timestamp::now();
    let item = Item {
        item_id: ItemId::random(),
        owner: Some(owner),
        title: "A film".to_owned(),
        description: String::new(),
        file_name: "film.mp4".to_owned(),
        free,
        length: Some(stored.size),
        received: stored.size,
        state: State::Ready(Box::new(stored)),
        created_at: now,
        touched_at: now,
    };
    library.insert(&item).await.unwrap();
    library.close().await;
}
