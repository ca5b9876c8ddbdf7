//! One track of a live stream: from a publisher's packets to numbered ones, over any number of publishers.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{cache::GopCache, codec::Codec, numbering::Counter, packet::Packet, vp8};

/// A source that has been silent for this long may be replaced by another one on the same connection.
const SILENCE: Duration = Duration::from_secs(1);

/// What a publisher sent, as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub ssrc: u32,
    pub seq: u16,
    pub ts: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// Numbers the packets of whoever publishes now and keeps those since the last keyframe.
#[derive(Debug)]
pub(super) struct Track {
    codec: Codec,
    source: Option<u32>,
    last_at: Option<Instant>,
    seq: Counter,
    ts: Counter,
    picture: Counter,
    /// Some encoders number their pictures with 7 bits.
    short_picture: Counter,
    tl0: Counter,
    awaits_key: bool,
    pub cache: GopCache,
}

impl Track {
    pub fn new(codec: Codec) -> Self {
        Track {
            codec,
            source: None,
            last_at: None,
            seq: Counter::new(16),
            ts: Counter::new(32),
            picture: Counter::new(15),
            short_picture: Counter::new(7),
            tl0: Counter::new(8),
            awaits_key: true,
            cache: GopCache::default(),
        }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Another publisher takes over: the next packet, whatever its source, begins a new run at a keyframe.
    pub fn replace_source(&mut self) {
        self.source = None;
    }

    /// When the last packet came.
    pub fn last_at(&self) -> Option<Instant> {
        self.last_at
    }

    /// Numbers a packet. `None` for what no viewer can use: a second source, or what precedes a new source's first keyframe.
    pub fn receive(&mut self, received: Received, now: Instant) -> Option<Packet> {
        if self.source != Some(received.ssrc) {
            let heard = self
                .last_at
                .is_some_and(|at| now.duration_since(at) < SILENCE);
            if self.source.is_some() && heard {
                return None;
            }
            self.begin(received.ssrc, now);
        }
        let key = self.codec.starts_decoding(&received.payload);
        if self.awaits_key && !key {
            return None;
        }
        self.awaits_key = false;
        self.last_at = Some(now);
        let numbers = (self.codec == Codec::Vp8)
            .then(|| vp8::descriptor(&received.payload))
            .flatten()
            .unwrap_or_default();
        let packet = Packet {
            seq: self.seq.next(u32::from(received.seq)),
            ts: self.ts.next(received.ts),
            marker: received.marker,
            key,
            picture: numbers.picture.map(|id| {
                let counter = if id.long {
                    &mut self.picture
                } else {
                    &mut self.short_picture
                };
                counter.next(u32::from(id.value))
            }),
            tl0: numbers
                .tl0
                .map(|(_, value)| self.tl0.next(u32::from(value))),
            payload: received.payload,
        };
        self.cache.push(&packet);
        Some(packet)
    }

    fn begin(&mut self, ssrc: u32, now: Instant) {
        self.source = Some(ssrc);
        self.awaits_key = true;
        self.cache.clear();
        let gap = self
            .last_at
            .map_or(Duration::ZERO, |at| now.duration_since(at));
        let ticks = gap.as_micros() * u128::from(self.codec.clock_rate()) / 1_000_000;
        self.seq.restart(1);
        self.ts
            .restart(i64::try_from(ticks).unwrap_or(i64::MAX / 4).max(1));
        self.picture.restart(1);
        self.short_picture.restart(1);
        self.tl0.restart(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(ssrc: u32, seq: u16, ts: u32, key: bool) -> Received {
        let payload = Bytes::from_static(if key { &[0x65, 1] } else { &[0x41, 1] });
        Received {
            ssrc,
            seq,
            ts,
            marker: true,
            payload,
        }
    }

    #[test]
    fn a_new_publisher_goes_on_from_the_last_one_at_a_keyframe() {
        let start = Instant::now();
        let mut track = Track::new(Codec::H264);
        assert_eq!(
            track.receive(received(1, 10, 100, false), start),
            None,
            "no keyframe yet"
        );
        let first = track
            .receive(received(1, 11, 3100, true), start)
            .expect("a keyframe");
        let second = track
            .receive(received(1, 12, 6100, false), start)
            .expect("a frame");
        assert_eq!((second.seq - first.seq, second.ts - first.ts), (1, 3000));

        track.replace_source();
        let later = start + Duration::from_secs(2);
        assert_eq!(track.receive(received(2, 500, 9, false), later), None);
        let third = track
            .receive(received(2, 501, 3009, true), later)
            .expect("its keyframe");
        assert_eq!((third.seq - second.seq, third.ts - second.ts), (1, 180_000));
        assert_eq!(track.cache.packets().len(), 1, "the cache begins anew");
    }

    #[test]
    fn a_second_source_is_ignored_while_the_first_is_heard() {
        let start = Instant::now();
        let mut track = Track::new(Codec::H264);
        assert!(track.receive(received(1, 1, 0, true), start).is_some());
        assert_eq!(
            track.receive(received(2, 1, 0, true), start + SILENCE / 2),
            None
        );
        assert!(
            track
                .receive(received(2, 2, 0, true), start + SILENCE)
                .is_some()
        );
    }
}
