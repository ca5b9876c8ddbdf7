//! One track on its way to one viewer: gate, numbers, and the measure of what was delivered.
//!
//! | from | packet | allowed | to | effect |
//! |---|---|---|---|---|
//! | `waiting` | not a keyframe | – | `waiting` | dropped |
//! | `waiting` | begins a keyframe | yes | `flowing` | forwarded, nothing counted yet |
//! | `waiting` | replay of the cache | yes, and not too often | `flowing` | the cache is sent, nothing counted as delivered |
//! | `flowing` | begins a frame | yes | `flowing` | forwarded, its time since the last frame is counted |
//! | `flowing` | continues a frame | gate open | `flowing` | forwarded |
//! | any | any | no | `waiting` | dropped |
//!
//! Sequence numbers (and VP8's picture ids) have no hole where the gate was shut; timestamps move on as in life. Replayed frames
//! are a burst of the past: they are squeezed in front of the live edge, a millisecond apart, so that the viewer sees a picture
//! at once, is not behind afterwards, and pays for none of it.

use std::time::Duration;

use super::{
    meter::Allowance,
    packet::{Outgoing, Packet},
    vp8,
};

/// A time jump inside a stream counts for no more than this.
const MAX_FRAME_TIME: Duration = Duration::from_secs(1);
/// Distance of replayed frames, in microseconds.
const REPLAY_STEP_US: i64 = 1_000;

/// How a flowing track's numbers map to the viewer's.
#[derive(Clone, Copy, Debug)]
struct Flow {
    seq_shift: i64,
    picture_shift: i64,
    tl0_shift: i64,
    /// What came before it is of no use any more.
    first: i64,
    /// The newest frame's timestamp.
    edge: i64,
    /// Timestamps up to this one were replayed, squeezed.
    replayed_to: i64,
}

/// The state of one track for one viewer.
#[derive(Debug)]
pub(super) struct Forwarder {
    clock_rate: u32,
    ts_shift: i64,
    last_seq: i64,
    last_ts: Option<i64>,
    last_picture: Option<i64>,
    last_tl0: Option<i64>,
    flow: Option<Flow>,
}

impl Forwarder {
    /// `first_seq` and `ts_shift` are random, as RFC 3550 asks.
    pub fn new(clock_rate: u32, first_seq: u16, ts_shift: u32) -> Self {
        Forwarder {
            clock_rate,
            ts_shift: i64::from(ts_shift),
            last_seq: i64::from(first_seq),
            last_ts: None,
            last_picture: None,
            last_tl0: None,
            flow: None,
        }
    }

    /// Whether packets pass now; otherwise a keyframe or a replay is needed to begin.
    pub fn is_flowing(&self) -> bool {
        self.flow.is_some()
    }

    /// Ends the flow: the next packets wait for a keyframe or a replay.
    pub fn stop(&mut self) {
        self.flow = None;
    }

    /// Passes a packet on if the viewer's allowance lets it, and counts the time that it advances.
    pub fn live(&mut self, packet: &Packet, allowance: &mut impl Allowance) -> Option<Outgoing> {
        let Some(flow) = self.flow else {
            return self.begin_at(packet, allowance);
        };
        if !allowance.is_open() {
            self.stop();
            return None;
        }
        if packet.seq < flow.first || packet.ts <= flow.replayed_to {
            return None;
        }
        if packet.ts > flow.edge {
            if !allowance.spend(self.duration(packet.ts - flow.edge)) {
                self.stop();
                return None;
            }
            self.flow = Some(Flow {
                edge: packet.ts,
                ..flow
            });
        }
        Some(self.send(packet, flow, packet.ts + self.ts_shift))
    }

    /// The packets of the cache, numbered, up to the live edge; nothing when the flow goes on already, when the allowance is used up
    /// or gives no more replays, or when there is no room for them on the time line.
    pub fn replay(&mut self, cached: &[Packet], allowance: &mut impl Allowance) -> Vec<Outgoing> {
        let (Some(first), None, true) = (cached.first(), self.flow, allowance.may_begin()) else {
            return Vec::new();
        };
        let mut frames = 1;
        let mut edge = first.ts;
        for packet in cached {
            if packet.ts > edge {
                (frames, edge) = (frames + 1, packet.ts);
            }
        }
        let usual = REPLAY_STEP_US * i64::from(self.clock_rate) / 1_000_000;
        let room = self
            .last_ts
            .map_or(usual, |last| (edge + self.ts_shift - last) / frames);
        let step = usual.min(room);
        if step < 1 || !allowance.replay(self.time(edge - first.ts)) {
            return Vec::new();
        }
        let flow = self.begin(first, edge, edge);
        let (mut frame, mut ts) = (1, first.ts);
        cached
            .iter()
            .map(|packet| {
                if packet.ts > ts {
                    (frame, ts) = (frame + 1, packet.ts);
                }
                self.send(packet, flow, edge + self.ts_shift - (frames - frame) * step)
            })
            .collect()
    }

    fn begin_at(&mut self, packet: &Packet, allowance: &impl Allowance) -> Option<Outgoing> {
        if !packet.key || !allowance.may_begin() {
            return None;
        }
        let flow = self.begin(packet, packet.ts, packet.ts - 1);
        Some(self.send(packet, flow, packet.ts + self.ts_shift))
    }

    fn begin(&mut self, first: &Packet, edge: i64, replayed_to: i64) -> Flow {
        let after = |last: Option<i64>, now: Option<i64>| {
            last.zip(now).map_or(0, |(last, now)| last + 1 - now)
        };
        let flow = Flow {
            seq_shift: self.last_seq + 1 - first.seq,
            picture_shift: after(self.last_picture, first.picture),
            tl0_shift: after(self.last_tl0, first.tl0),
            first: first.seq,
            edge,
            replayed_to,
        };
        self.flow = Some(flow);
        flow
    }

    fn send(&mut self, packet: &Packet, flow: Flow, ts: i64) -> Outgoing {
        let seq = packet.seq + flow.seq_shift;
        let picture = packet.picture.map(|picture| picture + flow.picture_shift);
        let tl0 = packet.tl0.map(|tl0| tl0 + flow.tl0_shift);
        self.last_seq = self.last_seq.max(seq);
        self.last_ts = self.last_ts.max(Some(ts));
        self.last_picture = self.last_picture.max(picture);
        self.last_tl0 = self.last_tl0.max(tl0);
        let payload = if flow.picture_shift == 0 && flow.tl0_shift == 0 {
            packet.payload.clone()
        } else {
            vp8::renumber(&packet.payload, picture, tl0)
        };
        // The wire carries the low bits.
        Outgoing {
            seq: seq as u16,
            ts: ts as u32,
            marker: packet.marker,
            payload,
        }
    }

    fn duration(&self, ticks: i64) -> Duration {
        self.time(ticks).min(MAX_FRAME_TIME)
    }

    fn time(&self, ticks: i64) -> Duration {
        let micros = ticks.max(0).saturating_mul(1_000_000) / i64::from(self.clock_rate);
        Duration::from_micros(micros.unsigned_abs())
    }
}

#[cfg(test)]
#[path = "forward_tests.rs"]
mod tests;
