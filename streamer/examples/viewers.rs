//! What a viewer costs: an engine, a published file and N viewers in one process, and the CPU time of the media thread alone.
//!
//!     cargo run --release -p paystream-streamer --example viewers -- <file> [viewers] [seconds]

#[path = "../tests/it/media/client.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod client;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use anyhow::Context;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use client::Client;
use paystream_streamer::{
    media::{Engine, MediaConfig, Viewer},
    publish::{PublishOptions, publish},
};

const CONTENT: B256 = B256::ZERO;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file: PathBuf = arguments
        .next()
        .context("viewers <file> [viewers] [seconds]")?
        .into();
    let count: u32 = arguments.next().as_deref().unwrap_or("50").parse()?;
    let seconds: u64 = arguments.next().as_deref().unwrap_or("15").parse()?;
    let engine = Engine::start(MediaConfig {
        listen: "127.0.0.1:0".parse()?,
        ..MediaConfig::default()
    })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let whip_url = format!("http://{}/whip/{CONTENT}", listener.local_addr()?).parse()?;
    let router = Router::new()
        .route("/whip/{content}", post(whip))
        .with_state(engine.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let publishing = tokio::spawn(publish(PublishOptions {
        file,
        whip_url,
        token: Some(String::new()),
        creator_key_file: None,
        once: false,
    }));
    while !engine.stream(CONTENT).is_some_and(|stream| stream.live) {
        anyhow::ensure!(!publishing.is_finished(), "{:?}", publishing.await?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let (mut viewers, mut joins) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (viewer, client, start) =
            (Arc::new(Viewer::new()), Client::new().await, Instant::now());
        viewer.set_limit(Duration::MAX);
        let accepted = engine
            .view(CONTENT, &client.offer().await, viewer.clone())
            .await?;
        client.accept(accepted.sdp).await;
        while client.packets() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        joins.push(start.elapsed());
        viewers.push((viewer, client));
    }
    joins.sort();
    let middle = joins.get(joins.len() / 2).copied().unwrap_or_default();

    let received = |viewers: &[(Arc<Viewer>, Client)]| -> u64 {
        viewers.iter().map(|(_, client)| client.packets()).sum()
    };
    let (cpu, packets, start) = (media_cpu()?, received(&viewers), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (cpu, packets, time) = (
        media_cpu()? - cpu,
        received(&viewers) - packets,
        start.elapsed().as_secs_f64(),
    );
    let holes: usize = viewers.iter().map(|(_, client)| client.holes()).sum();
    println!("viewers {count}, join p50 {} ms", middle.as_millis());
    println!(
        "media thread {:.1} % of a core, {:.3} % for each viewer",
        cpu / time * 100.0,
        cpu / time * 100.0 / f64::from(count)
    );
    println!(
        "video packets {:.0} a second for each viewer, holes {holes}",
        packets as f64 / time / f64::from(count)
    );
    engine.shutdown().await;
    publishing.abort();
    Ok(())
}

async fn whip(State(engine): State<Engine>, offer: String) -> (StatusCode, String) {
    match engine.publish(CONTENT, &offer).await {
        Ok(accepted) => (StatusCode::CREATED, accepted.sdp),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
    }
}

/// CPU seconds of the media thread so far, from Linux's /proc (in hundredths of a second).
fn media_cpu() -> anyhow::Result<f64> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        let (name, rest) = stat.rsplit_once(')').context("a stat line")?;
        if name.ends_with("(media-0") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
            return Ok(ticks / 100.0);
        }
    }
    anyhow::bail!("there is no media thread")
}
