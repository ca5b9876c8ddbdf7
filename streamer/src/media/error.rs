//! What can go wrong with media.

use std::{io, net::SocketAddr};

/// Errors of the media engine.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The offer cannot be used.
    #[error("the SDP offer cannot be used: {0}")]
    MalformedSdp(String),
    /// Nobody publishes this content now.
    #[error("nobody is publishing this stream now")]
    StreamOffline,
    /// The bound on viewers is reached.
    #[error("this streamer serves {0} viewers already, which is its limit")]
    TooManyViewers(usize),
    /// The bound on publishers is reached.
    #[error("this streamer takes {0} streams already, which is its limit")]
    TooManyPublishers(usize),
    /// The engine was shut down.
    #[error("the media engine has stopped")]
    Stopped,
    /// The configuration cannot work.
    #[error("media configuration: {0}")]
    Config(String),
    /// The media port cannot be used.
    #[error("UDP {address}: {source}")]
    Socket {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The thread that carries media cannot run.
    #[error("media thread: {0}")]
    Thread(#[source] io::Error),
    /// The WebRTC stack refused something of ours.
    #[error("WebRTC: {0}")]
    Stack(#[from] rtc::shared::error::Error),
}

impl MediaError {
    /// The code of the protocol (docs/protocol.md, section 11).
    pub fn code(&self) -> &'static str {
        match self {
            MediaError::MalformedSdp(_) => "malformed_sdp",
            MediaError::StreamOffline => "stream_offline",
            MediaError::TooManyViewers(_) | MediaError::TooManyPublishers(_) => "rate_limited",
            MediaError::Stopped
            | MediaError::Config(_)
            | MediaError::Socket { .. }
            | MediaError::Thread(_)
            | MediaError::Stack(_) => "unavailable",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            MediaError::StreamOffline
            | MediaError::TooManyViewers(_)
            | MediaError::TooManyPublishers(_)
            | MediaError::Stopped => true,
            MediaError::MalformedSdp(_)
            | MediaError::Config(_)
            | MediaError::Socket { .. }
            | MediaError::Thread(_)
            | MediaError::Stack(_) => false,
        }
    }
}
