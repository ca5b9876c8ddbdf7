//! The program, run as `scripts/deploy` runs it.

use std::path::PathBuf;
use std::process::Stdio;

use paystream_contracts::Deployment;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::anvil::Anvil;

/// The key of anvil's first account.
pub const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// What it printed, and whether it succeeded.
pub struct Ended {
    pub good: bool,
    pub output: String,
}

/// A folder with a key and a record.
pub struct Deployer {
    folder: TempDir,
    url: String,
    network: &'static str,
}

impl Deployer {
    pub fn new(anvil: &Anvil) -> Self {
        Self::on(anvil, "sepolia")
    }

    pub fn on(anvil: &Anvil, network: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), KEY).unwrap();
        Self {
            folder,
            url: anvil.url.clone(),
            network,
        }
    }

    /// The same, asking another node.
    pub fn at(self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self
        }
    }

    pub fn record(&self) -> PathBuf {
        self.folder.path().join("record.json")
    }

    /// All of the record.
    pub fn recorded(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.record()).unwrap()).unwrap()
    }

    /// What other programs read of it.
    pub fn deployment(&self) -> Deployment {
        Deployment::load(self.record()).unwrap()
    }

    /// A file of this name and content.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs it with the key.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().await.unwrap();
        Ended {
            good: output.status.success(),
            output: [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8(bytes).unwrap())
                .concat(),
        }
    }

    /// Runs it and expects success.
    pub async fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert!(ended.good, "{}", ended.output);
        ended.output
    }

    /// Runs it and expects an error that says this.
    pub async fn fail(&self, arguments: &[&str], says: &str) -> String {
        let ended = self.run(arguments).await;
        assert!(!ended.good, "{}", ended.output);
        assert!(ended.output.contains(says), "{}", ended.output);
        ended.output
    }

    /// Starts it; it is killed when it is dropped.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paystream-deploy"));
        command.args([self.network, "--rpc-url", &self.url, "--record"]);
        command.arg(self.record()).args(arguments);
        let has_key = ["--account", "--keystore", "--key-file"];
        if !arguments.iter().any(|argument| has_key.contains(argument)) {
            command
                .arg("--key-file")
                .arg(self.folder.path().join("key"));
        }
        for variable in [
            "RPC_URL",
            "ACCOUNT",
            "KEYSTORE",
            "KEY_FILE",
            "PASSWORD_FILE",
        ] {
            command.env_remove(format!("PAYSTREAM_DEPLOY_{variable}"));
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}
