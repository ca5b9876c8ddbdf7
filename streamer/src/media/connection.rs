//! One connection of a media thread, and when each is to be called.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use alloy::primitives::B256;

use super::{
    peer::{Formats, Peer},
    resource::ResourceId,
    watching::Watching,
};

/// A connection that is not up by then is dropped.
const SETUP: Duration = Duration::from_secs(15);
/// A connection that was not heard for this long is dead: consent checks come every five seconds (RFC 7675).
const DEAD: Duration = Duration::from_secs(20);
/// No connection is called more often than this.
const MIN_REST: Duration = Duration::from_micros(500);

/// A publisher or a viewer.
pub(super) struct Connection {
    pub peer: Peer,
    pub content: B256,
    pub formats: Formats,
    /// Of a viewer.
    pub watching: Option<Watching>,
    pub up: bool,
    pub heard: Instant,
    created: Instant,
    /// When it wants to be called.
    due: Instant,
    /// The earliest call that is in the queue for it.
    queued: Option<Instant>,
}

impl Connection {
    /// A connection that is not up yet.
    pub fn new(
        peer: Peer,
        content: B256,
        formats: Formats,
        watching: Option<Watching>,
        now: Instant,
    ) -> Self {
        Connection {
            peer,
            content,
            formats,
            watching,
            up: false,
            heard: now,
            created: now,
            due: now,
            queued: None,
        }
    }

    /// Whether it never came up, or has fallen silent.
    pub fn is_gone(&self, now: Instant) -> bool {
        if self.up {
            now.duration_since(self.heard) > DEAD
        } else {
            now.duration_since(self.created) > SETUP
        }
    }
}

/// When connections are to be called, the earliest first. An entry may be out of date: what the connection itself says counts.
#[derive(Debug, Default)]
pub(super) struct Calls(BinaryHeap<Reverse<(Instant, ResourceId)>>);

impl Calls {
    /// The earliest call.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a connection out of the queue whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<ResourceId> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, resource))| resource)
    }

    /// Notes that a connection wants to be called at `due`, or a little later.
    pub fn put(
        &mut self,
        resource: ResourceId,
        connection: &mut Connection,
        due: Instant,
        now: Instant,
    ) {
        connection.due = due.max(now + MIN_REST);
        self.queue(resource, connection);
    }

    /// Whether a connection that was taken out is to be called now; one whose time has moved goes back.
    pub fn is_due(
        &mut self,
        resource: ResourceId,
        connection: &mut Connection,
        now: Instant,
    ) -> bool {
        connection.queued = None;
        if connection.due > now {
            self.queue(resource, connection);
            return false;
        }
        true
    }

    fn queue(&mut self, resource: ResourceId, connection: &mut Connection) {
        if connection
            .queued
            .is_none_or(|queued| connection.due < queued)
        {
            connection.queued = Some(connection.due);
            self.0.push(Reverse((connection.due, resource)));
        }
    }
}
