//! A Matroska file (RFC 9559), written from its begin to its end: readable as far as it has been written.

use std::io::{Seek, SeekFrom, Write};

/// A cluster holds at most so many milliseconds: block times in it are 16 bits.
const CLUSTER_MS: u64 = 5000;
/// And is written once it holds so many bytes: time may stand still, and memory is not endless.
const CLUSTER_BYTES: usize = 4 << 20;

const VIDEO: u8 = 1;
const AUDIO: u8 = 2;

/// What the pictures are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VideoFormat {
    /// `V_MPEG4/ISO/AVC` or `V_VP8`.
    pub codec: &'static str,
    /// The AVCDecoderConfigurationRecord, for H.264.
    pub private: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Which track a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Video,
    Audio,
}

/// A file that is written.
pub(super) struct Matroska<W> {
    out: W,
    cluster: Vec<u8>,
    cluster_ms: u64,
    duration_at: u64,
    end_ms: u64,
}

impl<W: Write + Seek> Matroska<W> {
    /// Writes what stands before the frames.
    pub fn begin(mut out: W, video: Option<&VideoFormat>, audio: bool) -> std::io::Result<Self> {
        let mut head = Vec::new();
        let mut ebml = Vec::new();
        for (id, value) in [(0x4286, 1), (0x42f7, 1), (0x42f2, 4), (0x42f3, 8)] {
            number(&mut ebml, id, value);
        }
        element(&mut ebml, 0x4282, b"matroska");
        number(&mut ebml, 0x4287, 4);
        number(&mut ebml, 0x4285, 2);
        element(&mut head, 0x1a45_dfa3, &ebml);
        // The segment is as long as the file.
        head.extend_from_slice(&[0x18, 0x53, 0x80, 0x67, 0x01]);
        head.extend_from_slice(&[0xff; 7]);

        let mut info = Vec::new();
        number(&mut info, 0x2a_d7b1, 1_000_000);
        element(&mut info, 0x4d80, b"paystream");
        element(&mut info, 0x5741, b"paystream");
        element(&mut info, 0x4489, &0f64.to_be_bytes());
        element(&mut head, 0x1549_a966, &info);
        let duration_at = head.len() as u64 - 8;

        let mut tracks = Vec::new();
        if let Some(format) = video {
            element(&mut tracks, 0xae, &video_track(format));
        }
        if audio {
            element(&mut tracks, 0xae, &audio_track());
        }
        element(&mut head, 0x1654_ae6b, &tracks);
        out.write_all(&head)?;
        Ok(Self {
            out,
            cluster: Vec::new(),
            cluster_ms: 0,
            duration_at,
            end_ms: 0,
        })
    }

    /// Adds a frame. Those of one track come in order; the tracks may be a little apart.
    pub fn frame(&mut self, track: Track, ms: u64, key: bool, data: &[u8]) -> std::io::Result<()> {
        let full = ms > self.cluster_ms + CLUSTER_MS || (key && track == Track::Video);
        let full = full || self.cluster.len() >= CLUSTER_BYTES;
        let apart = i16::try_from(ms.abs_diff(self.cluster_ms)).is_err();
        if self.cluster.is_empty() || full || apart {
            self.flush()?;
            self.cluster_ms = ms;
            number(&mut self.cluster, 0xe7, ms);
        }
        // Less than 2^15 apart.
        let relative = (ms as i64 - self.cluster_ms as i64) as i16;
        let mut block = Vec::with_capacity(data.len() + 4);
        block.push(0x80 | if track == Track::Video { VIDEO } else { AUDIO });
        block.extend_from_slice(&relative.to_be_bytes());
        block.push(if key { 0x80 } else { 0 });
        block.extend_from_slice(data);
        element(&mut self.cluster, 0xa3, &block);
        self.end_ms = self.end_ms.max(ms);
        Ok(())
    }

    /// Writes what is left, and the duration.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.flush()?;
        self.out.seek(SeekFrom::Start(self.duration_at))?;
        self.out.write_all(&(self.end_ms as f64).to_be_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.cluster.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(self.cluster.len() + 16);
        element(&mut whole, 0x1f43_b675, &self.cluster);
        self.cluster.clear();
        self.out.write_all(&whole)
    }
}

fn video_track(format: &VideoFormat) -> Vec<u8> {
    let mut track = track(VIDEO, 1, format.codec);
    if !format.private.is_empty() {
        element(&mut track, 0x63a2, &format.private);
    }
    let mut video = Vec::new();
    number(&mut video, 0xb0, u64::from(format.width));
    number(&mut video, 0xba, u64::from(format.height));
    element(&mut track, 0xe0, &video);
    track
}

fn audio_track() -> Vec<u8> {
    let mut track = track(AUDIO, 2, "A_OPUS");
    // OpusHead (RFC 7845): version 1, two channels, nothing to skip, 48 kHz.
    element(
        &mut track,
        0x63a2,
        b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00",
    );
    number(&mut track, 0x56bb, 80_000_000);
    let mut audio = Vec::new();
    element(&mut audio, 0xb5, &48_000f64.to_be_bytes());
    number(&mut audio, 0x9f, 2);
    element(&mut track, 0xe1, &audio);
    track
}

fn track(id: u8, kind: u64, codec: &str) -> Vec<u8> {
    let mut track = Vec::new();
    number(&mut track, 0xd7, u64::from(id));
    number(&mut track, 0x73c5, u64::from(id));
    number(&mut track, 0x83, kind);
    number(&mut track, 0x9c, 0);
    element(&mut track, 0x86, codec.as_bytes());
    track
}

fn number(out: &mut Vec<u8>, id: u32, value: u64) {
    element(out, id, &value.to_be_bytes());
}

/// The id as it stands, a length of eight bytes, and the content.
fn element(out: &mut Vec<u8>, id: u32, content: &[u8]) {
    let id = id.to_be_bytes();
    let zeros = id.iter().take_while(|byte| **byte == 0).count();
    out.extend_from_slice(&id[zeros..]);
    let length = (content.len() as u64) | 1 << 56;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn frames_whose_time_stands_still_do_not_fill_the_memory() {
        let mut file = Matroska::begin(Cursor::new(Vec::new()), None, true).unwrap();
        let data = vec![0; 1 << 20];
        for _ in 0..20 {
            file.frame(Track::Audio, 0, true, &data).unwrap();
            assert!(file.cluster.len() < CLUSTER_BYTES + 2 * data.len());
        }
        let written = file.finish().unwrap().into_inner();
        assert!(written.len() > 20 * data.len());
    }
}
