//! Clients that read answers and throw them away, as cheaply as can be: a thread each, and no look at what comes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::child::cpu_seconds;

/// One request.
#[derive(Clone)]
pub struct Get {
    /// Host and port.
    pub address: String,
    /// With its query.
    pub path: String,
    /// A bearer token, if one is needed.
    pub token: Option<String>,
    /// Bytes of the file that are asked for; the answer has at least as many.
    pub bytes: u64,
}

/// What a server did for a crowd.
pub struct Served {
    /// Bytes of the file a second, in millions, all clients together.
    pub rate: f64,
    /// Seconds of CPU for a gigabyte of the file.
    pub cpu: f64,
}

/// All at the same time, one after the other each; what they got, and what it cost the server.
pub async fn measure(pid: u32, clients: Vec<Vec<Get>>) -> Served {
    tokio::task::spawn_blocking(move || {
        let bytes: u64 = clients.iter().flatten().map(|get| get.bytes).sum();
        let (cpu, begun) = (cpu_seconds(pid), Instant::now());
        std::thread::scope(|scope| {
            for gets in &clients {
                scope.spawn(|| gets.iter().for_each(fetch));
            }
        });
        let (cpu, seconds) = (cpu_seconds(pid) - cpu, begun.elapsed().as_secs_f64());
        Served {
            rate: bytes as f64 / 1e6 / seconds,
            cpu: cpu / (bytes as f64 / 1e9),
        }
    })
    .await
    .unwrap()
}

fn fetch(get: &Get) {
    let Get { address, path, .. } = get;
    let mut stream = TcpStream::connect(address).unwrap();
    let token = get
        .token
        .as_ref()
        .map(|token| format!("authorization: Bearer {token}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\n{}connection: close\r\n\r\n",
        token.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let (mut length, mut head, mut tail) = (0, Vec::new(), Vec::new());
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            read => {
                if head.len() < 12 {
                    head.extend_from_slice(&buffer[..read.min(2048)]);
                }
                tail.clear();
                tail.extend_from_slice(&buffer[read.saturating_sub(5)..read]);
                length += read as u64;
            }
        }
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    assert!(length > get.bytes, "{path}: {length} bytes came");
    let chunked = head.contains("transfer-encoding: chunked");
    assert!(
        !chunked || tail.ends_with(b"\r\n"),
        "{path}: the answer was cut off"
    );
}
