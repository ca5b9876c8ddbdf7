//! Additions that are cut off in the middle: by `kill -9`, and by a disk that is full.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;

use super::commands::{Command, command};
use super::footage::{Footage, footage};
use crate::stack::until;

async fn store(folder: &Path, arguments: &[&str]) -> Command {
    let folder = folder.to_str().unwrap();
    command(&[&["store"], arguments, &["--data-dir", folder]].concat()).await
}

/// Files of blocks below a folder, and those of additions that are under way.
fn blocks(folder: &Path) -> (usize, usize) {
    let mut found = (0, 0);
    let mut folders = vec![folder.join("blocks")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.components().any(|part| part.as_os_str() == "incoming") {
                found.1 += 1;
            } else if path.file_name().is_some_and(|name| name.len() > 20) {
                found.0 += 1;
            }
        }
    }
    found
}

#[tokio::test]
async fn an_addition_that_is_killed_leaves_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
        .args(["store", "add", "/dev/stdin", "--data-dir"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut content = Footage::new(30_000_000);
    tokio::io::copy(&mut content, &mut input).await.unwrap();
    input.flush().await.unwrap();
    until("blocks are written", || async {
        (blocks(folder.path()).1 > 16).then_some(())
    })
    .await;
    child.kill().await.unwrap();

    let verified = store(folder.path(), &["verify"]).await;
    assert!(
        verified.stdout.contains("0 files, 0 blocks: all sound"),
        "{}",
        verified.stdout
    );
    assert_eq!(blocks(folder.path()), (0, 0));
    let file = folder.path().join("whole");
    std::fs::write(&file, footage(30_000_000)).unwrap();
    let file = file.to_str().unwrap();
    let added = store(folder.path(), &["add", file]).await;
    assert!(added.success, "{}", added.stderr);
    let hashed = command(&["store", "add", "--only-hash", file]).await;
    let last = |command: &Command| command.stdout.split_whitespace().last().map(str::to_owned);
    assert_eq!(last(&added), last(&hashed));
    let verified = store(folder.path(), &["verify"]).await;
    assert!(verified.stdout.contains("1 files"), "{}", verified.stdout);
}

/// A disk of 6 MB where one can be had; else a store of that size.
const FULL: &str = r#"
disk=$1 streamer=$2 file=$3 bound=
if mount -t tmpfs -o size=6m tmpfs "$disk"; then
    # Without a name space of its own it would stay.
    trap 'umount "$disk"' EXIT
    trap 'exit 1' HUP INT TERM
else
    bound='--max-store-bytes 6000000'
fi
"$streamer" store add "$file" --data-dir "$disk" $bound; echo "added $?"
"$streamer" store verify --data-dir "$disk"
echo "left $(find "$disk/blocks" -type f -size +0 ! -name usage | wc -l)"
head -c 1000000 "$file" | "$streamer" store add /dev/stdin --data-dir "$disk" $bound; echo "added $?"
"#;

#[tokio::test]
async fn a_disk_that_is_full_is_said_to_be_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, footage(20_000_000)).unwrap();
    // A name space of its own, in which everybody may mount; not everywhere may everybody have one.
    let own = ["unshare", "--map-root-user", "--mount"];
    let may = std::process::Command::new(own[0])
        .args(&own[1..])
        .arg("true")
        .status();
    let mut words: Vec<&str> = Vec::new();
    if may.is_ok_and(|status| status.success()) {
        words.extend(own);
    }
    words.extend(["sh", "-c", FULL, "full"]);
    let output = tokio::process::Command::new(words[0])
        .args(&words[1..])
        .arg(&disk)
        .arg(env!("CARGO_BIN_EXE_paystream-streamer"))
        .arg(&file)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let all = format!("{said}{complaints}");
    assert!(complaints.contains("the store is full"), "{all}");
    assert!(said.starts_with("added 1\n"), "{all}");
    assert!(said.contains("0 files, 0 blocks: all sound"), "{all}");
    assert!(said.contains("left 0\n"), "{all}");
    assert!(said.ends_with("added 0\n"), "{all}");
}
