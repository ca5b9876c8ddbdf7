//! The codecs that pass through, and where a fresh decoder can begin.

use super::vp8;

/// A codec that the engine forwards. It never transcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264, (constrained) baseline profile, RFC 6184.
    H264,
    /// VP8, RFC 7741.
    Vp8,
    /// Opus, RFC 7587.
    Opus,
}

impl Codec {
    /// The RTP clock rate, in ticks per second.
    pub fn clock_rate(self) -> u32 {
        match self {
            Codec::H264 | Codec::Vp8 => 90_000,
            Codec::Opus => 48_000,
        }
    }

    /// The media type, as in SDP.
    pub fn mime(self) -> &'static str {
        match self {
            Codec::H264 => "video/H264",
            Codec::Vp8 => "video/VP8",
            Codec::Opus => "audio/opus",
        }
    }

    /// Whether a decoder that has seen nothing can begin with this RTP payload.
    pub(super) fn starts_decoding(self, payload: &[u8]) -> bool {
        match self {
            Codec::Opus => true,
            Codec::Vp8 => vp8::starts_keyframe(payload),
            Codec::H264 => h264_starts_decoding(payload),
        }
    }
}

const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_STAP_A: u8 = 24;
const NAL_FU_A: u8 = 28;

/// A sequence parameter set (alone or in a STAP-A) begins a decodable sequence, and so does an IDR slice whose
/// parameter sets came out of band or earlier.
fn h264_starts_decoding(payload: &[u8]) -> bool {
    let begins = |nal: u8| matches!(nal & 0x1f, NAL_SPS | NAL_IDR);
    let Some(&header) = payload.first() else {
        return false;
    };
    match header & 0x1f {
        NAL_SPS | NAL_IDR => true,
        NAL_STAP_A => {
            let mut rest = &payload[1..];
            while let [high, low, nal, ..] = *rest {
                if begins(nal) {
                    return true;
                }
                let length = usize::from(u16::from_be_bytes([high, low]));
                let Some(next) = rest.get(2 + length..) else {
                    return false;
                };
                rest = next;
            }
            false
        }
        NAL_FU_A => payload
            .get(1)
            .is_some_and(|fu| fu & 0x80 != 0 && fu & 0x1f == NAL_IDR),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_begins_at_parameter_sets_and_idr_slices() {
        for (payload, begins) in [
            (&[0x67, 0x42][..], true),
            (&[0x65, 0x88], true),
            (&[0x41, 0x9a], false),
            (&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68], true),
            (&[0x78, 0, 1, 0x68, 0, 1, 0x67], true),
            (&[0x78, 0, 1, 0x68], false),
            (&[0x78, 0xff, 0xff, 0x68], false),
            (&[0x7c, 0x85], true),
            (&[0x7c, 0x05], false),
            (&[0x7c], false),
            (&[], false),
        ] {
            assert_eq!(
                Codec::H264.starts_decoding(payload),
                begins,
                "{payload:02x?}"
            );
        }
    }
}
