use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    timelines: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Accepted {
    name: String,
    size: u64,
    head: String,
    media_begin: u64,
    duration_ms: u64,
    times: Vec<(u64, u64)>,
    leaf_bytes: u64,
    leaf_costs_ms: Option<Vec<u64>>,
}

#[derive(Deserialize)]
struct Refused {
    name: String,
    size: u64,
    head: String,
    error: String,
    needed: Option<u64>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../vectors/timeline.json")).unwrap()
}

#[test]
fn the_shared_vectors_hold() {
    for vector in vectors().timelines {
        let head = hex::decode(&vector.head).unwrap();
        let timeline = Timeline::parse(&head, vector.size).expect(&vector.name);
        assert_eq!(
            timeline.media_begin(),
            vector.media_begin,
            "{}",
            vector.name
        );
        assert_eq!(
            timeline.duration_ms(),
            vector.duration_ms,
            "{}",
            vector.name
        );
        for (offset, ms) in vector.times {
            assert_eq!(timeline.at(offset), ms, "{} at {offset}", vector.name);
        }
        let costs: Vec<_> = (0..vector.size)
            .step_by(usize::try_from(vector.leaf_bytes).unwrap())
            .map(|from| timeline.cost(from, (from + vector.leaf_bytes).min(vector.size)))
            .collect();
        assert_eq!(costs.iter().sum::<u64>(), vector.duration_ms);
        if let Some(expected) = vector.leaf_costs_ms {
            assert_eq!(costs, expected, "{}", vector.name);
        }
    }
}

#[test]
fn a_head_that_cannot_be_used_is_refused_for_what_is_wrong_with_it() {
    for vector in vectors().refused {
        let head = hex::decode(&vector.head).unwrap();
        let error = Timeline::parse(&head, vector.size).expect_err(&vector.name);
        assert_eq!(error.name(), vector.error, "{}: {error}", vector.name);
        if let TimelineError::Incomplete { needed } = error {
            assert_eq!(Some(needed), vector.needed, "{}", vector.name);
        }
    }
}

#[test]
fn a_head_read_bit_by_bit_asks_for_more_until_it_suffices() {
    for vector in vectors().timelines {
        let head = hex::decode(&vector.head).unwrap();
        let mut given = 0;
        let (timeline, rounds) = (1..)
            .find_map(|round| match Timeline::parse(&head[..given], vector.size) {
                Ok(timeline) => Some((timeline, round)),
                Err(TimelineError::Incomplete { needed }) => {
                    let needed = usize::try_from(needed).unwrap();
                    assert!(needed > given, "{}", vector.name);
                    given = needed;
                    None
                }
                Err(error) => panic!("{}: {error}", vector.name),
            })
            .unwrap();
        assert_eq!(timeline.duration_ms(), vector.duration_ms);
        assert!(rounds <= 10, "{}: {rounds} rounds", vector.name);
    }
}

fn index(timescale: u32, references: &[(u32, u32)]) -> Vec<u8> {
    let mut head = b"\0\0\0\x08ftyp\0\0\0\x08moov".to_vec();
    let length = 8 + 24 + 12 * u32::try_from(references.len()).unwrap();
    let fields = [length, u32::from_be_bytes(*b"sidx"), 0, 1, timescale, 0, 0];
    let count = u32::try_from(references.len()).unwrap();
    for field in fields.into_iter().chain([count]) {
        head.extend(field.to_be_bytes());
    }
    for (bytes, duration) in references {
        for field in [*bytes, *duration, 0] {
            head.extend(field.to_be_bytes());
        }
    }
    head
}

proptest! {
    /// However a file is cut into leaves, they cost its duration in all, and none costs less than nothing.
    #[test]
    fn the_leaves_of_any_partition_cost_the_duration_in_all(
        timescale in 1u32..=u32::MAX,
        references in prop::collection::vec((1u32..0x7fff_ffff, any::<u32>()), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let head = index(timescale, &references);
        let bytes: u64 = references.iter().map(|(bytes, _)| u64::from(*bytes)).sum();
        let size = head.len() as u64 + bytes;
        let timeline = match Timeline::parse(&head, size) {
            Ok(timeline) => timeline,
            Err(error) => {
                prop_assert_eq!(error, TimelineError::Malformed("the media has no duration"));
                return Ok(());
            }
        };
        let size_index = usize::try_from(size).unwrap();
        let mut ends: Vec<u64> = cuts.iter().map(|cut| cut.index(size_index) as u64).collect();
        ends.push(size);
        ends.sort_unstable();
        let (mut from, mut sum) = (0, 0);
        for end in ends {
            prop_assert!(timeline.at(end) >= timeline.at(from));
            sum += timeline.cost(from, end);
            from = end;
        }
        prop_assert_eq!(sum, timeline.duration_ms());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        size in any::<u64>(),
        begin in any::<bool>(),
    ) {
        if begin {
            let mut head = index(1000, &[(10, 10)]);
            head.truncate(44);
            head.append(&mut bytes);
            bytes = head;
        }
        let _ = Timeline::parse(&bytes, size);
    }
}
