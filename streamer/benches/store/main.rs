//! What the store costs, each figure beside its peer in the same run: `scripts/bench store` (docs/benchmarks.md says how each is measured).
//!
//!     cargo bench -p paystream-streamer --bench store -- [--size <bytes>] [--rows <file>] [adding|reading|serving]…
//!
//! Nothing here passes or fails by a time: the figures depend on the machine. What is wrong (another CID, a short answer) does fail.

#![allow(clippy::unwrap_used)] // As in the tests, whose stack this runs.

mod adding;
mod child;
mod load;
mod machine;
mod plain;
mod reading;
mod serving;
mod table;
mod viewers;

/// The integration tests' stack: chains, contracts, films and the streamer's binary.
#[path = "../../tests/it"]
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
mod it {
    pub mod media;
    pub mod stack;
}
use it::{media, stack};

use std::path::{Path, PathBuf};

use table::Table;

/// How often each figure is taken; the median counts.
const ROUNDS: usize = 3;

fn main() {
    let options = Options::parse(std::env::args().skip(1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(file) = options.plain_server {
        return runtime.block_on(plain::serve(file));
    }
    let mut table = Table::new(options.rows);
    // On the disk that cargo builds on: a temporary folder is often in memory, where nothing has to be synced.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    machine::describe(folder.path());
    let asked =
        |part: &str| options.parts.is_empty() || options.parts.iter().any(|one| one == part);
    if asked("adding") || asked("reading") {
        let content = Content::make(folder.path(), options.size);
        if asked("adding") {
            adding::run(&content, folder.path(), &mut table);
        }
        if asked("reading") {
            runtime.block_on(reading::run(&content, folder.path(), &mut table));
        }
    }
    if asked("serving") {
        runtime.block_on(serving::run(&mut table));
    }
}

/// What is asked for on the command line.
struct Options {
    size: u64,
    rows: Option<PathBuf>,
    plain_server: Option<PathBuf>,
    parts: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            size: 1 << 30,
            rows: None,
            plain_server: None,
            parts: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value behind each option");
            match argument.as_str() {
                "--size" => options.size = value().parse().expect("--size in bytes"),
                "--rows" => options.rows = Some(value().into()),
                "--plain-server" => options.plain_server = Some(value().into()),
                // Cargo says so to everything that it runs as a benchmark.
                "--bench" => {}
                "adding" | "reading" | "serving" => options.parts.push(argument),
                _ => panic!("{argument} is not known here"),
            }
        }
        options
    }
}

/// A file to add: bytes of no pattern, on disk, and in the kernel's cache.
struct Content {
    path: PathBuf,
    size: u64,
}

impl Content {
    fn make(folder: &Path, size: u64) -> Self {
        let path = folder.join(format!("content-{size}"));
        let mut file = std::fs::File::create(&path).unwrap();
        let mut block = vec![0; 1 << 20];
        let mut left = size;
        while left > 0 {
            rand::fill(&mut block[..]);
            let part = left.min(block.len() as u64);
            std::io::Write::write_all(&mut file, &block[..part as usize]).unwrap();
            left -= part;
        }
        file.sync_all().unwrap();
        Self { path, size }
    }
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Says on standard error what is being done.
fn say(what: &str) {
    eprintln!("bench: {what}");
}
