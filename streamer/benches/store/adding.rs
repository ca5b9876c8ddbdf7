//! `paystream-streamer store add` against `ipfs add` and against bare SHA-256, each from the same file, each into a new store.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use multihash_codetable::{Code as Hash, MultihashDigest};
use serde_json::{Value, json};

use super::child::{self, Took};
use super::table::{Row, Table};
use super::{Content, ROUNDS, median, say};

/// Bytes that are hashed at a time: those of a leaf.
const LEAF: usize = 256 * 1024;
/// A smaller file, to see that memory does not grow with the file.
const SMALL: u64 = 64 << 20;
/// The most memory that an addition may have resident.
const MOST_RSS: u64 = 64 << 20;
/// Between additions the disk has nothing to do.
const REST: Duration = Duration::from_secs(3);

/// Adds the file to each in turn.
pub fn run(content: &Content, folder: &Path, table: &mut Table) {
    let kubo = kubo();
    let (mut ours, mut shipped, mut synced, mut hashes) = (vec![], vec![], vec![], vec![]);
    let (mut our_rss, mut their_rss) = (0, 0);
    for round in 1..=ROUNDS {
        say(&format!(
            "adding {} bytes, round {round} of {ROUNDS}",
            content.size
        ));
        let added = add(content, &folder.join(format!("ours-{round}")));
        let cid = last_word(&added).to_owned();
        our_rss = our_rss.max(added.peak_rss);
        ours.push(added.seconds);
        settle();

        for (seconds, name, syncs) in [
            (&mut shipped, "shipped", false),
            (&mut synced, "syncing", true),
        ] {
            let repository = folder.join(format!("{name}-{round}"));
            let added = ipfs_add(&kubo, content, &repository, syncs);
            assert_eq!(last_word(&added), cid, "both stores give the same CID");
            their_rss = their_rss.max(added.peak_rss);
            seconds.push(added.seconds);
            settle();
        }

        hashes.push(hash(&content.path));
    }
    let small = Content::make(folder, SMALL);
    let small_rss = add(&small, &folder.join("small")).peak_rss;

    say(&format!(
        "seconds: ours {ours:.2?}, ipfs add {shipped:.2?}, syncing {synced:.2?}, SHA-256 {hashes:.2?}"
    ));
    let rate = |seconds: f64| format!("{:.0} MB/s", content.size as f64 / 1e6 / seconds);
    let size = format!("add {:.2} GB", content.size as f64 / 1e9);
    let ours = median(ours);
    for (figure, peer, seconds, least, goal) in [
        (
            "ipfs add",
            "Kubo, set to sync as we do",
            synced,
            2.0,
            ">= 2",
        ),
        (
            "ipfs add as shipped",
            "Kubo, syncs nothing",
            shipped,
            2.0,
            ">= 2",
        ),
        ("SHA-256 alone", "one thread", hashes, 0.7, ">= 0.7"),
    ] {
        let theirs = median(seconds);
        let peer = format!("{} ({peer})", rate(theirs));
        let row = Row::new(
            format!("{size}, against {figure}"),
            rate(ours),
            peer,
            theirs / ours,
        );
        table.add(&row.at_least(least, goal));
    }
    for (figure, ours, theirs) in [
        (size, our_rss, Some(their_rss)),
        ("add 0.07 GB".to_owned(), small_rss, None),
    ] {
        let mib = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
        table.add(&Row {
            figure: format!("{figure}, resident memory"),
            ours: mib(ours),
            peer: theirs.map_or(String::new(), |theirs| format!("{} (Kubo)", mib(theirs))),
            ratio: theirs.map(|theirs| theirs as f64 / ours as f64),
            goal: "< 64 MiB",
            reached: Some(ours < MOST_RSS),
        });
    }
}

/// Adds to a new embedded store, with the streamer's own command.
fn add(content: &Content, data_dir: &Path) -> Took {
    child::run(
        Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
            .args(["store", "add"])
            .arg(&content.path)
            .arg("--data-dir")
            .arg(data_dir),
    )
}

/// Adds to a new repository, without a daemon in between. As it is shipped, Kubo's store of blocks syncs none of them; it can be set to.
fn ipfs_add(kubo: &Path, content: &Content, repository: &Path, syncs: bool) -> Took {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(kubo);
        command
            .env("IPFS_PATH", repository)
            .env("IPFS_TELEMETRY", "off")
            .args(arguments);
        command
    };
    child::run(&mut command(&["init", "--empty-repo"]));
    let stores = child::run(&mut command(&["config", "Datastore.Spec"])).output;
    let mut stores: Value = serde_json::from_str(&stores).unwrap();
    let blocks = stores["mounts"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|mount| mount["type"] == "flatfs");
    blocks.expect("a store of blocks in files")["sync"] = json!(syncs);
    child::run(&mut command(&[
        "config",
        "--json",
        "Datastore.Spec",
        &stores.to_string(),
    ]));
    child::run(
        command(&[
            "add",
            "--quieter",
            "--offline",
            "--cid-version=1",
            "--raw-leaves",
            "--chunker=size-262144",
        ])
        .arg(&content.path),
    )
}

/// One thread that reads the file and hashes it leaf by leaf, and does nothing else.
fn hash(path: &Path) -> f64 {
    let begun = Instant::now();
    let mut file = File::open(path).unwrap();
    let mut leaf = vec![0; LEAF];
    loop {
        let length = file.read(&mut leaf).unwrap();
        if length == 0 {
            return begun.elapsed().as_secs_f64();
        }
        std::hint::black_box(Hash::Sha2_256.digest(&leaf[..length]));
    }
}

/// Waits until the disk has nothing left to do. What was added stays until the end: for minutes after a removal ext4 looks past the removed
/// inodes for others, and additions would be measured by what was removed before them.
fn settle() {
    let synced = Command::new("sync").stdin(Stdio::null()).status();
    assert!(synced.unwrap().success());
    std::thread::sleep(REST);
}

fn last_word(took: &Took) -> &str {
    took.output.split_whitespace().last().unwrap_or_default()
}

fn kubo() -> PathBuf {
    std::env::var_os("KUBO_EXE").map(PathBuf::from).expect(
        "KUBO_EXE is needed: start by scripts/bench, or first run: eval \"$(scripts/setup --env)\"",
    )
}
