//! The boxes of a fragmented MP4 that its index is made from: tracks, their codecs, and when the samples of a fragment are shown.

use super::IndexError;

/// A track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub id: u32,
    pub timescale: u32,
    /// As RFC 6381 has it.
    pub codec: String,
    pub width: u32,
    pub height: u32,
    /// What the edit list takes off at the begin.
    skipped: i64,
    default_duration: u32,
}

/// The tracks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movie {
    pub video: Track,
    pub audio: Option<Track>,
}

/// When a fragment is shown, in units of the picture's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    /// When its first picture is shown; `None` when it has none.
    pub shown: Option<i64>,
    /// When the last of it ends.
    pub ends: i64,
}

/// The most samples of one run.
const MAX_SAMPLES: u32 = 1 << 20;

const SHORT: IndexError = IndexError::Odd("a box is too short");

/// A box: its type, and what is in it.
type Body<'a> = ([u8; 4], &'a [u8]);

/// Reads a box from its front to its back.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], IndexError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, IndexError> {
        Ok(self.bytes(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, IndexError> {
        let bytes = self.bytes(2)?.try_into().map_err(|_| SHORT)?;
        Ok(u16::from_be_bytes(bytes))
    }

    fn u32(&mut self) -> Result<u32, IndexError> {
        let bytes = self.bytes(4)?.try_into().map_err(|_| SHORT)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, IndexError> {
        let bytes = self.bytes(8)?.try_into().map_err(|_| SHORT)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The next box: its type and what is in it.
    fn next(&mut self) -> Result<Option<Body<'a>>, IndexError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let length = self.u32()? as usize;
        let kind = self.bytes(4)?.try_into().map_err(|_| SHORT)?;
        let body = self.bytes(length.checked_sub(8).ok_or(SHORT)?)?;
        Ok(Some((kind, body)))
    }
}

/// All boxes of this type in a box.
fn all<'a>(body: &'a [u8], wanted: &[u8; 4]) -> Result<Vec<&'a [u8]>, IndexError> {
    let mut reader = Reader(body);
    let mut found = Vec::new();
    while let Some((kind, body)) = reader.next()? {
        if &kind == wanted {
            found.push(body);
        }
    }
    Ok(found)
}

/// The box at the end of a path of types.
fn at<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Result<Option<&'a [u8]>, IndexError> {
    let mut body = body;
    for kind in path {
        match all(body, kind)?.first() {
            Some(found) => body = found,
            None => return Ok(None),
        }
    }
    Ok(Some(body))
}

fn needed<'a>(body: &'a [u8], path: &[&[u8; 4]]) -> Result<&'a [u8], IndexError> {
    at(body, path)?.ok_or(IndexError::Odd("a box is missing"))
}

/// Reads a `moov`.
pub(super) fn movie(moov: &[u8]) -> Result<Movie, IndexError> {
    let (mut video, mut audio) = (None, None);
    for trak in all(moov, b"trak")? {
        let kind = needed(trak, &[b"mdia", b"hdlr"])?;
        match kind.get(8..12).ok_or(SHORT)? {
            b"vide" => video = video.or(Some(track(moov, trak)?)),
            b"soun" => audio = audio.or(Some(track(moov, trak)?)),
            _ => {}
        }
    }
    Ok(Movie {
        video: video.ok_or(IndexError::Odd("there is no picture in it"))?,
        audio,
    })
}

fn track(moov: &[u8], trak: &[u8]) -> Result<Track, IndexError> {
    let mut tkhd = Reader(needed(trak, &[b"tkhd"])?);
    let long = tkhd.u32()? >> 24 == 1;
    tkhd.bytes(if long { 16 } else { 8 })?;
    let id = tkhd.u32()?;
    let mut mdhd = Reader(needed(trak, &[b"mdia", b"mdhd"])?);
    let long = mdhd.u32()? >> 24 == 1;
    mdhd.bytes(if long { 16 } else { 8 })?;
    let timescale = mdhd.u32()?;
    if timescale == 0 {
        return Err(IndexError::Odd("a track has no timescale"));
    }
    let mut default_duration = 0;
    for trex in all(needed(moov, &[b"mvex"])?, b"trex")? {
        let mut trex = Reader(trex);
        trex.u32()?;
        if trex.u32()? == id {
            trex.u32()?;
            default_duration = trex.u32()?;
        }
    }
    let mut stsd = Reader(needed(trak, &[b"mdia", b"minf", b"stbl", b"stsd"])?);
    stsd.bytes(8)?;
    let (kind, entry) = stsd.next()?.ok_or(SHORT)?;
    let (codec, width, height) = codec(&kind, entry)?;
    Ok(Track {
        id,
        timescale,
        codec,
        width,
        height,
        skipped: skipped(trak)?,
        default_duration,
    })
}

/// What the edit list takes off: the media time of its first entry that is not empty.
fn skipped(trak: &[u8]) -> Result<i64, IndexError> {
    let Some(elst) = at(trak, &[b"edts", b"elst"])? else {
        return Ok(0);
    };
    let mut elst = Reader(elst);
    let long = elst.u32()? >> 24 == 1;
    for _ in 0..elst.u32()? {
        let media_time = if long {
            elst.u64()?;
            elst.u64()?.cast_signed()
        } else {
            elst.u32()?;
            i64::from(elst.u32()?.cast_signed())
        };
        elst.u32()?;
        if media_time >= 0 {
            return Ok(media_time);
        }
    }
    Ok(0)
}

/// The codec's name in MIME types, and the picture's size.
fn codec(kind: &[u8; 4], entry: &[u8]) -> Result<(String, u32, u32), IndexError> {
    let mut reader = Reader(entry);
    reader.bytes(8)?;
    match kind {
        b"avc1" => {
            reader.bytes(16)?;
            let (width, height) = (reader.u16()?, reader.u16()?);
            reader.bytes(50)?;
            let avcc = needed(reader.0, &[b"avcC"])?;
            let [profile, constraints, level] = avcc
                .get(1..4)
                .and_then(|bytes| <[u8; 3]>::try_from(bytes).ok())
                .ok_or(SHORT)?;
            let name = format!("avc1.{profile:02x}{constraints:02x}{level:02x}");
            Ok((name, width.into(), height.into()))
        }
        b"mp4a" => {
            reader.bytes(20)?;
            let esds = needed(reader.0, &[b"esds"])?;
            Ok((format!("mp4a.40.{}", audio_object_type(esds)?), 0, 0))
        }
        _ => Err(IndexError::Odd("it has a codec that is not written here")),
    }
}

/// The audio object type in the decoder's configuration (ISO/IEC 14496-1, 7.2.6; 14496-3, 1.6.2).
fn audio_object_type(esds: &[u8]) -> Result<u8, IndexError> {
    let mut reader = Reader(esds);
    reader.u32()?;
    descriptor(&mut reader, 3)?;
    reader.u16()?;
    let flags = reader.u8()?;
    reader.bytes(if flags & 0x80 == 0 { 0 } else { 2 })?;
    descriptor(&mut reader, 4)?;
    reader.bytes(13)?;
    descriptor(&mut reader, 5)?;
    let config = reader.u16()?;
    let kind = (config >> 11) as u8;
    Ok(if kind == 31 {
        32 + ((config >> 5) & 0x3f) as u8
    } else {
        kind
    })
}

fn descriptor(reader: &mut Reader<'_>, tag: u8) -> Result<(), IndexError> {
    if reader.u8()? != tag {
        return Err(IndexError::Odd("its sound is described in an odd way"));
    }
    // The length is in groups of 7 bits; the last has no high bit.
    for _ in 0..4 {
        if reader.u8()? & 0x80 == 0 {
            return Ok(());
        }
    }
    Err(SHORT)
}

/// Reads a `moof`.
pub(super) fn fragment(moof: &[u8], movie: &Movie) -> Result<Fragment, IndexError> {
    let mut shown: Option<i64> = None;
    let mut ends = i64::MIN;
    for traf in all(moof, b"traf")? {
        let mut tfhd = Reader(needed(traf, &[b"tfhd"])?);
        let flags = tfhd.u32()?;
        let id = tfhd.u32()?;
        let picture = id == movie.video.id;
        let track = match &movie.audio {
            _ if picture => &movie.video,
            Some(audio) if audio.id == id => audio,
            Some(_) | None => continue,
        };
        if flags & 1 != 0 {
            return Err(IndexError::Odd("its fragments cannot be moved"));
        }
        tfhd.bytes(if flags & 2 == 0 { 0 } else { 4 })?;
        let default_duration = if flags & 8 == 0 {
            track.default_duration
        } else {
            tfhd.u32()?
        };
        let mut tfdt = Reader(needed(traf, &[b"tfdt"])?);
        let long = tfdt.u32()? >> 24 == 1;
        let base = if long {
            tfdt.u64()?
        } else {
            u64::from(tfdt.u32()?)
        };
        let mut decoded = i64::try_from(base)
            .map_err(|_| SHORT)?
            .saturating_sub(track.skipped);
        for trun in all(traf, b"trun")? {
            let times = run(trun, decoded, default_duration)?;
            decoded = times.decoded;
            let Some((first, last)) = times.shown else {
                continue;
            };
            if picture {
                shown = Some(shown.map_or(first, |shown| shown.min(first)));
                ends = ends.max(last);
            } else {
                let last = i128::from(last) * i128::from(movie.video.timescale)
                    / i128::from(track.timescale);
                ends = ends.max(i64::try_from(last).map_err(|_| SHORT)?);
            }
        }
    }
    Ok(Fragment { shown, ends })
}

struct Run {
    /// Where the next run begins.
    decoded: i64,
    /// When the first of its samples is shown, and when the last has been.
    shown: Option<(i64, i64)>,
}

fn run(trun: &[u8], begin: i64, default_duration: u32) -> Result<Run, IndexError> {
    let mut trun = Reader(trun);
    let flags = trun.u32()?;
    let signed = flags >> 24 != 0;
    let count = trun.u32()?;
    if count > MAX_SAMPLES {
        return Err(IndexError::Odd("a fragment has too many samples"));
    }
    trun.bytes(if flags & 1 == 0 { 0 } else { 4 })?;
    trun.bytes(if flags & 4 == 0 { 0 } else { 4 })?;
    let mut result = Run {
        decoded: begin,
        shown: None,
    };
    for _ in 0..count {
        let duration = if flags & 0x100 == 0 {
            default_duration
        } else {
            trun.u32()?
        };
        trun.bytes(if flags & 0x200 == 0 { 0 } else { 4 })?;
        trun.bytes(if flags & 0x400 == 0 { 0 } else { 4 })?;
        let offset = match (flags & 0x800 != 0, signed) {
            (false, _) => 0,
            (true, false) => i64::from(trun.u32()?),
            (true, true) => i64::from(trun.u32()?.cast_signed()),
        };
        let at = result.decoded.saturating_add(offset);
        let end = at.saturating_add(i64::from(duration));
        result.shown = Some(match result.shown {
            None => (at, end),
            Some((first, last)) => (first.min(at), last.max(end)),
        });
        result.decoded = result.decoded.saturating_add(i64::from(duration));
    }
    Ok(result)
}
