//! What can go wrong while publishing.

use std::{io, path::PathBuf};

/// Errors of the publish command.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// ffmpeg or ffprobe is not installed.
    #[error(
        "{0} was not found; install ffmpeg (Debian, Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg)"
    )]
    NoFfmpeg(&'static str),
    /// The file cannot be played.
    #[error("{}: {detail}", file.display())]
    NotAVideo {
        /// The file.
        file: PathBuf,
        /// Why, in ffmpeg's words or ours.
        detail: String,
    },
    /// ffmpeg gave up.
    #[error("ffmpeg ended: {0}")]
    Ffmpeg(String),
    /// Neither a token nor a key was given, or the key cannot be read.
    #[error("{0}")]
    Credential(String),
    /// The address is not one of WHIP.
    #[error("{0} is not the WHIP address of a content: <public url>/whip/<content id> is expected")]
    NotWhip(url::Url),
    /// The streamer cannot be reached.
    #[error("the streamer does not answer: {0}")]
    Offline(#[source] reqwest::Error),
    /// The streamer refused.
    #[error("the streamer refused ({status} {code}): {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The protocol's error code.
        code: String,
        /// The streamer's words.
        detail: String,
    },
    /// The streamer's answer makes no sense.
    #[error("the streamer's answer cannot be used: {0}")]
    Answer(String),
    /// The connection did not come up.
    #[error(
        "the media connection did not come up within {0} s; is the streamer's UDP port reachable?"
    )]
    Unconnected(u64),
    /// WebRTC failed.
    #[error("WebRTC: {0}")]
    Stack(#[from] webrtc::error::Error),
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    /// Files, sockets, processes.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl PublishError {
    /// Whether waiting may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            PublishError::Offline(_) | PublishError::Unconnected(_) | PublishError::Stack(_) => {
                true
            }
            PublishError::Refused { status, .. } => *status == 429 || *status >= 500,
            PublishError::NoFfmpeg(_)
            | PublishError::NotAVideo { .. }
            | PublishError::Ffmpeg(_)
            | PublishError::Credential(_)
            | PublishError::NotWhip(_)
            | PublishError::Answer(_)
            | PublishError::Client(_)
            | PublishError::Io(_) => false,
        }
    }

    /// The error that an HTTP answer stands for.
    pub(super) async fn refusal(response: reqwest::Response) -> Self {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Problem {
            code: String,
            detail: String,
            title: String,
        }
        let status = response.status().as_u16();
        let body = response.text().await.unwrap_or_default();
        let problem: Problem = serde_json::from_str(&body).unwrap_or_default();
        let detail = if problem.detail.is_empty() {
            problem.title
        } else {
            problem.detail
        };
        PublishError::Refused {
            status,
            code: problem.code,
            detail,
        }
    }
}
