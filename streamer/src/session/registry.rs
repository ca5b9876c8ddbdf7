//! Which sessions are alive, and which media token belongs to which.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use alloy::primitives::B256;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::message::EndReason;
use super::reading::Reading;
use crate::error::{Code, Result, refused};
use crate::media::{ResourceId, Viewer};

/// How others end a session, and wait for its end.
#[derive(Debug)]
pub struct SessionControl {
    reason: watch::Sender<Option<EndReason>>,
    done: CancellationToken,
}

impl Default for SessionControl {
    fn default() -> Self {
        Self {
            reason: watch::Sender::new(None),
            done: CancellationToken::new(),
        }
    }
}

impl SessionControl {
    /// Asks the session to end. The first reason stands.
    pub fn end(&self, reason: EndReason) {
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// Waits until somebody asks the session to end.
    pub async fn asked_to_end(&self) -> EndReason {
        let mut reason = self.reason.subscribe();
        let asked = reason.wait_for(Option::is_some).await;
        asked
            .ok()
            .and_then(|reason| *reason)
            .unwrap_or(EndReason::Shutdown)
    }

    /// Says that the session has ended and has written down what it leaves.
    pub fn finish(&self) {
        self.done.cancel();
    }

    /// Waits until it has.
    pub async fn finished(&self) {
        self.done.cancelled().await;
    }
}

/// What a media token stands for.
#[derive(Clone)]
pub struct MediaGrant {
    /// The content that may be watched.
    pub content: B256,
    /// The gate and the meter of the session's viewer.
    pub viewer: Arc<Viewer>,
    /// The media connection, once there is one.
    pub resource: Arc<Mutex<Option<ResourceId>>>,
}

/// All sessions that are alive.
pub struct Sessions {
    grants: Mutex<HashMap<String, MediaGrant>>,
    readings: Mutex<HashMap<String, Arc<Reading>>>,
    controls: Mutex<Vec<Arc<SessionControl>>>,
    sockets: AtomicUsize,
    max: usize,
}

/// A place among the sessions; it is given back when it is dropped.
pub struct Place {
    sessions: Arc<Sessions>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sessions {
    /// No sessions, and room for so many.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            grants: Mutex::default(),
            readings: Mutex::default(),
            controls: Mutex::default(),
            sockets: AtomicUsize::new(0),
            max,
        })
    }

    /// Takes a place for a socket.
    ///
    /// # Errors
    /// `rate_limited` when all are taken.
    pub fn enter(self: &Arc<Self>) -> Result<Place> {
        let taken = self.sockets.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            sessions: Arc::clone(self),
        };
        if taken >= self.max {
            return Err(refused(
                Code::RateLimited,
                "this provider has no room for another session now",
            ));
        }
        Ok(place)
    }

    /// Makes a session known under its token.
    pub fn insert(
        &self,
        token: String,
        grant: MediaGrant,
        reading: Arc<Reading>,
        control: Arc<SessionControl>,
    ) {
        self.readings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.clone(), reading);
        self.grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token, grant);
        self.controls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(control);
    }

    /// Forgets a session.
    pub fn remove(&self, token: &str, control: &Arc<SessionControl>) {
        self.readings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(token);
        self.grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(token);
        self.controls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(other, control));
    }

    /// What a token stands for.
    #[must_use]
    pub fn grant(&self, token: &str) -> Option<MediaGrant> {
        self.grants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    /// The meter under which the session of a token reads stored video.
    #[must_use]
    pub fn reading(&self, token: &str) -> Option<Arc<Reading>> {
        self.readings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    /// How many sessions a content has.
    #[must_use]
    pub fn watching(&self, content: B256) -> usize {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants
            .values()
            .filter(|grant| grant.content == content)
            .count()
    }

    /// What all tokens stand for.
    #[must_use]
    pub fn all(&self) -> Vec<MediaGrant> {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.values().cloned().collect()
    }

    /// Whether the session of a grant is still alive.
    #[must_use]
    pub fn holds(&self, grant: &MediaGrant) -> bool {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants
            .values()
            .any(|other| Arc::ptr_eq(&other.viewer, &grant.viewer))
    }

    /// Ends all sessions and waits until they have written down what they leave.
    pub async fn shut_down(&self) {
        let controls = self
            .controls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for control in &controls {
            control.end(EndReason::Shutdown);
        }
        for control in controls {
            control.finished().await;
        }
    }
}
