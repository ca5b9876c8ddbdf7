//! From a publisher to its viewers: who publishes, what each viewer gets of it, and when a keyframe is asked for.

use std::time::Instant;

use alloy::primitives::B256;

use super::Driver;
use crate::media::{packet::Packet, peer::Kind, resource::ResourceId};

impl Driver {
    pub(super) fn connected(&mut self, resource: ResourceId, now: Instant) {
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
    pub(super) fn begin_picture(&mut self, resource: ResourceId, now: Instant) {
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

    pub(super) fn fan_out(&mut self, content: B256, packets: &[(Kind, Packet)], now: Instant) {
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

    pub(super) fn ask_for_keyframe(&mut self, content: B256, now: Instant) {
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
}
