//! The VP8 payload descriptor (RFC 7741, section 4.2): reading it, and giving a picture new numbers.
//!
//! A decoder takes a hole in the picture ids for lost pictures, so a viewer whose stream was paused needs them renumbered.

use bytes::Bytes;

/// Where the numbers stand in a payload, and what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub picture: Option<PictureId>,
    /// (offset, value)
    pub tl0: Option<(usize, u8)>,
    /// Length of the descriptor: where the VP8 payload header begins.
    pub len: usize,
}

/// A picture id and its width on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureId {
    pub at: usize,
    pub value: u16,
    /// 15 bits when true, otherwise 7.
    pub long: bool,
}

/// Reads the descriptor; `None` when the payload is too short to be VP8.
pub(crate) fn descriptor(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let mut found = Descriptor {
        len: 1,
        ..Descriptor::default()
    };
    if first & 0x80 == 0 {
        return Some(found);
    }
    let flags = *payload.get(1)?;
    let mut at = 2;
    if flags & 0x80 != 0 {
        let high = *payload.get(at)?;
        let long = high & 0x80 != 0;
        let value = if long {
            u16::from_be_bytes([high & 0x7f, *payload.get(at + 1)?])
        } else {
            u16::from(high)
        };
        found.picture = Some(PictureId { at, value, long });
        at += if long { 2 } else { 1 };
    }
    if flags & 0x40 != 0 {
        found.tl0 = Some((at, *payload.get(at)?));
        at += 1;
    }
    if flags & 0x30 != 0 {
        at += 1;
    }
    found.len = at;
    Some(found)
}

/// Whether this is the first packet of a key frame.
pub(crate) fn starts_keyframe(payload: &[u8]) -> bool {
    let starts_partition = payload.first().is_some_and(|first| first & 0x1f == 0x10);
    starts_partition
        && descriptor(payload)
            .and_then(|d| payload.get(d.len))
            .is_some_and(|header| header & 1 == 0)
}

/// The payload with other numbers; the widths on the wire stay as they are.
pub(super) fn renumber(payload: &Bytes, picture: Option<i64>, tl0: Option<i64>) -> Bytes {
    let Some(found) = descriptor(payload) else {
        return payload.clone();
    };
    let mut out = payload.to_vec();
    if let (Some(id), Some(picture)) = (found.picture, picture) {
        if id.long {
            let [high, low] = ((picture & 0x7fff) as u16 | 0x8000).to_be_bytes();
            out[id.at] = high;
            out[id.at + 1] = low;
        } else {
            out[id.at] = (picture & 0x7f) as u8;
        }
    }
    if let (Some((at, _)), Some(tl0)) = (found.tl0, tl0) {
        out[at] = (tl0 & 0xff) as u8;
    }
    Bytes::from(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_descriptor_is_read_in_all_its_widths() {
        assert_eq!(
            descriptor(&[0x10, 0]),
            Some(Descriptor {
                len: 1,
                ..Descriptor::default()
            })
        );
        let long = descriptor(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0]).expect("complete");
        assert_eq!(
            long.picture,
            Some(PictureId {
                at: 2,
                value: 0x102,
                long: true
            })
        );
        assert_eq!((long.tl0, long.len), (Some((4, 7)), 6));
        let short = descriptor(&[0x90, 0x80, 0x7f, 0]).expect("complete");
        assert_eq!(
            short.picture,
            Some(PictureId {
                at: 2,
                value: 0x7f,
                long: false
            })
        );
        assert_eq!(descriptor(&[0x90, 0x80, 0x80]), None);
    }

    #[test]
    fn only_the_first_packet_of_a_key_frame_starts_one() {
        assert!(starts_keyframe(&[0x10, 0x00]));
        assert!(starts_keyframe(&[0x90, 0x80, 0x11, 0x00]));
        assert!(!starts_keyframe(&[0x10, 0x01]), "an interframe");
        assert!(!starts_keyframe(&[0x00, 0x00]), "a continuation");
        assert!(!starts_keyframe(&[0x11, 0x00]), "another partition");
        assert!(!starts_keyframe(&[0x10]));
    }

    proptest! {
        #[test]
        fn renumbering_writes_exactly_the_new_numbers(payload: Vec<u8>, picture in 0i64..1 << 40, tl0 in 0i64..1 << 40) {
            let payload = Bytes::from(payload);
            let out = renumber(&payload, Some(picture), Some(tl0));
            prop_assert_eq!(out.len(), payload.len());
            prop_assert_eq!(starts_keyframe(&out), starts_keyframe(&payload));
            if let Some(found) = descriptor(&out) {
                if let Some(id) = found.picture {
                    prop_assert_eq!(i64::from(id.value), picture & if id.long { 0x7fff } else { 0x7f });
                }
                if let Some((_, value)) = found.tl0 {
                    prop_assert_eq!(i64::from(value), tl0 & 0xff);
                }
            }
        }
    }
}
