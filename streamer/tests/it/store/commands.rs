//! `paystream-streamer store …`: the binary itself.

use std::path::Path;
use std::process::Stdio;

use paystream_streamer::store::block::cid_of;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::KuboNode;
use super::footage::{Footage, VECTORS, footage};

/// How a command ended.
#[derive(Debug)]
pub struct Command {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary.
pub async fn command(arguments: &[&str]) -> Command {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    Command {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn store(folder: &Path, arguments: &[&str]) -> Command {
    let folder = folder.to_str().unwrap();
    command(&[&["store"], arguments, &["--data-dir", folder]].concat()).await
}

fn last_word(command: &Command) -> &str {
    command.stdout.split_whitespace().last().unwrap_or_default()
}

#[tokio::test]
async fn the_last_word_of_an_addition_is_the_cid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("footage");
    std::fs::write(&file, footage(1_000_000)).unwrap();
    let file = file.to_str().unwrap();
    let hashed = command(&["store", "add", "--only-hash", file]).await;
    assert!(hashed.success, "{}", hashed.stderr);
    assert_eq!(last_word(&hashed), VECTORS[0].1);
    let added = store(folder.path(), &["add", file]).await;
    assert_eq!(last_word(&added), VECTORS[0].1);
    assert!(added.stderr.contains("1000000 of 1000000 bytes"));
    let verified = store(folder.path(), &["verify"]).await;
    assert!(verified.stdout.contains("1 files, 5 blocks: all sound"));

    let node = KuboNode::start().await;
    let kubo = ["--store", "kubo", "--kubo-rpc", node.rpc.as_str()];
    let added = command(&[&["store", "add", file], &kubo[..]].concat()).await;
    assert_eq!(last_word(&added), VECTORS[0].1, "{}", added.stderr);
    let verified = command(&[&["store", "verify", VECTORS[0].1], &kubo[..]].concat()).await;
    assert!(verified.stdout.contains("all sound"));
    let pinned = command(&[&["pin", VECTORS[0].1], &kubo[..]].concat()).await;
    assert!(pinned.success, "{}", pinned.stderr);
    let warning = "without --data-dir no streamer is told";
    for told in [added, pinned] {
        assert!(told.stderr.contains(warning), "{told:?}");
    }
    let unpin = [&["store", "unpin", VECTORS[0].1], &kubo[..]].concat();
    let blind = command(&unpin).await;
    assert!(blind.stderr.contains("--data-dir is needed"), "{blind:?}");
    let data = folder.path().to_str().unwrap();
    let unpinned = command(&[&unpin[..], &["--data-dir", data]].concat()).await;
    assert!(unpinned.stdout.starts_with("unpinned "), "{unpinned:?}");
    // The folder is another store's.
    assert!(store(folder.path(), &["verify"]).await.success);
}

#[tokio::test]
async fn what_was_pinned_by_hand_is_unpinned_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("footage");
    std::fs::write(&file, footage(1_000_000)).unwrap();
    let file = file.to_str().unwrap();
    let added = store(folder.path(), &["add", file]).await;
    assert!(!added.stderr.contains("warning"), "{}", added.stderr);
    let cid = VECTORS[0].1;
    for said in ["unpinned CID\n", "CID was not pinned\n"] {
        let unpinned = store(folder.path(), &["unpin", cid]).await;
        assert_eq!(unpinned.stdout, said.replace("CID", cid), "{unpinned:?}");
    }
    let collected = store(folder.path(), &["gc"]).await;
    assert!(
        collected.stdout.contains("removed 5 blocks"),
        "{collected:?}"
    );
}

#[tokio::test]
async fn a_file_survives_a_car_and_a_damaged_car_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let content = footage(1_000_000);
    let file = folder.path().join("footage");
    std::fs::write(&file, &content).unwrap();
    let from = folder.path().join("from");
    let car = folder.path().join("footage.car");
    let (file, car_path) = (file.to_str().unwrap(), car.to_str().unwrap());
    store(&from, &["add", file]).await;
    let exported = store(&from, &["export", VECTORS[0].1, car_path]).await;
    assert!(exported.success, "{}", exported.stderr);
    let again = store(&from, &["export", VECTORS[0].1, car_path]).await;
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);

    let to = folder.path().join("to");
    let whole = std::fs::read(&car).unwrap();
    let mut flipped = whole.clone();
    flipped[500_000] ^= 1;
    let cases = [
        (&whole[..700_000], "CAR file"),
        (&whole[..whole.len() - 1], "CAR file"),
        (&flipped[..], "do not match"),
        (&b""[..], "CAR file"),
        (&content[..1000], "CAR file"),
    ];
    for (bytes, why) in cases {
        let damaged = folder.path().join("damaged.car");
        std::fs::write(&damaged, bytes).unwrap();
        let imported = store(&to, &["import", damaged.to_str().unwrap()]).await;
        assert!(!imported.success);
        assert!(imported.stderr.contains(why), "{}", imported.stderr);
    }
    // Cut behind a whole block: nothing in the CAR itself says that more should come.
    let short = folder.path().join("short.car");
    let last = cid_of(&content[3 * 262_144..]).to_bytes();
    let at = whole.windows(36).rposition(|window| window == last);
    std::fs::write(&short, &whole[..at.unwrap() - 3]).unwrap();
    let imported = store(&to, &["import", short.to_str().unwrap()]).await;
    assert!(
        imported.stderr.contains("ends without block"),
        "{}",
        imported.stderr
    );

    let imported = store(&to, &["import", car_path]).await;
    assert_eq!(last_word(&imported), VECTORS[0].1, "{}", imported.stderr);
    assert!(store(&to, &["verify"]).await.success);
}

#[tokio::test]
async fn verifying_names_every_damaged_block_and_adding_again_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let content = footage(1_000_000);
    let file = folder.path().join("footage");
    std::fs::write(&file, &content).unwrap();
    let file = file.to_str().unwrap();
    store(folder.path(), &["add", file]).await;
    for chunk in content.chunks(262_144).step_by(2) {
        let name = cid_of(chunk).to_string();
        let shard = folder.path().join("blocks").join(&name[name.len() - 2..]);
        let mut damaged = chunk.to_vec();
        damaged[77] ^= 4;
        std::fs::write(shard.join(name), damaged).unwrap();
    }
    let verified = store(folder.path(), &["verify"]).await;
    assert!(!verified.success);
    for chunk in content.chunks(262_144).step_by(2) {
        assert!(verified.stdout.contains(&cid_of(chunk).to_string()));
    }
    assert!(verified.stderr.contains("2 blocks are missing or damaged"));
    store(folder.path(), &["add", file]).await;
    assert!(store(folder.path(), &["verify"]).await.success);
}

#[tokio::test]
async fn a_store_that_is_in_use_can_be_added_to_and_not_collected() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = folder.path().join("blocks");
    let other = paystream_streamer::store::Embedded::open(blocks, u64::MAX).unwrap();
    let file = folder.path().join("small");
    std::fs::write(&file, b"small").unwrap();
    let added = store(folder.path(), &["add", file.to_str().unwrap()]).await;
    assert!(added.success, "{}", added.stderr);
    let collected = store(folder.path(), &["gc"]).await;
    assert!(collected.stderr.contains("another process uses this store"));
    drop(other);
    let collected = store(folder.path(), &["gc"]).await;
    assert_eq!(collected.stdout, "removed 0 blocks, 0 bytes\n");
}

#[tokio::test]
async fn bad_input_is_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let absent = store(folder.path(), &["add", "/nowhere/at/all"]).await;
    assert!(absent.stderr.contains("/nowhere/at/all: No such file"));
    let no_folder = command(&["store", "add", "/dev/null"]).await;
    assert!(no_folder.stderr.contains("--data-dir is needed"));
    let missing = store(folder.path(), &["export", VECTORS[0].1, "/tmp/never.car"]).await;
    assert!(missing.stderr.contains("is not in this store"));
    assert!(!Path::new("/tmp/never.car").exists());
    let no_cid = store(folder.path(), &["verify", "nonsense"]).await;
    assert!(!no_cid.success);
    let data = folder.path().to_str().unwrap();
    let unfetched = command(&["pin", VECTORS[0].1, "--data-dir", data]).await;
    assert!(unfetched.stderr.contains("--from"), "{}", unfetched.stderr);
    let file = folder.path().join("file");
    std::fs::write(&file, footage(2_000_000)).unwrap();
    let file = file.to_str().unwrap();
    let full = store(
        folder.path(),
        &["add", file, "--max-store-bytes", "1000000"],
    )
    .await;
    assert!(full.stderr.contains("the store is full"), "{}", full.stderr);
    let empty = store(folder.path(), &["gc"]).await;
    assert_eq!(empty.stdout, "removed 0 blocks, 0 bytes\n");
    let away = ["--store", "kubo", "--kubo-rpc", "http://127.0.0.1:1"];
    let away = command(&[&["store", "add", file], &away[..]].concat()).await;
    assert!(away.stderr.contains("Kubo"), "{}", away.stderr);
}

/// The most memory that a process has had, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_addition_of_400_megabytes_takes_less_than_64_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    let node = KuboNode::start().await;
    let stores: [&[&str]; 2] = [
        &["--data-dir", folder.path().to_str().unwrap()],
        &["--store", "kubo", "--kubo-rpc", node.rpc.as_str()],
    ];
    for which in stores {
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
            .args(["store", "add", "/dev/stdin"])
            .args(which)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut content = Footage::new(400_000_000);
        tokio::io::copy(&mut content, &mut input).await.unwrap();
        input.flush().await.unwrap();
        // All but the last few chunks have been taken, and the end has not been told yet.
        let memory = most_memory(child.id().unwrap());
        drop(input);
        let mut stdout = String::new();
        let mut output = child.stdout.take().unwrap();
        output.read_to_string(&mut stdout).await.unwrap();
        assert!(child.wait().await.unwrap().success());
        assert!(stdout.contains("400000000 bytes"), "{stdout}");
        assert!(memory < 64 * 1024, "{memory} KiB with {which:?}");
    }
}
