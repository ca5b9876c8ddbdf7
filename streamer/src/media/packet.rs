//! A packet of a stream, with numbers that only grow.

use bytes::Bytes;

/// A packet as its stream knows it: the numbers go on over a change of the publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub seq: i64,
    /// In ticks of the codec's clock.
    pub ts: i64,
    pub marker: bool,
    /// A fresh decoder can begin here.
    pub key: bool,
    /// Unrolled picture id and tl0picidx of VP8.
    pub picture: Option<i64>,
    pub tl0: Option<i64>,
    pub payload: Bytes,
}

/// A packet for one viewer, in wire numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub seq: u16,
    pub ts: u32,
    pub marker: bool,
    pub payload: Bytes,
}
