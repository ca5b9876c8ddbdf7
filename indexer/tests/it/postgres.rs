//! PostgreSQL clusters of our own, in temporary folders.
//!
//! Each test has one for itself, so that nothing is left when it ends. PostgreSQL refuses to be run by root, who runs it
//! as the user `postgres`.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::process::{Process, binary, free_port, matching};
use crate::wait::until;

/// A cluster with its server.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Process>,
    settings: Vec<String>,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub async fn start() -> Self {
        let mut postgres = Self::initialise();
        postgres.resume().await;
        postgres
    }

    fn initialise() -> Self {
        // Not in a folder that only root may enter.
        let folder = tempfile::Builder::new()
            .prefix("paystream-pg-")
            .tempdir_in("/tmp")
            .unwrap();
        if is_root() {
            let status = Command::new("chown")
                .arg("postgres")
                .arg(folder.path())
                .status()
                .unwrap();
            assert!(status.success());
        }
        let output = as_postgres(&tool("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--pgdata",
            ])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            folder,
            port: free_port(),
            server: None,
            settings: Vec::new(),
        }
    }

    /// Makes a cluster with a certificate that it signed itself, and starts it. It takes encrypted connections only.
    pub async fn start_encrypted() -> Self {
        let mut postgres = Self::initialise();
        let data = postgres.folder.path().join("data");
        let request = "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n\
             [name]\nCN = 127.0.0.1\n\
             [extensions]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";
        let described = data.join("certificate.cnf");
        std::fs::write(&described, request).unwrap();
        let output = as_postgres(Path::new("openssl"))
            .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-config"])
            .arg(&described)
            .arg("-keyout")
            .arg(data.join("server.key"))
            .arg("-out")
            .arg(data.join("server.crt"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "openssl: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let certificate = std::fs::read(data.join("server.crt")).unwrap();
        std::fs::write(postgres.certificate(), certificate).unwrap();
        std::fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        postgres.settings = vec!["-c".to_owned(), "ssl=on".to_owned()];
        postgres.resume().await;
        postgres
    }

    /// The certificate of an encrypted cluster, for clients.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Starts the server (again) on the same port.
    pub async fn resume(&mut self) {
        let mut command = as_postgres(&tool("postgres"));
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args([
                "-p",
                &self.port.to_string(),
                "-h",
                "127.0.0.1",
                "-c",
                "fsync=off",
                "-c",
                "max_connections=300",
            ])
            .args(&self.settings);
        self.server = Some(Process::start(command, &self.folder.path().join("log")));
        let url = self.url("postgres");
        until("PostgreSQL answers", || async {
            PgConnection::connect(&url).await.ok()
        })
        .await;
    }

    /// Stops the server at once, without a word to its clients.
    pub fn stop(&mut self) {
        // SIGQUIT makes all its processes quit; SIGKILL would leave its children to themselves for a while.
        if let Some(mut server) = self.server.take() {
            server.end("QUIT");
        }
    }

    /// The URL of a fresh database.
    pub async fn database(&self, name: &str) -> String {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        sqlx::query(&format!("create database {name}"))
            .execute(&mut connection)
            .await
            .unwrap();
        self.url(name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tool(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("PG_BIN") {
        let path = PathBuf::from(folder).join(name);
        assert!(path.exists(), "PG_BIN has no {name}");
        return path;
    }
    let usual: Vec<PathBuf> = matching(Path::new("/usr/lib/postgresql"), "")
        .into_iter()
        .map(|version| version.join("bin").join(name))
        .collect();
    binary("PG_BIN", name, &usual)
}

/// A command that is run as an ordinary user.
fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--init-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env_remove("PGDATA").current_dir("/");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
