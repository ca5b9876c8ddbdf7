//! The packets since the last keyframe, so that a viewer who joins or resumes has a picture at once.
//!
//! Publishers may ignore requests for keyframes, so waiting for the next one would take as long as they please.

use super::packet::Packet;

/// Enough for two seconds at 8 Mbit/s, and a burst that a viewer can take; a stream beyond it is joined at its next keyframe.
const MAX_BYTES: usize = 2 << 20;
const MAX_PACKETS: usize = 2048;

/// Packets in order from a keyframe on, or nothing. Never a run with its beginning missing.
#[derive(Debug, Default)]
pub(super) struct GopCache {
    packets: Vec<Packet>,
    bytes: usize,
}

impl GopCache {
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    pub fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    pub fn push(&mut self, packet: &Packet) {
        // Several packets of a keyframe look like its beginning; only the first of them begins a run.
        if packet.key
            && self
                .packets
                .first()
                .is_none_or(|first| packet.ts > first.ts)
        {
            self.clear();
        } else if self.packets.is_empty() {
            return;
        }
        let at = self
            .packets
            .partition_point(|cached| cached.seq < packet.seq);
        let begins = at == 0 && !self.packets.is_empty();
        let doubled = self
            .packets
            .get(at)
            .is_some_and(|cached| cached.seq == packet.seq);
        if begins || doubled {
            return;
        }
        self.bytes += packet.payload.len();
        self.packets.insert(at, packet.clone());
        if self.bytes > MAX_BYTES || self.packets.len() > MAX_PACKETS {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(seq: i64, ts: i64, key: bool, size: usize) -> Packet {
        Packet {
            seq,
            ts,
            marker: true,
            key,
            picture: None,
            tl0: None,
            payload: Bytes::from(vec![0; size]),
        }
    }

    fn sequence(cache: &GopCache) -> Vec<i64> {
        cache.packets().iter().map(|packet| packet.seq).collect()
    }

    #[test]
    fn the_cache_begins_at_the_last_keyframe_and_is_in_order() {
        let mut cache = GopCache::default();
        cache.push(&packet(1, 10, false, 1));
        assert!(cache.packets().is_empty());
        for p in [
            packet(2, 20, true, 1),
            packet(3, 20, true, 1),
            packet(5, 30, false, 1),
            packet(4, 20, false, 1),
            packet(5, 30, false, 1),
            packet(1, 10, false, 1),
        ] {
            cache.push(&p);
        }
        assert_eq!(sequence(&cache), [2, 3, 4, 5]);
        cache.push(&packet(6, 40, true, 1));
        assert_eq!(sequence(&cache), [6]);
    }

    #[test]
    fn a_run_over_the_bound_is_dropped_whole() {
        let mut cache = GopCache::default();
        cache.push(&packet(0, 0, true, 1));
        for seq in 1..20 {
            cache.push(&packet(seq, seq, false, MAX_BYTES / 10));
        }
        assert!(cache.packets().is_empty());
        cache.push(&packet(30, 30, true, 1));
        assert_eq!(sequence(&cache), [30]);
    }
}
