//! One UDP socket for all connections of a thread, with segmentation offload in both directions.

use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use super::error::MediaError;

const BUFFER: usize = 64 << 10;
/// The kernel takes 64 segments and 64 KiB at once; a little below both.
const MAX_SEGMENTS: usize = 60;
const MAX_BATCH: usize = 60_000;

/// A socket that sends runs of datagrams of one size to one address in one system call.
///
/// Nothing here ever waits: what the kernel does not take at once is lost, as on any busy link, and the viewer asks for it again.
#[derive(Debug)]
pub(super) struct MediaSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    batch: Vec<u8>,
    to: Option<SocketAddr>,
    segment: usize,
    ended: bool,
}

impl MediaSocket {
    pub fn bind(address: SocketAddr) -> Result<Self, MediaError> {
        let open = || -> io::Result<Self> {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            let options = socket2::SockRef::from(&socket);
            // The kernel may grant less.
            let _ = options.set_recv_buffer_size(4 << 20);
            let _ = options.set_send_buffer_size(8 << 20);
            let state = UdpSocketState::new((&socket).into())?;
            Ok(MediaSocket {
                socket,
                state,
                batch: Vec::with_capacity(BUFFER),
                to: None,
                segment: 0,
                ended: false,
            })
        };
        open().map_err(|source| MediaError::Socket { address, source })
    }

    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub fn as_std(&self) -> &UdpSocket {
        &self.socket
    }

    /// Adds a datagram to the run, or sends the run and begins another.
    pub fn push(&mut self, to: SocketAddr, datagram: &[u8]) {
        let fits = self.to == Some(to)
            && !self.ended
            && datagram.len() <= self.segment
            && self.batch.len() + datagram.len() <= MAX_BATCH
            && self.batch.len() < self.segment * self.state.max_gso_segments().min(MAX_SEGMENTS);
        if !fits {
            self.flush();
            (self.to, self.segment, self.ended) = (Some(to), datagram.len(), false);
        } else if datagram.len() < self.segment {
            // Only the last segment of a run may be shorter.
            self.ended = true;
        }
        self.batch.extend_from_slice(datagram);
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        let Some(destination) = self.to.take() else {
            return;
        };
        let segment_size = (self.batch.len() > self.segment).then_some(self.segment);
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: &self.batch,
            segment_size,
            src_ip: None,
        };
        if let Err(error) = self.state.try_send((&self.socket).into(), &transmit) {
            tracing::trace!(%destination, %error, "datagrams not sent");
        }
        self.batch.clear();
    }
}

/// Buffers for one batch of arrivals.
pub(super) struct Inbox {
    buffers: Vec<Vec<u8>>,
    metas: Vec<RecvMeta>,
}

/// One datagram that arrived.
pub(super) struct Arrival<'a> {
    pub from: SocketAddr,
    /// The address it was sent to, when the kernel says so.
    pub to: Option<std::net::IpAddr>,
    pub bytes: &'a [u8],
}

impl Inbox {
    pub fn new() -> Self {
        Inbox {
            buffers: vec![vec![0; BUFFER]; BATCH_SIZE],
            metas: vec![RecvMeta::default(); BATCH_SIZE],
        }
    }

    /// Takes what has arrived, datagram by datagram. `false` when nothing had.
    pub fn receive(&mut self, socket: &MediaSocket, mut each: impl FnMut(Arrival<'_>)) -> bool {
        let mut slices: Vec<IoSliceMut<'_>> = self
            .buffers
            .iter_mut()
            .map(|buffer| IoSliceMut::new(buffer))
            .collect();
        let count = match socket
            .state
            .recv((&socket.socket).into(), &mut slices, &mut self.metas)
        {
            Ok(count) => count,
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    tracing::debug!(%error, "receiving from the media socket");
                }
                // A connection refused by an earlier destination is reported here and says nothing about what has arrived.
                return error.kind() == io::ErrorKind::ConnectionRefused
                    || error.kind() == io::ErrorKind::Interrupted;
            }
        };
        for (buffer, meta) in self.buffers.iter().zip(&self.metas).take(count) {
            for bytes in buffer[..meta.len].chunks(meta.stride.max(1)) {
                each(Arrival {
                    from: meta.addr,
                    to: meta.dst_ip,
                    bytes,
                });
            }
        }
        true
    }
}
