//! `paystream-streamer publish`: any file that ffmpeg reads, as a looping live stream over WHIP.
//!
//! The file is prepared once (H.264 constrained baseline without B-frames, a keyframe a second, Opus) and then only copied, so
//! that publishing costs next to nothing. One ffmpeg plays for as long as the command runs; connections come and go under it: when the
//! streamer is away, the command waits and comes back by itself, and timestamps go on.

mod credential;
mod error;
mod footage;
mod prepare;
mod whip;

use std::{path::PathBuf, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use credential::Credential;
pub use error::PublishError;
use footage::Footage;
use whip::{Ended, Whip};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is published, where, and in whose name.
#[derive(Clone, Debug, clap::Args)]
pub struct PublishOptions {
    /// A video file in any format that ffmpeg reads.
    pub file: PathBuf,
    /// The streamer's WHIP address of the content: <public url>/whip/<content id>.
    pub whip_url: Url,
    /// A publish token that was obtained elsewhere.
    #[arg(
        long,
        env = "PAYSTREAM_PUBLISH_TOKEN",
        hide_env_values = true,
        conflicts_with = "creator_key_file"
    )]
    pub token: Option<String>,
    /// A file with the creator's private key (0x and 64 hex digits), to obtain tokens with.
    #[arg(long, env = "PAYSTREAM_PUBLISH_CREATOR_KEY_FILE")]
    pub creator_key_file: Option<PathBuf>,
    /// Play the file once and end, instead of over and over.
    #[arg(long)]
    pub once: bool,
}

/// Publishes until the file ends (`once`), or until the command is interrupted or terminated.
///
/// # Errors
/// What cannot get better by waiting: no ffmpeg, no video in the file, a refusal by the streamer.
pub async fn publish(options: PublishOptions) -> Result<(), PublishError> {
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    tokio::select! {
        result = run(options) => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn run(options: PublishOptions) -> Result<(), PublishError> {
    let credential = Credential::load(&options)?;
    let source = prepare::probe(&options.file).await?;
    let folder = tempfile::tempdir().map_err(PublishError::Io)?;
    let prepared = prepare::prepare(&options.file, &source, folder.path()).await?;
    let mut footage = Footage::play(&prepared, source.audio.is_some(), options.once).await?;
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .build()
        .map_err(PublishError::Client)?;
    let (mut pause, mut connected_once) = (FIRST_PAUSE, false);
    loop {
        let attempt = async {
            let token = credential.token(&http, &options.whip_url).await?;
            Whip::connect(&http, &options.whip_url, &token, source.audio.is_some()).await
        };
        match attempt.await {
            Ok(whip) => {
                tracing::info!(url = %options.whip_url, "publishing");
                (pause, connected_once) = (FIRST_PAUSE, true);
                match whip.send(&mut footage).await? {
                    Ended::Footage => return Ok(()),
                    Ended::Connection => {
                        tracing::warn!("the connection to the streamer is lost; connecting again")
                    }
                }
            }
            Err(error) if error.is_retryable() || connected_once => {
                tracing::warn!(%error, again_in_ms = pause.as_millis(), "not publishing");
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal, PublishError> {
    signal(kind).map_err(PublishError::Io)
}
