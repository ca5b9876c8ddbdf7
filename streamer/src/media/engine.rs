//! The handle that the rest of the streamer holds.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use alloy::primitives::B256;

use super::{
    board::{Board, Side, StreamStatus},
    codec::Codec,
    driver::Driver,
    error::MediaError,
    mailbox::{Mailbox, Message, Newcomer},
    offer::{self, Offer},
    peer::{Formats, Peer},
    resource::ResourceId,
    socket::MediaSocket,
    viewer::Viewer,
};

/// How the engine listens, and its bounds.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Address of the first thread's UDP port; thread `i` takes port + `i`. Port 0 takes free ones.
    pub listen: SocketAddr,
    /// Addresses that viewers and publishers are told. None: the address of `listen`, or, when that is unspecified, the machine's own
    /// and loopback.
    pub announce: Vec<IpAddr>,
    /// Media threads; a stream stays on one.
    pub threads: usize,
    /// Viewer connections at once.
    pub max_viewers: usize,
    /// Publisher connections at once.
    pub max_publishers: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8281)),
            announce: Vec::new(),
            threads: 1,
            max_viewers: 1000,
            max_publishers: 100,
        }
    }
}

/// A connection that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its name, for [`Engine::remove`].
    pub resource: ResourceId,
    /// The SDP answer.
    pub sdp: String,
}

/// A running media engine. Clones are handles of the same one; it stops with [`shutdown`](Self::shutdown) or with its last handle.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: MediaConfig,
    board: Arc<Board>,
    threads: Vec<Thread>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Thread {
    mailbox: Mailbox,
    candidates: Vec<SocketAddr>,
}

impl Engine {
    /// Binds the ports and starts the threads.
    ///
    /// # Errors
    /// [`MediaError::Config`], [`MediaError::Socket`] and [`MediaError::Thread`].
    pub fn start(config: MediaConfig) -> Result<Engine, MediaError> {
        if config.threads == 0 {
            return Err(MediaError::Config(
                "at least one thread is needed".to_owned(),
            ));
        }
        let announced = announced(&config)?;
        let board = Arc::new(Board::default());
        let (mut threads, mut running) = (Vec::new(), Vec::new());
        for index in 0..config.threads {
            let socket = MediaSocket::bind(address_of(config.listen, index)?)?;
            let port = socket
                .local_addr()
                .map_err(|source| MediaError::Socket {
                    address: config.listen,
                    source,
                })?
                .port();
            let (driver, mailbox) =
                Driver::new(socket, board.clone()).map_err(MediaError::Thread)?;
            let thread = std::thread::Builder::new()
                .name(format!("media-{index}"))
                .spawn(move || driver.run());
            running.push(thread.map_err(MediaError::Thread)?);
            threads.push(Thread {
                mailbox,
                candidates: announced
                    .iter()
                    .map(|ip| SocketAddr::new(*ip, port))
                    .collect(),
            });
        }
        Ok(Engine {
            inner: Arc::new(Inner {
                config,
                board,
                threads,
                running: Mutex::new(running),
            }),
        })
    }

    /// Answers a publisher's offer. It takes the place of an older publisher of the same content when it is connected.
    ///
    /// # Errors
    /// [`MediaError::MalformedSdp`], [`MediaError::TooManyPublishers`], [`MediaError::Stopped`].
    pub async fn publish(&self, content: B256, offer_sdp: &str) -> Result<Accepted, MediaError> {
        let offer = offer::parse(offer_sdp)?;
        let formats = ingest_formats(&offer)?;
        self.accept(Side::Publisher, content, offer_sdp, formats, None)
            .await
    }

    /// Answers a viewer's offer. Media flows as far as `viewer` lets it; an older connection of the same viewer ends.
    ///
    /// # Errors
    /// [`MediaError::MalformedSdp`], [`MediaError::StreamOffline`], [`MediaError::TooManyViewers`], [`MediaError::Stopped`].
    pub async fn view(
        &self,
        content: B256,
        offer_sdp: &str,
        viewer: Arc<Viewer>,
    ) -> Result<Accepted, MediaError> {
        let offer = offer::parse(offer_sdp)?;
        let stream = self
            .stream(content)
            .filter(|stream| stream.live)
            .ok_or(MediaError::StreamOffline)?;
        let formats = playback_formats(&offer, &stream)?;
        self.accept(Side::Viewer, content, offer_sdp, formats, Some(viewer))
            .await
    }

    /// Ends a connection (DELETE of WHIP and WHEP). `false` when there is none of that name.
    pub fn remove(&self, resource: ResourceId) -> bool {
        let thread = self
            .inner
            .board
            .thread_of(resource)
            .and_then(|thread| self.inner.threads.get(thread));
        thread.is_some_and(|thread| thread.mailbox.send(Message::Remove(resource)))
    }

    /// A stream as it is now; `None` when nobody publishes or watches it.
    pub fn stream(&self, content: B256) -> Option<StreamStatus> {
        self.inner.board.stream(content)
    }

    /// All streams as they are now.
    pub fn streams(&self) -> Vec<StreamStatus> {
        self.inner.board.streams()
    }

    /// The addresses that are announced to viewers and publishers.
    pub fn candidates(&self) -> Vec<SocketAddr> {
        self.inner
            .threads
            .iter()
            .flat_map(|thread| thread.candidates.iter().copied())
            .collect()
    }

    /// Whether every media thread runs.
    pub fn is_running(&self) -> bool {
        let running = self
            .inner
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.len() == self.inner.threads.len()
            && running.iter().all(|thread| !thread.is_finished())
    }

    /// Says goodbye to every connection and stops the threads.
    pub async fn shutdown(&self) {
        let inner = self.inner.clone();
        // The threads end within moments; waiting for them must not hold up the runtime.
        let _ = tokio::task::spawn_blocking(move || inner.stop()).await;
    }

    async fn accept(
        &self,
        side: Side,
        content: B256,
        sdp: &str,
        formats: Formats,
        viewer: Option<Arc<Viewer>>,
    ) -> Result<Accepted, MediaError> {
        let inner = &self.inner;
        let index = thread_for(content, inner.threads.len());
        let thread = inner.threads.get(index).ok_or(MediaError::Stopped)?;
        let limit = match side {
            Side::Publisher => inner.config.max_publishers,
            Side::Viewer => inner.config.max_viewers,
        };
        let place = Place {
            board: inner.board.clone(),
            resource: Some(inner.board.reserve(side, index, limit)?),
        };
        let (offer, candidates, agreed) =
            (sdp.to_owned(), thread.candidates.clone(), formats.clone());
        // Making keys and parsing take milliseconds. A panic of the stack over a hostile offer ends here, as an error.
        let answering = tokio::task::spawn_blocking(move || {
            Peer::answer(
                &offer,
                agreed,
                side == Side::Viewer,
                &candidates,
                Instant::now(),
            )
        });
        let (peer, sdp) = answering.await.map_err(|_| {
            MediaError::MalformedSdp("the WebRTC stack cannot read it".to_owned())
        })??;
        let ufrag = sdp
            .lines()
            .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
            .unwrap_or_default()
            .trim()
            .to_owned();
        let resource = place.keep();
        let before = viewer
            .as_ref()
            .and_then(|viewer| viewer.attach(thread.mailbox.clone(), resource));
        if let Some((mailbox, older)) = before {
            mailbox.send(Message::Remove(older));
        }
        let newcomer = Newcomer {
            resource,
            content,
            ufrag,
            peer,
            formats,
            viewer,
        };
        if !thread.mailbox.send(Message::Add(Box::new(newcomer))) {
            return Err(MediaError::Stopped);
        }
        Ok(Accepted { resource, sdp })
    }
}

impl Inner {
    fn stop(&self) {
        for thread in &self.threads {
            thread.mailbox.send(Message::Shutdown);
        }
        let running =
            std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in running {
            if thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for thread in &self.threads {
            thread.mailbox.send(Message::Shutdown);
        }
    }
}

/// A reserved place, given back unless the connection comes to be (the request may be cancelled at any point).
struct Place {
    board: Arc<Board>,
    resource: Option<ResourceId>,
}

impl Place {
    fn keep(mut self) -> ResourceId {
        self.resource
            .take()
            .expect("a place holds its resource until it is kept or dropped")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(resource) = self.resource {
            self.board.release(resource);
        }
    }
}

fn ingest_formats(offer: &Offer) -> Result<Formats, MediaError> {
    let video = offer.ingest_video().cloned();
    if offer.has_video && video.is_none() {
        return Err(MediaError::MalformedSdp(
            "its video is neither VP8 nor H.264 baseline in packetization mode 1".to_owned(),
        ));
    }
    let audio = offer.playback(Codec::Opus).cloned();
    if offer.has_audio && audio.is_none() {
        return Err(MediaError::MalformedSdp("its audio is not Opus".to_owned()));
    }
    Ok(Formats { video, audio })
}

fn playback_formats(offer: &Offer, stream: &StreamStatus) -> Result<Formats, MediaError> {
    let lacking = |codec: Codec| {
        MediaError::MalformedSdp(format!(
            "the stream is {}, which the offer lacks",
            codec.mime()
        ))
    };
    let video = stream
        .video
        .map(|codec| offer.playback(codec).cloned().ok_or_else(|| lacking(codec)))
        .transpose()?;
    let audio = stream
        .audio
        .then(|| offer.playback(Codec::Opus).cloned())
        .flatten();
    if video.is_none() && audio.is_none() {
        return Err(lacking(Codec::Opus));
    }
    Ok(Formats { video, audio })
}

/// A stream's thread follows from its content, so that its publisher and viewers meet.
fn thread_for(content: B256, threads: usize) -> usize {
    usize::from(u16::from_be_bytes([content[30], content[31]])) % threads.max(1)
}

fn address_of(listen: SocketAddr, index: usize) -> Result<SocketAddr, MediaError> {
    if listen.port() == 0 {
        return Ok(listen);
    }
    let port = u16::try_from(index)
        .ok()
        .and_then(|index| listen.port().checked_add(index));
    let port = port.ok_or_else(|| {
        MediaError::Config(format!(
            "no port is left above {} for thread {index}",
            listen.port()
        ))
    })?;
    Ok(SocketAddr::new(listen.ip(), port))
}

fn announced(config: &MediaConfig) -> Result<Vec<IpAddr>, MediaError> {
    if let Some(bad) = config
        .announce
        .iter()
        .find(|ip| ip.is_unspecified() || ip.is_multicast())
    {
        return Err(MediaError::Config(format!(
            "{bad} cannot be announced: nobody can send to it"
        )));
    }
    if !config.announce.is_empty() {
        return Ok(config.announce.clone());
    }
    let listen = config.listen.ip();
    if !listen.is_unspecified() {
        return Ok(vec![listen]);
    }
    Ok(own_address()
        .into_iter()
        .chain([IpAddr::from(Ipv4Addr::LOCALHOST)])
        .collect())
}

/// The address from which this machine would reach the internet. Connecting a UDP socket sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}
