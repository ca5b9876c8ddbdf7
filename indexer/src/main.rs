//! `paystream-indexer`: follows Paystream's contracts into PostgreSQL and serves them as an API.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use paystream_indexer::config::Config;
use paystream_indexer::{api, serve};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Follows Paystream's contracts into PostgreSQL and serves them as an API.
///
/// Without a subcommand, it serves.
#[derive(Debug, Parser)]
#[command(name = "paystream-indexer", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the chain and serve the API (the default).
    Serve(Box<Config>),
    /// Print the API's OpenAPI document.
    Openapi,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("paystream-indexer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    match Cli::parse_from(with_default_command(std::env::args_os())).command {
        Command::Openapi => {
            println!("{}", api::openapi().to_pretty_json()?);
            Ok(())
        }
        Command::Serve(config) => {
            let filter: EnvFilter = config.log.parse().context("--log is not a log filter")?;
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal())
                .init();
            tokio::runtime::Runtime::new()
                .context("cannot start the runtime")?
                .block_on(serve_until_signal(&config))
        }
    }
}

async fn serve_until_signal(config: &Config) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopper.cancel();
    });
    serve::serve(config, stop).await?;
    Ok(())
}

/// `serve` where no subcommand stands.
fn with_default_command(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let first = arguments.get(1).and_then(|argument| argument.to_str());
    let serves = match first {
        None => true,
        Some("-h" | "--help" | "-V" | "--version") => false,
        Some(first) => first.starts_with('-'),
    };
    if serves {
        arguments.insert(1.min(arguments.len()), OsString::from("serve"));
    }
    arguments
}
