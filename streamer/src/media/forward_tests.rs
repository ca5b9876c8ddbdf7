use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::media::meter::admits;

/// A viewer's gate and limit without threads.
struct Till {
    open: bool,
    limit: Duration,
    delivered: Duration,
    replays: bool,
}

impl Till {
    fn new(limit_ms: u64) -> Self {
        Till {
            open: true,
            limit: Duration::from_millis(limit_ms),
            delivered: Duration::ZERO,
            replays: true,
        }
    }
}

impl Allowance for Till {
    fn is_open(&self) -> bool {
        self.open
    }

    fn may_begin(&self) -> bool {
        self.open && self.delivered < self.limit
    }

    fn spend(&mut self, time: Duration) -> bool {
        let passes = self.open && admits(self.delivered, self.limit, time);
        if passes {
            self.delivered += time;
        }
        passes
    }

    fn replay(&mut self, _time: Duration) -> bool {
        self.replays
    }
}

const FRAME: i64 = 3000;

/// Packet `n` of a stream of two packets a frame, 30 frames a second, a keyframe every ten.
fn packet(n: i64) -> Packet {
    let frame = n / 2;
    Packet {
        seq: 70_000 + n,
        ts: 900_000 + frame * FRAME,
        marker: n % 2 == 1,
        key: frame % 10 == 0 && n % 2 == 0,
        picture: None,
        tl0: None,
        payload: Bytes::from_static(&[1]),
    }
}

fn forwarder() -> Forwarder {
    Forwarder::new(90_000, 100, 7)
}

#[test]
fn nothing_passes_before_a_keyframe_and_nothing_without_an_allowance() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(0));
    assert_eq!(
        forwarder.live(&packet(0), &mut till),
        None,
        "not even a keyframe without an allowance"
    );
    assert!(
        forwarder.replay(&[packet(0)], &mut till).is_empty(),
        "nor a replay"
    );
    till.limit = Duration::from_millis(1);
    assert_eq!(
        forwarder.live(&packet(2), &mut till),
        None,
        "no keyframe yet"
    );
    let key = forwarder.live(&packet(20), &mut till).expect("a keyframe");
    assert_eq!((key.seq, key.marker), (101, false));
    assert!(
        forwarder.live(&packet(21), &mut till).is_some(),
        "the rest of its frame"
    );
    assert!(
        forwarder.live(&packet(22), &mut till).is_some(),
        "the frame that uses up the limit"
    );
    assert_eq!(forwarder.live(&packet(24), &mut till), None, "used up");
    assert!(!forwarder.is_flowing());
}

#[test]
fn the_limit_stops_at_the_frame_and_counts_what_passed() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(100));
    let passed = (0..40)
        .filter(|n| forwarder.live(&packet(*n), &mut till).is_some())
        .count();
    // The keyframe, and the frames at 33, 67, 100 and 133 ms: below 100 ms another one may begin.
    assert_eq!(passed, 2 * 4 + 2);
    assert_eq!(till.delivered.as_millis(), 133);
    till.limit = Duration::from_millis(200);
    let resumed: Vec<Outgoing> = (40..46)
        .filter_map(|n| forwarder.live(&packet(n), &mut till))
        .collect();
    assert_eq!(resumed.len(), 6);
    assert_eq!(resumed[0].seq, 101 + 10, "no hole in the sequence");
    assert_eq!(
        resumed[0].ts,
        (packet(40).ts + 7) as u32,
        "timestamps have moved on"
    );
    assert_eq!(
        till.delivered.as_millis(),
        133 + 66,
        "the pause is not counted"
    );
}

#[test]
fn a_limit_raised_in_time_leaves_no_trace() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(100));
    for n in 0..8 {
        assert!(forwarder.live(&packet(n), &mut till).is_some());
    }
    till.limit = Duration::from_secs(1);
    assert!(
        forwarder.replay(&[packet(0)], &mut till).is_empty(),
        "it flows already"
    );
    assert_eq!(
        forwarder.live(&packet(8), &mut till).map(|out| out.seq),
        Some(109)
    );
}

#[test]
fn a_viewer_who_was_given_enough_begins_at_the_next_keyframe() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(1000));
    till.replays = false;
    let cached: Vec<Packet> = (0..12).map(packet).collect();
    assert!(forwarder.replay(&cached, &mut till).is_empty());
    assert_eq!(forwarder.live(&packet(12), &mut till), None);
    assert!(forwarder.live(&packet(20), &mut till).is_some());
}

#[test]
fn a_replay_is_squeezed_before_the_live_edge_and_free() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(1000));
    let cached: Vec<Packet> = (20..32).map(packet).collect();
    let replayed = forwarder.replay(&cached, &mut till);
    assert_eq!(replayed.len(), 12);
    assert!(
        replayed
            .windows(2)
            .all(|pair| pair[1].seq == pair[0].seq + 1)
    );
    let edge = (packet(31).ts + 7) as u32;
    assert_eq!(replayed[11].ts, edge);
    assert_eq!(
        replayed[0].ts,
        edge - 5 * 90,
        "six frames, a millisecond apart"
    );
    assert_eq!(till.delivered, Duration::ZERO);
    assert_eq!(
        forwarder.live(&packet(31), &mut till),
        None,
        "it was replayed"
    );
    let live = forwarder
        .live(&packet(32), &mut till)
        .expect("the next frame");
    assert_eq!(
        (live.seq, live.ts),
        (replayed[11].seq + 1, (packet(32).ts + 7) as u32)
    );
    assert_eq!(till.delivered.as_millis(), 33);
}

#[test]
fn a_long_cache_fits_into_a_short_pause() {
    let (mut forwarder, mut till) = (forwarder(), Till::new(10_000));
    for n in 0..10 {
        forwarder.live(&packet(n), &mut till);
    }
    till.open = false;
    assert_eq!(forwarder.live(&packet(10), &mut till), None);
    till.open = true;
    let cached: Vec<Packet> = (0..12).map(packet).collect();
    let last = packet(9).ts + 7;
    let replayed = forwarder.replay(&cached, &mut till);
    assert!(
        replayed.iter().all(|out| i64::from(out.ts) > last),
        "timestamps never go back"
    );
}

#[test]
fn vp8_picture_ids_have_no_hole_after_a_pause() {
    let vp8 = |n: i64| Packet {
        payload: Bytes::from(vec![
            0x90,
            0xc0,
            0x80 | ((n >> 8) & 0x7f) as u8,
            (n & 0xff) as u8,
            n as u8,
            0,
        ]),
        picture: Some(n),
        tl0: Some(n),
        ts: n * FRAME,
        seq: n,
        key: n % 10 == 0,
        marker: true,
    };
    let (mut forwarder, mut till) = (forwarder(), Till::new(100_000));
    for n in 100..105 {
        assert_eq!(
            forwarder.live(&vp8(n), &mut till).map(|out| out.payload),
            Some(vp8(n).payload),
            "untouched before a pause"
        );
    }
    till.open = false;
    forwarder.live(&vp8(105), &mut till);
    till.open = true;
    for (n, expected) in (110..115).zip(105..) {
        let out = forwarder.live(&vp8(n), &mut till).expect("flowing");
        let numbers = vp8::descriptor(&out.payload).expect("a descriptor");
        assert_eq!(
            numbers.picture.map(|id| i64::from(id.value)),
            Some(expected)
        );
        assert_eq!(
            numbers.tl0.map(|(_, value)| i64::from(value)),
            Some(expected)
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Packet,
    Lost,
    Gate(bool),
    Limit(u64),
    Replay,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => Just(Step::Packet),
        1 => Just(Step::Lost),
        1 => any::<bool>().prop_map(Step::Gate),
        1 => (0u64..400).prop_map(Step::Limit),
        1 => Just(Step::Replay),
    ];
    prop::collection::vec(step, 0..600)
}

proptest! {
    #[test]
    fn a_viewer_sees_no_hole_but_real_loss_and_pays_for_no_more_than_the_limit(steps in steps()) {
        let (mut forwarder, mut till, mut n) = (forwarder(), Till::new(0), 0);
        let mut cached: Vec<Packet> = Vec::new();
        let mut last: Option<(i64, Outgoing)> = None;
        let mut frames = std::collections::BTreeSet::new();
        for step in steps {
            let mut begins = !forwarder.is_flowing();
            let mut sent: Vec<(i64, Outgoing)> = Vec::new();
            match step {
                Step::Gate(open) => till.open = open,
                Step::Limit(more) => till.limit = till.limit.max(till.delivered + Duration::from_millis(more)),
                Step::Lost => n += 1,
                Step::Replay => {
                    sent.extend(cached.iter().map(|packet| packet.seq).zip(forwarder.replay(&cached, &mut till)));
                }
                Step::Packet => {
                    let next = packet(n);
                    n += 1;
                    if next.key {
                        cached.clear();
                    }
                    if next.key || !cached.is_empty() {
                        cached.push(next.clone());
                    }
                    if let Some(out) = forwarder.live(&next, &mut till) {
                        frames.insert(next.ts);
                        sent.push((next.seq, out));
                    }
                }
            }
            for (seq, out) in sent {
                prop_assert!(till.open, "nothing passes a shut gate");
                if let Some((last_seq, last)) = &last {
                    let expected = if begins { 1 } else { seq - last_seq };
                    prop_assert_eq!(i64::from(out.seq.wrapping_sub(last.seq)), expected, "only what was lost is missing");
                    prop_assert!(out.ts.wrapping_sub(last.ts) < 1 << 31, "time does not go back");
                }
                begins = false;
                last = Some((seq, out));
            }
            prop_assert!(till.delivered <= till.limit + crate::media::meter::OVERSHOOT);
        }
        prop_assert!(till.delivered <= Duration::from_micros(33_334) * u32::try_from(n).expect("small"), "no more than time itself");
        prop_assert!(!frames.is_empty() || till.delivered.is_zero(), "what is not sent is not counted");
    }
}
