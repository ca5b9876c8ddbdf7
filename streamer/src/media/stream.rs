//! A stream: who publishes it, its tracks, who watches it.

use std::time::{Duration, Instant, SystemTime};

use alloy::primitives::B256;

use super::{
    board::StreamStatus,
    codec::Codec,
    packet::Packet,
    peer::{Formats, Kind},
    resource::ResourceId,
    track::{Received, Track},
};

/// Without media for this long a stream is not live.
const SILENCE: Duration = Duration::from_secs(3);
/// Without a picture for this long the sound waits for it.
const STALL: Duration = Duration::from_secs(1);
/// A publisher is asked for a keyframe at most twice a second.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Stream {
    pub publisher: Option<ResourceId>,
    pub viewers: Vec<ResourceId>,
    pub video: Option<Track>,
    pub audio: Option<Track>,
    since: SystemTime,
    asked_at: Option<Instant>,
}

impl Stream {
    pub fn new() -> Self {
        Stream {
            publisher: None,
            viewers: Vec::new(),
            video: None,
            audio: None,
            since: SystemTime::now(),
            asked_at: None,
        }
    }

    /// A publisher takes the stream over. Answers the one before, if it is another.
    pub fn take_over(&mut self, publisher: ResourceId, formats: &Formats) -> Option<ResourceId> {
        let renew = |track: &mut Option<Track>, codec: Option<Codec>| match (track.as_mut(), codec)
        {
            (Some(track), Some(codec)) if track.codec() == codec => track.replace_source(),
            _ => *track = codec.map(Track::new),
        };
        renew(
            &mut self.video,
            formats.video.as_ref().map(|format| format.codec),
        );
        renew(
            &mut self.audio,
            formats.audio.as_ref().map(|format| format.codec),
        );
        self.since = SystemTime::now();
        self.publisher
            .replace(publisher)
            .filter(|before| *before != publisher)
    }

    pub fn video_codec(&self) -> Option<Codec> {
        self.video.as_ref().map(Track::codec)
    }

    pub fn receive(&mut self, kind: Kind, received: Received, now: Instant) -> Option<Packet> {
        let track = match kind {
            Kind::Video => self.video.as_mut(),
            Kind::Audio => self.audio.as_mut(),
        };
        track?.receive(received, now)
    }

    /// What a viewer can begin with.
    pub fn cached(&self) -> &[Packet] {
        self.video
            .as_ref()
            .map_or(&[], |track| track.cache.packets())
    }

    pub fn picture_moves(&self, now: Instant) -> bool {
        heard_within(self.video.as_ref(), STALL, now)
    }

    pub fn is_live(&self, now: Instant) -> bool {
        let metered = self.video.as_ref().or(self.audio.as_ref());
        self.publisher.is_some() && heard_within(metered, SILENCE, now)
    }

    /// Drops the cache of a stream that has fallen silent: it is no picture of now.
    pub fn expire(&mut self, now: Instant) {
        if !self.is_live(now)
            && let Some(video) = self.video.as_mut()
        {
            video.cache.clear();
        }
    }

    /// Whether the publisher may be asked for a keyframe again; if so, that it was is noted.
    pub fn may_ask(&mut self, now: Instant) -> Option<ResourceId> {
        let rests = self
            .asked_at
            .is_some_and(|at| now.duration_since(at) < KEYFRAME_INTERVAL);
        let publisher = self.publisher.filter(|_| !rests)?;
        self.asked_at = Some(now);
        Some(publisher)
    }

    pub fn status(&self, content: B256, now: Instant) -> StreamStatus {
        StreamStatus {
            content,
            live: self.is_live(now),
            video: self.video_codec(),
            audio: self.audio.is_some(),
            viewers: self.viewers.len(),
            since: self.since,
        }
    }
}

fn heard_within(track: Option<&Track>, bound: Duration, now: Instant) -> bool {
    track
        .and_then(Track::last_at)
        .is_some_and(|at| now.saturating_duration_since(at) < bound)
}
