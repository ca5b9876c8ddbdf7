//! A viewer's side of the fan-out: both tracks under one gate.

use std::{sync::Arc, time::Duration};

use super::{
    codec::Codec,
    forward::Forwarder,
    meter::{Allowance, Free},
    packet::{Outgoing, Packet},
    peer::Kind,
    viewer::Viewer,
};

/// How much delivered time passes between two notices to the session.
const NOTICE: Duration = Duration::from_millis(100);

/// One viewer of a stream.
#[derive(Debug)]
pub(super) struct Watching {
    pub viewer: Arc<Viewer>,
    /// The video codec that was agreed on; without one the audio is what is metered.
    pub codec: Option<Codec>,
    video: Forwarder,
    audio: Forwarder,
    noticed: Duration,
    was_open: bool,
}

struct Metered<'a>(&'a Viewer);

impl Allowance for Metered<'_> {
    fn is_open(&self) -> bool {
        self.0.is_gate_open()
    }

    fn may_begin(&self) -> bool {
        self.0.is_open()
    }

    fn spend(&mut self, time: Duration) -> bool {
        self.0.spend(time)
    }

    fn replay(&mut self, time: Duration) -> bool {
        self.0.replay(time)
    }
}

impl Watching {
    pub fn new(viewer: Arc<Viewer>, codec: Option<Codec>) -> Self {
        // Sequence numbers begin in the lower half (RFC 3711, section 3.3.1: no early rollover).
        let forwarder = |codec: Codec| {
            Forwarder::new(
                codec.clock_rate(),
                rand::random::<u16>() >> 1,
                rand::random(),
            )
        };
        Watching {
            noticed: viewer.delivered(),
            viewer,
            codec,
            video: forwarder(codec.unwrap_or(Codec::H264)),
            audio: forwarder(Codec::Opus),
            was_open: false,
        }
    }

    /// What the viewer gets of a packet at the live edge. `picture_moves` tells whether the stream's video is not stalled.
    pub fn live(&mut self, kind: Kind, packet: &Packet, picture_moves: bool) -> Option<Outgoing> {
        match (kind, self.codec) {
            (Kind::Video, _) => self.video.live(packet, &mut Metered(&self.viewer)),
            (Kind::Audio, None) => self.audio.live(packet, &mut Metered(&self.viewer)),
            // Beside video, audio is not counted: it flows only while the video, which is, flows too.
            (Kind::Audio, Some(_)) => {
                let open = picture_moves && self.video.is_flowing() && self.viewer.is_gate_open();
                self.audio.live(packet, &mut Free(open))
            }
        }
    }

    /// What begins the viewer's picture without waiting for the next keyframe.
    pub fn replay(&mut self, cached: &[Packet]) -> Vec<Outgoing> {
        self.video.replay(cached, &mut Metered(&self.viewer))
    }

    /// Whether the viewer may watch and waits for a keyframe to begin with.
    pub fn wants_keyframe(&self) -> bool {
        self.codec.is_some() && self.viewer.is_open() && !self.video.is_flowing()
    }

    /// Tells the session what has changed.
    pub fn notice(&mut self) {
        let (delivered, open) = (self.viewer.delivered(), self.viewer.is_open());
        if open != self.was_open || delivered.saturating_sub(self.noticed) >= NOTICE {
            (self.noticed, self.was_open) = (delivered, open);
            self.viewer.notify();
        }
    }
}
