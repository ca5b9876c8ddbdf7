//! What the outside may know of the engine at any time, kept by the media threads.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use alloy::primitives::B256;

use super::{codec::Codec, error::MediaError, resource::ResourceId};

/// A stream as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatus {
    /// The content that is streamed.
    pub content: B256,
    /// Whether media arrives.
    pub live: bool,
    /// The video's codec, if there is video.
    pub video: Option<Codec>,
    /// Whether there is audio.
    pub audio: bool,
    /// Viewers with a connection.
    pub viewers: usize,
    /// Since when its present publisher is connected.
    pub since: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Publisher,
    Viewer,
}

/// The threads' streams and connections. Held for moments only.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    streams: HashMap<B256, StreamStatus>,
    connections: HashMap<ResourceId, (Side, usize)>,
}

impl Board {
    /// Takes a place for a connection on `thread`, if one is left.
    pub fn reserve(
        &self,
        side: Side,
        thread: usize,
        limit: usize,
    ) -> Result<ResourceId, MediaError> {
        let mut state = self.lock();
        if state
            .connections
            .values()
            .filter(|(other, _)| *other == side)
            .count()
            >= limit
        {
            return Err(match side {
                Side::Publisher => MediaError::TooManyPublishers(limit),
                Side::Viewer => MediaError::TooManyViewers(limit),
            });
        }
        let resource = ResourceId::random();
        state.connections.insert(resource, (side, thread));
        Ok(resource)
    }

    pub fn release(&self, resource: ResourceId) {
        self.lock().connections.remove(&resource);
    }

    pub fn thread_of(&self, resource: ResourceId) -> Option<usize> {
        self.lock()
            .connections
            .get(&resource)
            .map(|(_, thread)| *thread)
    }

    pub fn stream(&self, content: B256) -> Option<StreamStatus> {
        self.lock().streams.get(&content).cloned()
    }

    pub fn streams(&self) -> Vec<StreamStatus> {
        self.lock().streams.values().cloned().collect()
    }

    pub fn publish(&self, status: StreamStatus) {
        self.lock().streams.insert(status.content, status);
    }

    pub fn forget(&self, content: B256) {
        self.lock().streams.remove(&content);
    }

    /// A thread ends: so does all that it carried.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
