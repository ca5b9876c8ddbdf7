//! The loop of one media thread: datagrams and messages in, datagrams out, nothing that waits but the poll.
//!
//! A stream lives on one thread with its publisher and all its viewers, so packets never cross threads and nothing is locked on their way.

mod pictures;

use std::{
    collections::HashMap,
    net::SocketAddr,
    os::fd::AsRawFd,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use mio::{Events, Interest, Poll, Token, Waker, unix::SourceFd};

use super::{
    board::Board,
    connection::{Calls, Connection},
    mailbox::{Mailbox, Message, Newcomer},
    packet::Packet,
    peer::{Event, Kind},
    resource::ResourceId,
    routes::Routes,
    socket::{Inbox, MediaSocket},
    stream::Stream,
    watching::Watching,
};

const SWEEP: Duration = Duration::from_millis(500);
/// Batches read before others get their turn.
const MAX_BATCHES: usize = 32;

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// The state of one thread.
pub(super) struct Driver {
    poll: Poll,
    messages: mpsc::Receiver<Message>,
    socket: MediaSocket,
    board: Arc<Board>,
    connections: HashMap<ResourceId, Connection>,
    routes: Routes,
    streams: HashMap<B256, Stream>,
    calls: Calls,
    /// Connections with something to drain.
    touched: Vec<ResourceId>,
    swept: Instant,
}

impl Driver {
    pub fn new(socket: MediaSocket, board: Arc<Board>) -> std::io::Result<(Self, Mailbox)> {
        let poll = Poll::new()?;
        poll.registry().register(
            &mut SourceFd(&socket.as_std().as_raw_fd()),
            SOCKET,
            Interest::READABLE,
        )?;
        let (mailbox, messages) = Mailbox::new(Waker::new(poll.registry(), WAKE)?);
        let driver = Driver {
            poll,
            messages,
            socket,
            board,
            connections: HashMap::new(),
            routes: Routes::default(),
            streams: HashMap::new(),
            calls: Calls::default(),
            touched: Vec::new(),
            swept: Instant::now(),
        };
        Ok((driver, mailbox))
    }

    /// Runs until it is told to stop.
    pub fn run(mut self) {
        let (mut events, mut inbox, mut more) = (Events::with_capacity(16), Inbox::new(), false);
        loop {
            let timeout = if more { Duration::ZERO } else { self.rest() };
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "polling the media socket");
            }
            let now = Instant::now();
            while let Ok(message) = self.messages.try_recv() {
                if matches!(message, Message::Shutdown) {
                    return self.shut_down(now);
                }
                self.obey(message, now);
            }
            more = self.read(&mut inbox, now);
            self.call_due(now);
            self.drain_touched(now);
            if now.duration_since(self.swept) >= SWEEP {
                self.sweep(now);
            }
        }
    }

    fn rest(&self) -> Duration {
        let now = Instant::now();
        let sweep = self.swept + SWEEP;
        let next = self.calls.next().map_or(sweep, |at| sweep.min(at));
        next.saturating_duration_since(now)
    }

    fn obey(&mut self, message: Message, now: Instant) {
        match message {
            Message::Add(newcomer) => self.add(*newcomer, now),
            Message::Remove(resource) => self.remove(resource, now),
            Message::Poke(resource) => self.begin_picture(resource, now),
            Message::Shutdown => {}
        }
    }

    fn add(&mut self, newcomer: Newcomer, now: Instant) {
        let Newcomer {
            resource,
            content,
            ufrag,
            peer,
            formats,
            viewer,
        } = newcomer;
        let stream = self.streams.entry(content).or_insert_with(Stream::new);
        let watching = viewer
            .map(|viewer| Watching::new(viewer, formats.video.as_ref().map(|format| format.codec)));
        if watching.is_some() {
            stream.viewers.push(resource);
        }
        self.routes.add(resource, ufrag);
        let connection = Connection::new(peer, content, formats, watching, now);
        self.connections.insert(resource, connection);
        self.touched.push(resource);
        self.tell(content, now);
    }

    /// Ends a connection, whoever asked for it.
    fn remove(&mut self, resource: ResourceId, now: Instant) {
        let Some(mut connection) = self.connections.remove(&resource) else {
            return;
        };
        connection.peer.close();
        let socket = &mut self.socket;
        connection.peer.drain(
            now,
            |to, datagram| socket.push(to, datagram),
            &mut Vec::new(),
        );
        self.socket.flush();
        self.routes.remove(resource);
        self.board.release(resource);
        if let Some(watching) = connection.watching {
            watching.viewer.detach(resource);
        }
        if let Some(stream) = self.streams.get_mut(&connection.content) {
            stream.viewers.retain(|viewer| *viewer != resource);
            if stream.publisher == Some(resource) {
                stream.publisher = None;
                tracing::info!(content = %connection.content, "the publisher has gone");
            }
            stream.expire(now);
        }
        self.tell(connection.content, now);
    }

    fn read(&mut self, inbox: &mut Inbox, now: Instant) -> bool {
        let Self {
            socket,
            connections,
            routes,
            touched,
            ..
        } = self;
        let port = socket.local_addr().map_or(0, |local| local.port());
        for _ in 0..MAX_BATCHES {
            let arrived = inbox.receive(socket, |arrival| {
                let silent = |resource: ResourceId| {
                    connections
                        .get(&resource)
                        .is_none_or(|other| now.duration_since(other.heard) > SWEEP * 10)
                };
                let Some(resource) = routes.find(arrival.from, arrival.bytes, silent) else {
                    return;
                };
                let Some(connection) = connections.get_mut(&resource) else {
                    return;
                };
                connection.heard = now;
                let local = arrival.to.map(|ip| SocketAddr::new(ip, port));
                connection
                    .peer
                    .receive(now, arrival.from, local, arrival.bytes);
                if touched.last() != Some(&resource) {
                    touched.push(resource);
                }
            });
            if !arrived {
                return false;
            }
        }
        true
    }

    fn call_due(&mut self, now: Instant) {
        while let Some(resource) = self.calls.pop(now) {
            let Some(connection) = self.connections.get_mut(&resource) else {
                continue;
            };
            if self.calls.is_due(resource, connection, now) {
                connection.peer.tick(now);
                self.touched.push(resource);
            }
        }
    }

    /// Drains what was touched, hands media over once for each viewer, and goes on until nothing is left.
    fn drain_touched(&mut self, now: Instant) {
        let mut media: HashMap<B256, Vec<(Kind, Packet)>> = HashMap::new();
        while !self.touched.is_empty() {
            let mut touched = std::mem::take(&mut self.touched);
            touched.sort_unstable();
            touched.dedup();
            for resource in touched {
                for event in self.drain(resource, now) {
                    self.handle(resource, event, &mut media, now);
                }
            }
            for (content, packets) in media.drain() {
                self.fan_out(content, &packets, now);
            }
        }
    }

    fn drain(&mut self, resource: ResourceId, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(connection) = self.connections.get_mut(&resource) else {
            return events;
        };
        let socket = &mut self.socket;
        let due = connection
            .peer
            .drain(now, |to, datagram| socket.push(to, datagram), &mut events);
        socket.flush();
        self.calls.put(resource, connection, due, now);
        events
    }

    fn handle(
        &mut self,
        resource: ResourceId,
        event: Event,
        media: &mut HashMap<B256, Vec<(Kind, Packet)>>,
        now: Instant,
    ) {
        match event {
            Event::Connected => self.connected(resource, now),
            Event::Closed => self.remove(resource, now),
            Event::KeyframeWanted => {
                let Some(connection) = self.connections.get(&resource) else {
                    return;
                };
                // A viewer whose gate is shut costs the publisher nothing.
                if connection
                    .watching
                    .as_ref()
                    .is_some_and(|watching| watching.viewer.is_open())
                {
                    self.ask_for_keyframe(connection.content, now);
                }
            }
            Event::Media(kind, received) => {
                let Some(connection) = self.connections.get(&resource) else {
                    return;
                };
                let content = connection.content;
                let Some(stream) = self.streams.get_mut(&content) else {
                    return;
                };
                if stream.publisher != Some(resource) {
                    return;
                }
                let was_live = stream.is_live(now);
                if let Some(packet) = stream.receive(kind, received, now) {
                    media.entry(content).or_default().push((kind, packet));
                }
                if !was_live && stream.is_live(now) {
                    tracing::info!(%content, "the stream is live");
                    self.tell(content, now);
                }
            }
        }
    }

    /// Drops the dead and what never came up, and notices streams that fell silent.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let dead: Vec<ResourceId> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.is_gone(now))
            .map(|(resource, _)| *resource)
            .collect();
        for resource in dead {
            self.remove(resource, now);
        }
        let contents: Vec<B256> = self.streams.keys().copied().collect();
        for content in contents {
            if let Some(stream) = self.streams.get_mut(&content) {
                stream.expire(now);
            }
            self.tell(content, now);
        }
        self.drain_touched(now);
    }

    /// Shows the stream to the outside, or forgets it when nobody is left.
    fn tell(&mut self, content: B256, now: Instant) {
        let Some(stream) = self.streams.get(&content) else {
            return;
        };
        let used = stream.publisher.is_some()
            || !stream.viewers.is_empty()
            || self
                .connections
                .values()
                .any(|connection| connection.content == content);
        if used {
            self.board.publish(stream.status(content, now));
        } else {
            self.streams.remove(&content);
            self.board.forget(content);
        }
    }

    fn shut_down(mut self, now: Instant) {
        let all: Vec<ResourceId> = self.connections.keys().copied().collect();
        for resource in all {
            self.remove(resource, now);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.board.clear();
    }
}
