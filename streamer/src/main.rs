//! `paystream-streamer`: see `--help`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use paystream_streamer::app::App;
use paystream_streamer::config::Config;
use paystream_streamer::http;
use paystream_streamer::play::{PlayOptions, play};
use paystream_streamer::publish::{PublishOptions, publish};
use paystream_streamer::store::command::{self as store, PinArguments, StoreArguments};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Takes live streams and uploaded videos in, sends them to viewers, and is paid for them by the second.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
struct Arguments {
    /// What is logged: error, warn, info, debug, trace, or by module.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_LOG",
        default_value = "info,rtc=warn,webrtc=warn,rtc_dtls=error",
        global = true
    )]
    log: String,
    /// Log as JSON, one object a line.
    #[arg(long, env = "PAYSTREAM_STREAMER_LOG_JSON", global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the streamer.
    Serve(Box<Config>),
    /// Publishes a video file as a live stream, over and over, to a streamer's WHIP address.
    Publish(Box<PublishOptions>),
    /// Buys a stored video, or some time of a live stream, from a provider, without a browser.
    Play(Box<PlayOptions>),
    /// Looks after the store of content: adds, checks, collects, exports and imports.
    Store(Box<StoreArguments>),
    /// Keeps a file of IPFS that others hold. A video is served after `POST /v1/items` to the running streamer.
    Pin(Box<PinArguments>),
    /// Prints the OpenAPI document of the HTTP interface.
    Openapi,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = match EnvFilter::try_new(&arguments.log) {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("--log: {error}");
            return ExitCode::from(2);
        }
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if arguments.log_json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    match run(arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(config) => serve(*config).await,
        Command::Publish(options) => Ok(publish(*options).await?),
        Command::Play(options) => play(*options).await,
        Command::Store(arguments) => store::store(*arguments).await,
        Command::Pin(arguments) => store::pin(*arguments).await,
        Command::Openapi => {
            println!("{}", http::openapi().to_pretty_json()?);
            Ok(())
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::start(config).await?;
    let stop = app.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    let shutdown = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            app.stop.cancelled().await;
            app.shut_down().await;
        })
    };
    let served = http::serve(Arc::clone(&app)).await;
    app.stop.cancel();
    shutdown.await?;
    Ok(served?)
}
