//! Frames out of RTP packets: put in order, put together, and begun at a keyframe. What comes from a provider is bounded and never trusted.

use std::collections::BTreeMap;

use rtc::rtp::Packet;

use super::matroska::VideoFormat;
use crate::media::Codec;
use crate::media::vp8;

/// A packet that is missing is waited for until so many others have come.
const MOST_WAITING: usize = 256;
/// The largest frame.
const MAX_FRAME: usize = 8 << 20;

const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_STAP_A: u8 = 24;
const NAL_FU_A: u8 = 28;

/// One picture, or one packet of sound.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// In ticks of the codec's clock; it does not wrap around.
    pub ticks: i64,
    pub key: bool,
    pub data: Vec<u8>,
}

/// The frames of one track.
pub(super) struct Assembly {
    codec: Codec,
    next: Option<i64>,
    waiting: BTreeMap<i64, Packet>,
    ticks: i64,
    /// The frame that is put together.
    frame: Option<Frame>,
    /// The H.264 unit that is put together.
    unit: Vec<u8>,
    /// Nothing is given before a keyframe, nor behind a hole.
    begun: bool,
    sets: [Vec<u8>; 2],
}

impl Assembly {
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            next: None,
            waiting: BTreeMap::new(),
            ticks: 0,
            frame: None,
            unit: Vec::new(),
            begun: codec == Codec::Opus,
            sets: Default::default(),
        }
    }

    /// Takes a packet; gives the frames that are whole with it.
    pub fn push(&mut self, packet: Packet) -> Vec<Frame> {
        let sequence = packet.header.sequence_number;
        let next = self.next.unwrap_or_else(|| i64::from(sequence));
        if self.next.is_none() {
            // The first time counts from where it is, and so does the first number.
            (self.next, self.ticks) = (Some(next), i64::from(packet.header.timestamp));
        }
        let place = next + i64::from(sequence.wrapping_sub(next as u16) as i16);
        if place >= next {
            self.waiting.insert(place, packet);
        }
        let mut frames = Vec::new();
        while let Some((place, _)) = self.waiting.first_key_value() {
            let place = *place;
            if Some(place) != self.next {
                if self.waiting.len() <= MOST_WAITING {
                    break;
                }
                self.hole();
            }
            self.next = Some(place + 1);
            if let Some((_, packet)) = self.waiting.pop_first() {
                self.take(&packet, &mut frames);
            }
        }
        frames
    }

    /// What the pictures are, once a keyframe has said it.
    pub fn format(&self, key: &Frame) -> Option<VideoFormat> {
        match self.codec {
            Codec::H264 => {
                let [sps, pps] = &self.sets;
                let (width, height) = picture_size(sps)?;
                Some(VideoFormat {
                    codec: "V_MPEG4/ISO/AVC",
                    private: configuration(sps, pps)?,
                    width,
                    height,
                })
            }
            Codec::Vp8 => {
                let size = |at| {
                    let bytes = [*key.data.get(at)?, *key.data.get(at + 1)?];
                    Some(u32::from(u16::from_le_bytes(bytes) & 0x3fff))
                };
                Some(VideoFormat {
                    codec: "V_VP8",
                    private: Vec::new(),
                    width: size(6)?,
                    height: size(8)?,
                })
            }
            Codec::Opus => None,
        }
    }

    fn hole(&mut self) {
        self.frame = None;
        self.unit.clear();
        self.begun = self.codec == Codec::Opus;
    }

    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) {
        if packet.payload.is_empty() {
            return;
        }
        let step = packet.header.timestamp.wrapping_sub(self.ticks as u32) as i32;
        let ticks = self.ticks + i64::from(step);
        self.ticks = ticks;
        if self
            .frame
            .as_ref()
            .is_some_and(|frame| frame.ticks != ticks)
        {
            self.give(frames);
        }
        let mut frame = self.frame.take().unwrap_or(Frame {
            ticks,
            key: self.codec == Codec::Opus,
            data: Vec::new(),
        });
        let sound = match self.codec {
            Codec::Opus => {
                frame.data.extend_from_slice(&packet.payload);
                Some(())
            }
            Codec::Vp8 => {
                frame.key |= vp8::starts_keyframe(&packet.payload);
                vp8::descriptor(&packet.payload)
                    .and_then(|found| packet.payload.get(found.len..))
                    .map(|data| frame.data.extend_from_slice(data))
            }
            Codec::H264 => self.h264(&packet.payload, &mut frame),
        };
        if sound.is_none() || frame.data.len() + self.unit.len() > MAX_FRAME {
            self.hole();
            return;
        }
        self.frame = Some(frame);
        if packet.header.marker || self.codec == Codec::Opus {
            self.give(frames);
        }
    }

    fn give(&mut self, frames: &mut Vec<Frame>) {
        let Some(frame) = self.frame.take().filter(|frame| !frame.data.is_empty()) else {
            return;
        };
        self.begun |= frame.key;
        if self.begun {
            frames.push(frame);
        }
    }

    /// A payload of RFC 6184; units stand in the frame behind their lengths.
    fn h264(&mut self, payload: &[u8], frame: &mut Frame) -> Option<()> {
        match payload.first()? & 0x1f {
            NAL_STAP_A => {
                let mut rest = &payload[1..];
                while let [high, low, ..] = *rest {
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    self.add(rest.get(2..2 + length)?, frame)?;
                    rest = &rest[2 + length..];
                }
                Some(())
            }
            NAL_FU_A => {
                let flags = *payload.get(1)?;
                if flags & 0x80 != 0 {
                    self.unit = vec![payload[0] & 0xe0 | flags & 0x1f];
                } else if self.unit.is_empty() {
                    return None;
                }
                self.unit.extend_from_slice(&payload[2..]);
                if flags & 0x40 != 0 {
                    let unit = std::mem::take(&mut self.unit);
                    self.add(&unit, frame)?;
                }
                Some(())
            }
            1..=23 => self.add(payload, frame),
            _ => None,
        }
    }

    fn add(&mut self, unit: &[u8], frame: &mut Frame) -> Option<()> {
        match unit.first()? & 0x1f {
            NAL_IDR => frame.key = true,
            NAL_SPS => self.sets[0] = unit.to_vec(),
            NAL_PPS => self.sets[1] = unit.to_vec(),
            _ => {}
        }
        let length = u32::try_from(unit.len()).ok()?;
        frame.data.extend_from_slice(&length.to_be_bytes());
        frame.data.extend_from_slice(unit);
        Some(())
    }
}

/// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15) of one set of each kind.
fn configuration(sps: &[u8], pps: &[u8]) -> Option<Vec<u8>> {
    let mut record = vec![1];
    record.extend_from_slice(sps.get(1..4)?);
    record.extend_from_slice(&[0xff, 0xe1]);
    for (set, behind) in [(sps, Some(1)), (pps, None)] {
        record.extend_from_slice(&u16::try_from(set.len()).ok()?.to_be_bytes());
        record.extend_from_slice(set);
        record.extend(behind);
    }
    Some(record)
}

/// Width and height out of a sequence parameter set (ITU-T H.264, 7.3.2.1.1) of the profiles that have no chroma format.
fn picture_size(sps: &[u8]) -> Option<(u32, u32)> {
    let profile = *sps.get(1)?;
    if !matches!(profile, 66 | 77 | 88) {
        return None;
    }
    let mut bits = Bits::of(sps.get(4..)?);
    bits.number()?;
    bits.number()?;
    match bits.number()? {
        0 => {
            bits.number()?;
        }
        1 => {
            bits.take(1)?;
            bits.number()?;
            bits.number()?;
            for _ in 0..bits.number()?.min(255) {
                bits.number()?;
            }
        }
        _ => {}
    }
    bits.number()?;
    bits.take(1)?;
    let width = bits.number()?.checked_add(1)?.checked_mul(16)?;
    let rows = bits.number()?.checked_add(1)?.checked_mul(16)?;
    let fields = 2 - bits.take(1)?;
    if fields == 2 {
        bits.take(1)?;
    }
    let height = rows.checked_mul(fields)?;
    bits.take(1)?;
    let mut cut = [0; 4];
    if bits.take(1)? == 1 {
        for side in &mut cut {
            *side = bits.number()?;
        }
    }
    let across = cut[0].checked_add(cut[1])?.checked_mul(2)?;
    let down = cut[2].checked_add(cut[3])?.checked_mul(2 * fields)?;
    Some((width.checked_sub(across)?, height.checked_sub(down)?))
}

/// Bits without the bytes that prevent start codes.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn of(unit: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(unit.len());
        for byte in unit {
            if *byte == 3 && bytes.ends_with(&[0, 0]) {
                continue;
            }
            bytes.push(*byte);
        }
        Self { bytes, at: 0 }
    }

    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// An unsigned Exp-Golomb number.
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::rtp::Header;

    use super::*;

    fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Packet {
        Packet {
            header: Header {
                sequence_number: sequence,
                timestamp,
                marker,
                ..Header::default()
            },
            payload: Bytes::copy_from_slice(payload),
        }
    }

    #[test]
    fn frames_are_put_in_order_and_begin_at_a_keyframe_also_behind_a_hole() {
        let mut assembly = Assembly::new(Codec::H264);
        let mut given = Vec::new();
        let mut push =
            |packet| given.extend(assembly.push(packet).iter().map(|f| (f.ticks, f.key)));
        push(packet(65_534, 100, true, &[0x41, 1, 2]));
        push(packet(0, 200, false, &[0x7c, 0x05, 2]));
        push(packet(65_535, 200, false, &[0x7c, 0x85, 1]));
        push(packet(1, 200, true, &[0x7c, 0x45, 3]));
        push(packet(1, 200, true, &[0x7c, 0x45, 3]));
        push(packet(2, 300, true, &[0x41, 1, 2]));
        // 3 never comes.
        for more in 0..=MOST_WAITING as u16 {
            push(packet(4 + more, 500 + u32::from(more), true, &[0x41, 1, 2]));
        }
        push(packet(1000, 2000, true, &[0x65, 1, 2]));
        assert_eq!(given, [(200, true), (300, false)]);
    }

    #[test]
    fn payloads_that_are_cut_short_give_nothing_and_break_nothing() {
        for payload in [
            &[0x78, 0][..],
            &[0x78, 0, 9, 1],
            &[0x78, 0, 1],
            &[0x7c],
            &[0x7c, 0x45],
            &[0x7c, 0x05, 1],
            &[0x1f, 1],
        ] {
            let mut assembly = Assembly::new(Codec::H264);
            assert!(assembly.push(packet(1, 1, true, payload)).is_empty());
        }
    }

    #[test]
    fn the_picture_s_size_is_read_from_its_parameter_set() {
        // Of libx264, constrained baseline.
        for (sps, size) in [
            (
                "6742c00cd901419f9f011000000300100000030320f142a480",
                (320, 180),
            ),
            (
                "6742c01fd9005005bb011000000300100000030320f1832480",
                (1280, 720),
            ),
            (
                "6742c01ed900a42fe224c044000003000400000300c83c58b920",
                (642, 362),
            ),
        ] {
            assert_eq!(picture_size(&hex::decode(sps).unwrap()), Some(size));
        }
        assert_eq!(picture_size(&[0x67, 66, 0]), None);
        assert_eq!(picture_size(&[]), None);
    }
}
