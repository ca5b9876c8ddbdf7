//! The loop of one media thread: datagrams and messages in, datagrams out, nothing that waits but the poll.
//!
//! A stream lives on one thread with its publisher and all its viewers, so packets never cross threads and nothing is locked on their way.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::SocketAddr,
    os::fd::AsRawFd,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use mio::{Events, Interest, Poll, Token, Waker, unix::SourceFd};

use super::{
    board::Board,
    packet::Packet,
    peer::{Event, Formats, Kind, Peer},
    resource::ResourceId,
    routes::Routes,
    socket::{Inbox, MediaSocket},
    stream::Stream,
    viewer::Viewer,
    watching::Watching,
};

/// A connection that is not up by then is dropped.
const SETUP: Duration = Duration::from_secs(15);
/// A connection that was not heard for this long is dead: consent checks come every five seconds (RFC 7675).
const DEAD: Duration = Duration::from_secs(20);
const SWEEP: Duration = Duration::from_millis(500);
/// Batches read before others get their turn.
const MAX_BATCHES: usize = 32;
/// No connection is called more often than this.
const MIN_REST: Duration = Duration::from_micros(500);

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

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
    /// `false` when the thread has ended.
    pub fn send(&self, message: Message) -> bool {
        self.sender.send(message).is_ok() && self.waker.wake().is_ok()
    }
}

struct Connection {
    peer: Peer,
    content: B256,
    formats: Formats,
    watching: Option<Watching>,
    up: bool,
    created: Instant,
    heard: Instant,
    /// When it wants to be called.
    due: Instant,
    /// The earliest call that is in the queue for it.
    queued: Option<Instant>,
}

/// The state of one thread.
pub(super) struct Driver {
    poll: Poll,
    messages: mpsc::Receiver<Message>,
    socket: MediaSocket,
    board: Arc<Board>,
    connections: HashMap<ResourceId, Connection>,
    routes: Routes,
    streams: HashMap<B256, Stream>,
    calls: BinaryHeap<Reverse<(Instant, ResourceId)>>,
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
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, messages) = mpsc::channel();
        let driver = Driver {
            poll,
            messages,
            socket,
            board,
            connections: HashMap::new(),
            routes: Routes::default(),
            streams: HashMap::new(),
            calls: BinaryHeap::new(),
            touched: Vec::new(),
            swept: Instant::now(),
        };
        Ok((driver, Mailbox { sender, waker }))
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
        let next = self
            .calls
            .peek()
            .map_or(sweep, |Reverse((at, _))| sweep.min(*at));
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
        let connection = Connection {
            peer,
            content,
            formats,
            watching,
            up: false,
            created: now,
            heard: now,
            due: now,
            queued: None,
        };
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
        while let Some(Reverse((at, resource))) = self.calls.peek().copied() {
            if at > now {
                break;
            }
            self.calls.pop();
            let Some(connection) = self.connections.get_mut(&resource) else {
                continue;
            };
            connection.queued = None;
            if connection.due <= now {
                connection.peer.tick(now);
                self.touched.push(resource);
            } else {
                queue(&mut self.calls, resource, connection);
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
        connection.due = due.max(now + MIN_REST);
        queue(&mut self.calls, resource, connection);
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

    fn connected(&mut self, resource: ResourceId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&resource) else {
            return;
        };
        connection.up = true;
        let content = connection.content;
        if let Some(watching) = &connection.watching {
            watching.viewer.set_connected(true);
            return self.begin_picture(resource, now);
        }
        let Some(stream) = self.streams.get_mut(&content) else {
            return;
        };
        let before = stream.take_over(resource, &connection.formats);
        // Who agreed on another codec cannot go on; its page joins again.
        let codec = stream.video_codec();
        let viewers = stream.viewers.clone();
        let agrees = |viewer: &ResourceId| {
            let watching = self
                .connections
                .get(viewer)
                .and_then(|connection| connection.watching.as_ref());
            watching.is_none_or(|watching| watching.codec == codec)
        };
        let lost: Vec<ResourceId> = viewers
            .into_iter()
            .filter(|viewer| !agrees(viewer))
            .collect();
        for resource in before.into_iter().chain(lost) {
            self.remove(resource, now);
        }
        self.tell(content, now);
    }

    /// Shows a viewer whose gate is open a picture at once, if there is one.
    fn begin_picture(&mut self, resource: ResourceId, now: Instant) {
        let Some(connection) = self
            .connections
            .get_mut(&resource)
            .filter(|connection| connection.up)
        else {
            return;
        };
        let Some(watching) = connection.watching.as_mut() else {
            return;
        };
        if let Some(stream) = self.streams.get(&connection.content) {
            for packet in watching.replay(stream.cached()) {
                connection.peer.send(now, Kind::Video, packet);
            }
        }
        watching.notice();
        let (content, wanting) = (connection.content, watching.wants_keyframe());
        self.touched.push(resource);
        if wanting {
            self.ask_for_keyframe(content, now);
        }
    }

    fn fan_out(&mut self, content: B256, packets: &[(Kind, Packet)], now: Instant) {
        let Some(stream) = self.streams.get(&content) else {
            return;
        };
        let (picture_moves, mut wanting) = (stream.picture_moves(now), false);
        for resource in &stream.viewers {
            let Some(connection) = self
                .connections
                .get_mut(resource)
                .filter(|connection| connection.up)
            else {
                continue;
            };
            let Some(watching) = connection.watching.as_mut() else {
                continue;
            };
            let mut any = false;
            for (kind, packet) in packets {
                if let Some(outgoing) = watching.live(*kind, packet, picture_moves) {
                    connection.peer.send(now, *kind, outgoing);
                    any = true;
                }
            }
            watching.notice();
            wanting |= watching.wants_keyframe();
            if any {
                self.touched.push(*resource);
            }
        }
        if wanting {
            self.ask_for_keyframe(content, now);
        }
    }

    fn ask_for_keyframe(&mut self, content: B256, now: Instant) {
        let Some(publisher) = self
            .streams
            .get_mut(&content)
            .and_then(|stream| stream.may_ask(now))
        else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&publisher) {
            connection.peer.request_keyframe(now);
            self.touched.push(publisher);
        }
    }

    /// Drops the dead and what never came up, and notices streams that fell silent.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let gone = |connection: &Connection| {
            let age = now.duration_since(if connection.up {
                connection.heard
            } else {
                connection.created
            });
            age > if connection.up { DEAD } else { SETUP }
        };
        let dead: Vec<ResourceId> = self
            .connections
            .iter()
            .filter(|(_, connection)| gone(connection))
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

fn queue(
    calls: &mut BinaryHeap<Reverse<(Instant, ResourceId)>>,
    resource: ResourceId,
    connection: &mut Connection,
) {
    if connection
        .queued
        .is_none_or(|queued| connection.due < queued)
    {
        connection.queued = Some(connection.due);
        calls.push(Reverse((connection.due, resource)));
    }
}
