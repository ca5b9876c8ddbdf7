//! The socket of a session: greeting, start, and what the running session says and hears.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use paystream_channel::{ContentId, verify_session_start};
use tokio::time::timeout;

use super::live::Live;
use super::message::{ClientMessage, EndReason, ServerMessage};
use super::registry::Place;
use super::token_bucket::TokenBucket;
use crate::app::App;
use crate::error::{Code, Error, Result, refused};

/// The largest message (docs/protocol.md, section 5).
pub const MAX_MESSAGE: usize = 16 * 1024;
/// A viewer that does not start in this time is cut off.
const START_WITHIN: Duration = Duration::from_secs(10);
/// A viewer that does not take a message in this time is cut off.
const SEND_WITHIN: Duration = Duration::from_secs(5);

/// A session's socket with its bounds.
pub(super) struct Socket {
    inner: WebSocket,
    bucket: TokenBucket,
}

/// What came from the viewer.
pub(super) enum Incoming {
    /// A message.
    Message(ClientMessage),
    /// Something that is not one; it is answered with this error.
    Bad(Error),
    /// So many messages that the socket is to be cut off.
    Flood,
    /// The socket is gone.
    Gone,
}

impl Socket {
    /// Waits for the next message. May be cancelled.
    pub(super) async fn next(&mut self) -> Incoming {
        loop {
            let message = match self.inner.recv().await {
                Some(Ok(message)) => message,
                Some(Err(_)) | None => return Incoming::Gone,
            };
            if !self.bucket.take(Instant::now()) {
                return Incoming::Flood;
            }
            match message {
                Message::Text(text) if text.len() > MAX_MESSAGE => {
                    return Incoming::Bad(refused(Code::TooLarge, "a message is at most 16 KiB"));
                }
                Message::Text(text) => {
                    return match serde_json::from_str(&text) {
                        Ok(message) => Incoming::Message(message),
                        Err(error) => Incoming::Bad(refused(Code::Malformed, error.to_string())),
                    };
                }
                Message::Binary(_) => {
                    return Incoming::Bad(refused(Code::Malformed, "messages are text"));
                }
                Message::Close(_) => return Incoming::Gone,
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// Sends a message; `false` when the viewer is gone or too slow.
    pub(super) async fn send(&mut self, message: &ServerMessage) -> bool {
        let text = match serde_json::to_string(message) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a message could not be written");
                return false;
            }
        };
        self.put(Message::Text(text.into())).await
    }

    /// Asks the other side for a sign of life, which also keeps proxies from closing the socket.
    pub(super) async fn ping(&mut self) -> bool {
        self.put(Message::Ping(bytes::Bytes::new())).await
    }

    async fn put(&mut self, message: Message) -> bool {
        matches!(
            timeout(SEND_WITHIN, self.inner.send(message)).await,
            Ok(Ok(()))
        )
    }

    pub(super) async fn send_error(&mut self, error: &Error) -> bool {
        error.log();
        self.send(&ServerMessage::Error {
            code: error.code(),
            detail: error.public_detail(),
        })
        .await
    }

    async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        self.put(Message::Close(Some(frame))).await;
    }
}

/// Serves a socket to its end.
pub async fn serve(app: Arc<App>, socket: WebSocket, place: Place) {
    let rate = app.config.max_messages_per_second;
    let mut socket = Socket {
        inner: socket,
        bucket: TokenBucket::new(rate, Instant::now()),
    };
    let end = converse(&app, &mut socket).await;
    drop(place);
    match end {
        Some(EndReason::ProtocolError) => socket.close(close_code::POLICY, "protocol error").await,
        Some(_) => socket.close(close_code::NORMAL, "end").await,
        None => {}
    }
}

/// The whole conversation; `None` when the viewer is gone.
async fn converse(app: &Arc<App>, socket: &mut Socket) -> Option<EndReason> {
    let mut nonce = [0u8; 32];
    rand::fill(&mut nonce[..]);
    if !socket
        .send(&ServerMessage::Hello {
            protocol: 1,
            nonce: hex::encode(nonce),
        })
        .await
    {
        return None;
    }
    let deadline = tokio::time::Instant::now() + START_WITHIN;
    let live = loop {
        let incoming = tokio::select! {
            incoming = tokio::time::timeout_at(deadline, socket.next()) => incoming,
            () = app.stop.cancelled() => return end_unstarted(socket, EndReason::Shutdown).await,
        };
        let error = match incoming {
            Err(_) | Ok(Incoming::Flood) => {
                let error = match incoming {
                    Err(_) => refused(Code::NotStarted, "no start came in time"),
                    Ok(_) => refused(Code::RateLimited, "too many messages a second"),
                };
                socket.send_error(&error).await;
                return end_unstarted(socket, EndReason::ProtocolError).await;
            }
            Ok(Incoming::Gone) => return None,
            Ok(Incoming::Bad(error)) => error,
            Ok(Incoming::Message(ClientMessage::Start {
                content_id,
                channel_id,
                signature,
            })) => match start(app, &nonce, content_id, channel_id, &signature).await {
                Ok(live) => break live,
                Err(error) => error,
            },
            Ok(Incoming::Message(ClientMessage::Payment(_) | ClientMessage::Leave)) => {
                refused(Code::NotStarted, "the session begins with start")
            }
        };
        if !socket.send_error(&error).await {
            return None;
        }
    };
    live.run(socket).await
}

async fn end_unstarted(socket: &mut Socket, reason: EndReason) -> Option<EndReason> {
    socket
        .send(&ServerMessage::End {
            reason,
            closing_txid: None,
        })
        .await;
    Some(reason)
}

async fn start(
    app: &Arc<App>,
    nonce: &[u8; 32],
    content: alloy::primitives::B256,
    channel: paystream_channel::ChannelId,
    signature: &paystream_channel::CompactSignature,
) -> Result<Live> {
    let channel = app.book.find(channel)?;
    let record = channel.record();
    if record.terms.content_id != ContentId(content.0) {
        return Err(refused(
            Code::WrongChannel,
            "the channel is for another content",
        ));
    }
    verify_session_start(
        nonce,
        record.id,
        ContentId(content.0),
        &record.terms.viewer_key,
        signature,
    )?;
    let state = app.book.state(&record);
    if !state.takes_payments() {
        return Err(refused(
            Code::ChannelNotOpen,
            format!("the channel is {state}"),
        ));
    }
    Live::begin(Arc::clone(app), content, channel).await
}
