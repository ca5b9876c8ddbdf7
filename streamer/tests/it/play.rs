//! `paystream-streamer play`: the binary itself, with a wallet of its own, against a real provider.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use bitcoin::{Amount, CompressedPublicKey, ScriptBuf, Transaction};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::stack::{Plan, Stack, StoredFilm, Streamer, until};

/// One satoshi a millisecond.
const PLAN: Plan = Plan {
    seconds: 12,
    msat_per_second: 1_000_000,
    free: false,
};
/// What `Streamer` is paid to.
const PROVIDER_SCRIPT: &str = "00140101010101010101010101010101010101010101";

/// A viewer's folder and wallet.
struct Viewer {
    folder: tempfile::TempDir,
    script: ScriptBuf,
}

/// How a run ended.
struct Run {
    success: bool,
    stdout: String,
    stderr: String,
}

impl Viewer {
    /// With a confirmed coin.
    async fn with(stack: &Stack, sat: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = SecretKey::from_slice(&[9; 32]).unwrap();
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &secret);
        let script = ScriptBuf::new_p2wpkh(&CompressedPublicKey(key).wpubkey_hash());
        let file = folder.path().join("wallet.key");
        std::fs::write(&file, hex::encode([9; 32])).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        stack.bitcoin.pay(&script, Amount::from_sat(sat)).await;
        stack.bitcoin.mine(1).await;
        Self { folder, script }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("film.mp4")
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("film.mp4.partial")
    }

    fn start(&self, arguments: &[&str]) -> tokio::process::Child {
        tokio::process::Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
            .arg("play")
            .args(arguments)
            .arg("--state-dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.start(arguments)).await
    }

    /// Plays to the viewer's file, while blocks are made of whatever waits for one.
    async fn play(&self, stack: &Stack, url: &str, content: &str, more: &[&str]) -> Run {
        let file = self.file();
        let arguments = [&[url, content, "--to", file.to_str().unwrap()], more].concat();
        let run = self.run(&arguments);
        tokio::pin!(run);
        loop {
            tokio::select! {
                run = &mut run => return run,
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                    if !waiting(stack).await.is_empty() {
                        stack.bitcoin.mine(1).await;
                    }
                }
            }
        }
    }
}

impl Run {
    async fn of(child: tokio::process::Child) -> Self {
        let output = child.wait_with_output().await.unwrap();
        Self {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What the closing transaction pays, by script.
    async fn closing(&self, stack: &Stack) -> Vec<(ScriptBuf, u64)> {
        let txid = self.stdout.lines().find_map(|line| line.split_once(" by "));
        let (_, txid) = txid.unwrap_or_else(|| panic!("{}{}", self.stdout, self.stderr));
        let closing = stack.bitcoin.confirmed(txid).await;
        let outputs = closing.output.into_iter();
        outputs
            .map(|output| (output.script_pubkey, output.value.to_sat()))
            .collect()
    }
}

/// The ids of the transactions that no block has.
async fn waiting(stack: &Stack) -> Vec<String> {
    let ids = stack.bitcoin.node.call("getrawmempool", json!([])).await;
    serde_json::from_value(ids.unwrap()).unwrap()
}

fn provider_script() -> ScriptBuf {
    ScriptBuf::from_hex(PROVIDER_SCRIPT).unwrap()
}

/// What of an amount is the creator's.
fn creators(sat: u64) -> u64 {
    (sat * 9000).div_ceil(10_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_video_is_bought_byte_for_byte_and_the_creator_is_paid_on_chain() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let viewer = Viewer::with(&stack, 100_000).await;
    let price = film.film.timeline.duration_ms();
    let rpc = format!("http://127.0.0.1:{}", stack.chain.port);
    let registry = stack.chain.deployed.registry.to_string();
    let compared = ["--ethereum-rpc", &rpc, "--registry", &registry];
    let (url, content) = (&stack.streamer.url, film.content.to_string());

    // Whoever says no budget, or too small a one, or too low a price, pays nothing.
    let shown = viewer.play(&stack, url, &content, &compared).await;
    assert!(!shown.success);
    assert!(shown.stderr.contains("--budget-sat"), "{}", shown.stderr);
    assert!(shown.stderr.contains("bcrt1q"), "{}", shown.stderr);
    assert!(!viewer.partial().exists(), "a price leaves no file behind");
    let poor = [&compared[..], &["--budget-sat", "5000"]].concat();
    let poor = viewer.play(&stack, url, &content, &poor).await;
    assert!(!poor.success);
    assert!(poor.stderr.contains("is too little"), "{}", poor.stderr);
    let dear = ["--budget-sat", "50000", "--max-price", "999999"];
    let dear = viewer.play(&stack, url, &content, &dear).await;
    assert!(!dear.success);
    assert!(dear.stderr.contains("--max-price"), "{}", dear.stderr);
    // Nor does who is offered a share for somebody else than the creator registered.
    let script = stack.chain.creator_script.to_hex_string();
    let forged = Damaging::matching(&stack.streamer, script.into_bytes()).await;
    let forged = viewer
        .play(
            &stack,
            &forged.url,
            &content,
            &[&compared[..], &["--budget-sat", "50000"]].concat(),
        )
        .await;
    assert!(!forged.success);
    assert!(
        forged.stderr.contains("another payout"),
        "{}",
        forged.stderr
    );
    assert!(waiting(&stack).await.is_empty());

    let bought = [&compared[..], &["--budget-sat", "50000"]].concat();
    let bought = viewer.play(&stack, url, &content, &bought).await;
    assert!(bought.success, "{}{}", bought.stdout, bought.stderr);
    assert_eq!(std::fs::read(viewer.file()).unwrap(), film.bytes);
    assert!(!viewer.partial().exists());
    let outputs = bought.closing(&stack).await;
    assert_eq!(
        outputs[..2],
        [
            (provider_script(), price - creators(price)),
            (stack.chain.creator_script.clone(), creators(price)),
        ]
    );
    assert_eq!(outputs[2].0, viewer.script);
    assert_eq!(outputs.len(), 3);

    // A file is never overwritten, and a channel that is closed needs nobody any more.
    let again = viewer.play(&stack, url, &content, &[]).await;
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    assert!(again.stderr.contains("settled by"), "{}", again.stderr);
    let nothing = viewer.run(&["--refund"]).await;
    assert!(nothing.success, "{}", nothing.stderr);
    assert!(!nothing.stderr.contains("channel"), "{}", nothing.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_with_a_flipped_byte_is_not_paid_and_the_next_run_buys_the_rest() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let viewer = Viewer::with(&stack, 200_000).await;
    let (leaf, bytes) = film.leaves()[9].clone();
    let damaging = Damaging::start(&stack.streamer, &film, 9).await;
    let cid = film.film.root.to_string();
    let budget = ["--budget-sat", "50000"];

    // A block that counts as more than the person allows is not paid for either.
    let bounded = [&budget[..], &["--max-block-seconds", "0"]].concat();
    let dear = viewer
        .play(&stack, &stack.streamer.url, &cid, &bounded)
        .await;
    assert!(dear.stderr.contains("counts as"), "{}", dear.stderr);
    assert_eq!(dear.closing(&stack).await.len(), 1);
    std::fs::remove_file(viewer.partial()).unwrap();

    let flipped = viewer.play(&stack, &damaging.url, &cid, &budget).await;
    assert!(!flipped.success);
    assert!(
        flipped.stderr.contains("wrong block") && flipped.stderr.contains(&leaf.to_string()),
        "{}",
        flipped.stderr
    );
    assert!(!viewer.file().exists());
    let kept = std::fs::read(viewer.partial()).unwrap();
    let had = usize::try_from(bytes.start).unwrap();
    assert!(kept == film.bytes[..had], "what was checked was kept");
    let outputs = flipped.closing(&stack).await;
    let paid: u64 = outputs[..outputs.len() - 1]
        .iter()
        .map(|(_, sat)| sat)
        .sum();
    assert!(paid <= film.film.timeline.cost(0, bytes.start));

    // What was written is checked again, and what does not match any more is bought again.
    let mut kept = kept;
    let last = film.leaves()[8].1.clone();
    kept[had - 1] ^= 1;
    std::fs::write(viewer.partial(), kept).unwrap();
    let rest = viewer
        .play(&stack, &stack.streamer.url, &cid, &budget)
        .await;
    assert!(rest.success, "{}{}", rest.stdout, rest.stderr);
    assert_eq!(std::fs::read(viewer.file()).unwrap(), film.bytes);
    let price = film.film.timeline.cost(last.start, film.film.size);
    let outputs = rest.closing(&stack).await;
    assert_eq!(
        outputs[1],
        (stack.chain.creator_script.clone(), creators(price))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_early_gets_everything_back_at_once() {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let viewer = Viewer::with(&stack, 100_000).await;
    let (file, content) = (viewer.file(), film.content.to_string());
    let to = file.to_str().unwrap();
    let play = [stack.streamer.url.as_str(), &content, "--to", to];
    let mut child = viewer.start(&[&play[..], &["--budget-sat", "50000"]].concat());
    let mut stderr = child.stderr.take().unwrap();
    let mut said = String::new();
    while !said.contains("waiting for a block that confirms") {
        let mut buffer = [0; 1024];
        let read = stderr.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{said}");
        said.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let pid = child.id().unwrap().to_string();
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(interrupt.unwrap().success());
    let stopped = Run::of(child).await;
    assert!(!stopped.success);
    assert!(stopped.stdout.contains("paid 0 sat"), "{}", stopped.stdout);
    stack.bitcoin.mine(1).await;
    let outputs = stopped.closing(&stack).await;
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0].0, viewer.script);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_viewer_of_a_provider_that_is_gone_is_refunded_after_the_expiry() {
    let (mut stack, film) = Stack::with_film(PLAN, &["--channel-blocks", "220"]).await;
    let viewer = Viewer::with(&stack, 100_000).await;
    let (file, content) = (viewer.file(), film.content.to_string());
    let to = file.to_str().unwrap();
    let play = [stack.streamer.url.as_str(), &content, "--to", to];
    let mut child = viewer.start(&[&play[..], &["--budget-sat", "50000"]].concat());
    let funding = until("the channel is funded", || async {
        waiting(&stack).await.pop()
    })
    .await;
    child.kill().await.unwrap();
    stack.streamer.kill();
    let funding = stack.bitcoin.confirmed(&funding).await;
    let capacity = funding.output[0].value.to_sat();
    // Somebody else's view of the chain.
    let folder = tempfile::tempdir().unwrap();
    let other = Streamer::start(folder.path(), &stack.bitcoin, &stack.chain, &[]).await;
    let esplora = format!("{}/esplora", other.url);
    let refund = ["--refund", "--esplora", &esplora];

    let early = viewer.run(&refund).await;
    assert!(
        early.stderr.contains("come back from block"),
        "{}",
        early.stderr
    );
    assert!(waiting(&stack).await.is_empty());
    stack.bitcoin.mine(220).await;
    let due = viewer.run(&refund).await;
    assert!(due.success, "{}", due.stderr);
    assert!(due.stderr.contains("refunded"), "{}", due.stderr);
    let txid = waiting(&stack).await.pop().unwrap();
    let raw = stack.bitcoin.node.call("getrawtransaction", json!([txid]));
    let raw: Transaction = deserialize_hex(raw.await.unwrap().as_str().unwrap()).unwrap();
    assert_eq!(raw.output.len(), 1);
    assert_eq!(raw.output[0].script_pubkey, viewer.script);
    assert!(raw.output[0].value.to_sat() + 1000 > capacity);
    stack.bitcoin.mine(1).await;
    let settled = viewer.run(&refund).await;
    assert!(settled.stderr.contains("settled by"), "{}", settled.stderr);
    let nothing = viewer.run(&refund).await;
    assert_eq!((nothing.success, nothing.stderr.as_str()), (true, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_funding_that_was_written_down_and_never_sent_costs_nothing_and_is_forgotten_when_its_coin_is_spent()
 {
    let (stack, film) = Stack::with_film(PLAN, &[]).await;
    let viewer = Viewer::with(&stack, 100_000).await;
    let (url, content) = (&stack.streamer.url, film.content.to_string());
    let budget = ["--budget-sat", "50000"];
    let deaf = takes_no_transaction(&stack.streamer).await;
    let unsent = [&budget[..], &["--esplora", &deaf]].concat();
    let unsent = viewer.play(&stack, url, &content, &unsent).await;
    assert!(unsent.stderr.contains("was not taken"), "{}", unsent.stderr);
    assert!(!viewer.partial().exists());
    assert!(waiting(&stack).await.is_empty());

    let looked = viewer.run(&["--refund"]).await;
    assert!(looked.success, "{}", looked.stderr);
    let said = "the coins for that are the wallet's";
    assert!(looked.stderr.contains(said), "{}", looked.stderr);
    let bought = viewer.play(&stack, url, &content, &budget).await;
    assert!(bought.success, "{}{}", bought.stdout, bought.stderr);
    bought.closing(&stack).await;
    let looked = viewer.run(&["--refund"]).await;
    assert!(looked.success, "{}", looked.stderr);
    let said = "has spent its coins";
    assert!(looked.stderr.contains(said), "{}", looked.stderr);
    let nothing = viewer.run(&["--refund"]).await;
    assert_eq!((nothing.success, nothing.stderr.as_str()), (true, ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_free_is_read_and_checked_without_a_wallet() {
    let plan = Plan { free: true, ..PLAN };
    let (stack, film) = Stack::with_film(plan, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let script = ScriptBuf::new();
    let viewer = Viewer { folder, script };
    let url = &stack.streamer.url;
    let read = viewer
        .play(&stack, url, &film.film.root.to_string(), &[])
        .await;
    assert!(read.success, "{}", read.stderr);
    assert_eq!(std::fs::read(viewer.file()).unwrap(), film.bytes);
    assert!(!has_key(viewer.folder.path()));

    std::fs::remove_file(viewer.file()).unwrap();
    let damaging = Damaging::start(&stack.streamer, &film, 3).await;
    let content = film.content.to_string();
    let flipped = viewer.play(&stack, &damaging.url, &content, &[]).await;
    assert!(!flipped.success);
    assert!(flipped.stderr.contains("wrong block"), "{}", flipped.stderr);
    assert!(!viewer.file().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_stream_is_recorded_for_as_long_as_was_asked_and_paid_by_its_seconds() {
    let stack = Stack::start().await;
    let content = stack.chain.register("bafkreilive", 1_000_000).await;
    let viewer = Viewer::with(&stack, 100_000).await;
    let (url, id) = (&stack.streamer.url, content.to_string());
    let off_air = ["--for", "4", "--budget-sat", "50000"];
    let refused = viewer.play(&stack, url, &id, &off_air).await;
    assert!(refused.stderr.contains("off air"), "{}", refused.stderr);
    let _publisher = stack.publish(content).await;
    let unbounded = viewer.play(&stack, url, &id, &[]).await;
    assert!(unbounded.stderr.contains("--for"), "{}", unbounded.stderr);

    // An earlier recording is not touched by whoever asks for the price, nor by whoever would buy.
    std::fs::write(viewer.partial(), "an hour").unwrap();
    let shown = viewer.play(&stack, url, &id, &["--for", "4"]).await;
    assert!(shown.stderr.contains("--budget-sat"), "{}", shown.stderr);
    let kept = viewer.play(&stack, url, &id, &off_air).await;
    assert!(!kept.success);
    assert!(kept.stderr.contains("rename or remove"), "{}", kept.stderr);
    assert_eq!(std::fs::read(viewer.partial()).unwrap(), b"an hour");
    assert!(waiting(&stack).await.is_empty());
    std::fs::remove_file(viewer.partial()).unwrap();

    let recorded = viewer.play(&stack, url, &id, &off_air).await;
    assert!(recorded.success, "{}{}", recorded.stdout, recorded.stderr);
    let outputs = recorded.closing(&stack).await;
    let paid = outputs[0].1 + outputs[1].1;
    assert!((3000..=8000).contains(&paid), "{paid}");
    assert_eq!(
        outputs[1],
        (stack.chain.creator_script.clone(), creators(paid))
    );
    let file = viewer.file();
    let entries = "stream=codec_name,width,height:format=duration";
    let probed = ffmpeg("ffprobe", &["-show_entries", entries, "-of", "json"], &file);
    let probed: serde_json::Value = serde_json::from_str(&probed).unwrap();
    assert_eq!(probed["streams"][0]["codec_name"], "h264", "{probed}");
    assert_eq!(probed["streams"][1]["codec_name"], "opus", "{probed}");
    assert!(probed["streams"][0]["width"].as_u64().unwrap() > 0);
    let duration: f64 = probed["format"]["duration"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3.9..6.0).contains(&duration), "{probed}");
    ffmpeg("ffmpeg", &["-xerror", "-f", "null", "-"], &file);
}

/// The streamer's view of the chain, at an address that takes no transaction.
async fn takes_no_transaction(streamer: &Streamer) -> String {
    let (http, base) = (streamer.http.clone(), streamer.url.clone());
    let ask = move |uri: axum::http::Uri| async move {
        let answer = http.get(format!("{base}{uri}")).send().await.unwrap();
        let status = answer.status();
        (status, answer.bytes().await.unwrap())
    };
    let router = axum::Router::new().route("/{*path}", axum::routing::get(ask));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/esplora")
}

/// Runs one of ffmpeg's programs on a file; it must not complain.
fn ffmpeg(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = std::process::Command::new(program)
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn has_key(folder: &Path) -> bool {
    folder.join("wallet.key").exists()
}

/// Stands between viewer and provider, and flips a bit of one leaf on its way.
struct Damaging {
    url: String,
    server: JoinHandle<()>,
}

impl Drop for Damaging {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Damaging {
    async fn start(streamer: &Streamer, film: &StoredFilm, leaf: usize) -> Self {
        let bytes = film.leaves()[leaf].1.clone();
        let middle = usize::try_from(bytes.start.midpoint(bytes.end)).unwrap();
        Self::matching(streamer, film.bytes[middle..middle + 32].to_vec()).await
    }

    /// Flips a bit of the last byte of whatever is this.
    async fn matching(streamer: &Streamer, pattern: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = streamer.url.trim_start_matches("http://").to_owned();
        let server = tokio::spawn(async move {
            loop {
                let (viewer, _) = listener.accept().await.unwrap();
                let provider = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(carry(viewer, provider, pattern.clone()));
            }
        });
        Self { url, server }
    }
}

async fn carry(viewer: TcpStream, provider: TcpStream, pattern: Vec<u8>) {
    let (mut asks, mut hears) = viewer.into_split();
    let (mut answers, mut asked) = provider.into_split();
    let questions = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut asks, &mut asked).await;
    });
    // What was sent before is remembered as far as the pattern may reach back into it.
    let (mut before, mut buffer) = (Vec::new(), vec![0; 65_536]);
    while let Ok(read @ 1..) = answers.read(&mut buffer).await {
        let seen = [&before[..], &buffer[..read]].concat();
        let found = seen
            .windows(pattern.len())
            .position(|window| window == pattern);
        if let Some(place) = found {
            buffer[place + pattern.len() - 1 - before.len()] ^= 1;
        }
        let tail = seen.len().saturating_sub(pattern.len() - 1);
        before = seen[tail..].to_vec();
        if hears.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    questions.abort();
}
