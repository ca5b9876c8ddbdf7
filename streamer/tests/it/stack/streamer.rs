use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::ethereum::PROVIDER;
use super::process::{Process, free_tcp_port, free_udp_port};
use super::{Bitcoind, Chain, until};

/// Where the provider is paid: a P2WPKH of regtest.
pub const PAYOUT: &str = "bcrt1qqyqszqgpqyqszqgpqyqszqgpqyqszqgpvxat9t";

/// What the operator shows.
pub const OPERATOR_TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The real binary.
pub struct Streamer {
    process: Process,
    pub url: String,
    pub http: reqwest::Client,
}

impl Streamer {
    pub async fn start(data: &Path, bitcoin: &Bitcoind, chain: &Chain, arguments: &[&str]) -> Self {
        let key = data.join("operator.key");
        std::fs::write(&key, PROVIDER).unwrap();
        let token = data.join("operator.token");
        std::fs::write(&token, OPERATOR_TOKEN).unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (port, media) = (free_tcp_port(), free_udp_port());
        let relayed: &[&str] = if arguments.contains(&"--relay-token") {
            &[]
        } else {
            &["--relay-token", "any"]
        };
        let url = format!("http://127.0.0.1:{port}");
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_paystream-streamer"))
                .arg("serve")
                .args([
                    "--listen",
                    &format!("127.0.0.1:{port}"),
                    "--public-url",
                    &url,
                ])
                .args(["--media-listen", &format!("127.0.0.1:{media}")])
                .arg("--data-dir")
                .arg(data.join("streamer"))
                .args([
                    "--ethereum-rpc",
                    &format!("http://127.0.0.1:{}", chain.rpc_port),
                ])
                .arg("--deployment")
                .arg(&chain.deployment)
                .arg("--operator-key-file")
                .arg(&key)
                .arg("--operator-token-file")
                .arg(&token)
                .args([
                    "--bitcoin-network",
                    "regtest",
                    "--bitcoin-rpc",
                    &format!("http://127.0.0.1:{}", bitcoin.port),
                ])
                .arg("--bitcoin-cookie-file")
                .arg(bitcoin.cookie())
                .args(["--bitcoin-payout", PAYOUT, "--bitcoin-poll-ms", "100"])
                .args(relayed)
                .args(arguments),
        );
        let streamer = Self {
            process,
            url,
            http: reqwest::Client::new(),
        };
        streamer.becomes_ready().await;
        streamer
    }

    pub async fn becomes_ready(&self) {
        until("the streamer is ready", || async {
            (self.ready().await == 200).then_some(())
        })
        .await;
    }

    /// The status of /ready; 0 when nobody answers.
    pub async fn ready(&self) -> u16 {
        self.http
            .get(format!("{}/ready", self.url))
            .send()
            .await
            .map_or(0, |response| response.status().as_u16())
    }

    #[allow(dead_code, reason = "the benchmark counts its CPU")]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn terminate(&mut self) -> bool {
        self.process.terminate()
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.url))).await
    }

    /// With a bearer token.
    pub async fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.url));
        answer(request.bearer_auth(token)).await
    }

    /// With a bearer token.
    pub async fn post_as(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url));
        answer(request.bearer_auth(token).json(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.http.post(format!("{}{path}", self.url)).json(body)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}
