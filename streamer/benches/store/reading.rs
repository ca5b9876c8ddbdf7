//! Ranges out of the embedded store, every block checked, against `pread` of the same ranges of the file.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cid::Cid;
use futures::TryStreamExt;
use paystream_streamer::store::{ContentStore, Embedded, QUIET, read};
use rand::RngExt;

use super::table::{Row, Table};
use super::{Content, ROUNDS, median, say};

/// Ranges in a round.
const RANGES: usize = 256;

/// Reads ranges of two lengths from both.
pub async fn run(content: &Content, folder: &Path, table: &mut Table) {
    let store: Arc<dyn ContentStore> =
        Arc::new(Embedded::open(folder.join("read"), u64::MAX).unwrap());
    let source = tokio::fs::File::open(&content.path).await.unwrap();
    let root = store.add(Box::pin(source), QUIET).await.unwrap().cid;
    let file = File::open(&content.path).unwrap();
    for (length, name) in [(64 << 10, "64 KiB"), (4 << 20, "4 MiB")] {
        let length = content.size.min(length);
        let ranges: Vec<_> = (0..RANGES)
            .map(|_| {
                let start = rand::rng().random_range(0..=content.size - length);
                start..start + length
            })
            .collect();
        say(&format!("reading {RANGES} ranges of {name}"));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(verified(&store, root, &ranges).await);
            theirs.push(plain(&file, &ranges));
        }
        let bytes = (RANGES as u64 * length) as f64 / 1e6;
        let (ours, theirs) = (median(ours), median(theirs));
        let rate = |seconds: f64| format!("{:.0} MB/s", bytes / seconds);
        table.add(&Row::new(
            format!("read ranges of {name}, verified"),
            rate(ours),
            format!("{} (pread)", rate(theirs)),
            theirs / ours,
        ));
    }
}

async fn verified(store: &Arc<dyn ContentStore>, root: Cid, ranges: &[Range<u64>]) -> f64 {
    let begun = Instant::now();
    for range in ranges {
        let parts = read(Arc::clone(store), root, range.clone());
        let length = parts
            .try_fold(0, |sum, part| {
                std::future::ready(Ok(sum + part.len() as u64))
            })
            .await
            .unwrap();
        assert_eq!(length, range.end - range.start);
    }
    begun.elapsed().as_secs_f64()
}

fn plain(file: &File, ranges: &[Range<u64>]) -> f64 {
    let mut buffer = Vec::new();
    let begun = Instant::now();
    for range in ranges {
        buffer.resize((range.end - range.start) as usize, 0);
        file.read_exact_at(&mut buffer, range.start).unwrap();
        std::hint::black_box(&buffer);
    }
    begun.elapsed().as_secs_f64()
}
