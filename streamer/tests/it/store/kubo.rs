//! A real Kubo node, offline, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use paystream_streamer::store::{ContentStore, Kubo};
use url::Url;

use crate::stack::until;

/// The node; it ends with the test.
pub struct KuboNode {
    daemon: Child,
    program: PathBuf,
    repo: tempfile::TempDir,
    pub rpc: Url,
    pub gateway: Url,
}

impl KuboNode {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with settings of its own.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let program = std::env::var_os("KUBO_EXE")
            .map(PathBuf::from)
            .expect("KUBO_EXE is needed: run scripts/setup, then eval \"$(scripts/setup --env)\"");
        let repo = tempfile::tempdir().unwrap();
        run(&program, repo.path(), &["init", "--profile", "test"]);
        for (name, value) in settings {
            run(&program, repo.path(), &["config", name, value]);
        }
        let daemon = command(&program, repo.path())
            .args(["daemon", "--offline"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let rpc = address(&repo.path().join("api")).await;
        let gateway = address(&repo.path().join("gateway")).await;
        let node = Self {
            daemon,
            program,
            repo,
            rpc,
            gateway,
        };
        until("Kubo answers", || async {
            node.store().health().await.ok()
        })
        .await;
        node
    }

    pub fn store(&self) -> Arc<dyn ContentStore> {
        Arc::new(Kubo::new(self.rpc.clone()).unwrap())
    }

    /// Runs `ipfs` against the node; gives its output.
    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        run(&self.program, self.repo.path(), arguments)
    }

    /// Flips one bit of a stored block, found by its bytes.
    pub fn damage(&self, block: &[u8]) {
        let mut folders = vec![self.repo.path().join("blocks")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path).unwrap() == block {
                    let mut damaged = block.to_vec();
                    damaged[block.len() / 2] ^= 1;
                    std::fs::write(path, damaged).unwrap();
                    return;
                }
            }
        }
        panic!("Kubo has no such block");
    }
}

impl Drop for KuboNode {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn command(program: &Path, repo: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("IPFS_PATH", repo)
        .env("IPFS_TELEMETRY", "off")
        .stdin(Stdio::null());
    command
}

fn run(program: &Path, repo: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = command(program, repo).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "ipfs {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// What a daemon writes when it listens: a multiaddress, or a URL.
async fn address(file: &Path) -> Url {
    until("Kubo listens", || async {
        let text = std::fs::read_to_string(file).ok()?;
        let text = text.trim();
        if let Ok(url) = text.parse::<Url>() {
            return Some(url);
        }
        let parts: Vec<_> = text.split('/').collect();
        format!("http://{}:{}", parts.get(2)?, parts.get(4)?)
            .parse()
            .ok()
    })
    .await
}
