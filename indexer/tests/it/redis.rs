//! A real Redis, in memory only.

use std::process::Command;

use tempfile::TempDir;

use crate::process::{Process, binary, free_port};
use crate::wait::until;

/// A Redis server.
pub struct Redis {
    folder: TempDir,
    port: u16,
    server: Option<Process>,
}

impl Redis {
    /// Starts an empty one.
    pub async fn start() -> Self {
        let mut redis = Self {
            folder: TempDir::new().unwrap(),
            port: free_port(),
            server: None,
        };
        redis.resume().await;
        redis
    }

    /// Starts it (again, and empty) on the same port.
    pub async fn resume(&mut self) {
        let mut command = Command::new(binary("REDIS_SERVER", "redis-server", &[]));
        command
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(self.folder.path());
        self.server = Some(Process::start(command, &self.folder.path().join("log")));
        let client = redis::Client::open(self.url()).unwrap();
        until("Redis answers", || async {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            redis::cmd("PING")
                .query_async::<String>(&mut connection)
                .await
                .ok()
        })
        .await;
    }

    /// Stops it at once.
    pub fn stop(&mut self) {
        self.server.take().unwrap().kill();
    }

    /// Stops it from answering, with its connections open.
    pub fn freeze(&self) {
        self.server.as_ref().unwrap().signal("STOP");
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
