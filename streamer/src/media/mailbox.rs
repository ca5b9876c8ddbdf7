//! What a media thread is told, and where.

use std::sync::{Arc, mpsc};

use alloy::primitives::B256;
use mio::Waker;

use super::{
    peer::{Formats, Peer},
    resource::ResourceId,
    viewer::Viewer,
};

/// What the thread is told.
pub(super) enum Message {
    Add(Box<Newcomer>),
    Remove(ResourceId),
    /// A viewer's gate or limit has changed.
    Poke(ResourceId),
    Shutdown,
}

/// A connection that was answered and now belongs to the thread.
pub(super) struct Newcomer {
    pub resource: ResourceId,
    pub content: B256,
    pub ufrag: String,
    pub peer: Peer,
    pub formats: Formats,
    /// A viewer, or else a publisher.
    pub viewer: Option<Arc<Viewer>>,
}

/// Where a thread takes its messages.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    sender: mpsc::Sender<Message>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// A mailbox whose messages wake the thread, and the other end.
    pub fn new(waker: Waker) -> (Self, mpsc::Receiver<Message>) {
        let (sender, messages) = mpsc::channel();
        let waker = Arc::new(waker);
        (Mailbox { sender, waker }, messages)
    }

    /// `false` when the thread has ended.
    pub fn send(&self, message: Message) -> bool {
        self.sender.send(message).is_ok() && self.waker.wake().is_ok()
    }
}
