//! The one index in front of a prepared file (ISO/IEC 14496-12, 8.16.3), made from the fragments that ffmpeg wrote. Pure but for the reading.
//!
//! ffmpeg's own global index is one box for each track, and they repeat each other; ours is the picture's alone. What is written is `ftyp`,
//! `moov`, `sidx`, and then the fragments byte by byte as they are: they hold no offsets from the begin of the file (`default-base-is-moof`).

mod boxes;

use std::io::{Cursor, Read, Seek, SeekFrom};

use self::boxes::{Fragment, Movie, fragment, movie};

/// The largest `moov` and `moof` that are read.
const MAX_BOX: u64 = 64 << 20;

/// The index cannot be made: the file is not what ffmpeg writes.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    #[error("the prepared file cannot be indexed: {0}")]
    Odd(&'static str),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a prepared file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexed {
    /// What stands in front of the fragments.
    pub head: Vec<u8>,
    /// Where the fragments begin in the file that was read; they go to its end.
    pub fragments_begin: u64,
    /// Bytes of head and fragments together.
    pub size: u64,
    pub duration_ms: u64,
    /// With codecs, for Media Source Extensions.
    pub mime_type: String,
    pub width: u32,
    pub height: u32,
    /// The longest subsegment.
    pub longest_ms: u64,
}

/// Reads a fragmented file and makes its index.
pub(super) fn index(file: &mut (impl Read + Seek)) -> Result<Indexed, IndexError> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    let mut described: Option<Movie> = None;
    let mut begin = None;
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < end {
        let (kind, header, length) = header(file, end - at)?;
        match &kind {
            b"ftyp" | b"moov" => {
                if begin.is_some() {
                    return Err(IndexError::Odd("its description comes after its media"));
                }
                let bytes = whole(file, at, length)?;
                if &kind == b"moov" {
                    described = Some(movie(&bytes[header..])?);
                }
                head.extend(bytes);
            }
            b"moof" => {
                let described = described
                    .as_ref()
                    .ok_or(IndexError::Odd("it has no moov"))?;
                let bytes = whole(file, at, length)?;
                begin.get_or_insert(at);
                let times = fragment(&bytes[header..], described)?;
                note(&mut parts, times, length)?;
            }
            // Whatever stands between or behind the fragments belongs to the one before.
            _ => {
                if begin.is_some() {
                    let last = parts
                        .last_mut()
                        .ok_or(IndexError::Odd("it has no fragment"))?;
                    last.bytes = last.bytes.saturating_add(length);
                }
            }
        }
        at += length;
        file.seek(SeekFrom::Start(at))?;
    }
    let described = described.ok_or(IndexError::Odd("it has no moov"))?;
    let begin = begin.ok_or(IndexError::Odd("there is no picture in it"))?;
    finish(head, &described, begin, end, &parts)
}

/// A subsegment.
struct Part {
    bytes: u64,
    /// When its first picture is shown, in units of the picture's timescale.
    shown: i64,
    /// When the last of it has been shown or heard.
    ends: i64,
}

fn note(parts: &mut Vec<Part>, times: Fragment, bytes: u64) -> Result<(), IndexError> {
    match (times.shown, parts.last_mut()) {
        (Some(shown), last) => {
            if last.is_some_and(|last| shown <= last.shown) {
                return Err(IndexError::Odd("its fragments are not in order"));
            }
            parts.push(Part {
                bytes,
                shown,
                ends: times.ends,
            });
        }
        // Sound that goes on when the picture has ended.
        (None, Some(last)) => {
            last.bytes += bytes;
            last.ends = last.ends.max(times.ends);
        }
        (None, None) => return Err(IndexError::Odd("it does not begin with a picture")),
    }
    Ok(())
}

fn finish(
    mut head: Vec<u8>,
    movie: &Movie,
    begin: u64,
    end: u64,
    parts: &[Part],
) -> Result<Indexed, IndexError> {
    let timescale = u64::from(movie.video.timescale);
    let odd = || IndexError::Odd("a time or a size does not fit");
    let count = u16::try_from(parts.len())
        .map_err(|_| IndexError::Odd("it has too many keyframes for one index"))?;
    let first = parts.first().ok_or_else(odd)?;
    let ends = parts.iter().map(|part| part.ends).max().ok_or_else(odd)?;
    let mut entries = Vec::with_capacity(parts.len() * 12);
    let (mut total, mut longest) = (0, 0);
    for (position, part) in parts.iter().enumerate() {
        let until = parts.get(position + 1).map_or(ends, |next| next.shown);
        let duration = u32::try_from(until.saturating_sub(part.shown)).map_err(|_| odd())?;
        let bytes = u32::try_from(part.bytes)
            .ok()
            .filter(|bytes| *bytes < 1 << 31)
            .ok_or_else(odd)?;
        entries.extend(bytes.to_be_bytes());
        entries.extend(duration.to_be_bytes());
        // Begins with a stream access point of type 1, no time after the subsegment's begin.
        entries.extend((1_u32 << 31 | 1 << 28).to_be_bytes());
        total += u64::from(duration);
        longest = longest.max(u64::from(duration));
    }
    if total == 0 {
        return Err(IndexError::Odd("it lasts no time"));
    }
    let length = u32::try_from(8 + 32 + entries.len()).map_err(|_| odd())?;
    head.extend(length.to_be_bytes());
    head.extend(b"sidx");
    head.extend([1, 0, 0, 0]);
    head.extend(movie.video.id.to_be_bytes());
    head.extend(movie.video.timescale.to_be_bytes());
    head.extend(u64::try_from(first.shown).unwrap_or(0).to_be_bytes());
    head.extend(0_u64.to_be_bytes());
    head.extend([0, 0]);
    head.extend(count.to_be_bytes());
    head.extend(entries);
    Ok(Indexed {
        size: head.len() as u64 + (end - begin),
        head,
        fragments_begin: begin,
        duration_ms: total * 1000 / timescale,
        mime_type: mime_type(movie),
        width: movie.video.width,
        height: movie.video.height,
        longest_ms: longest * 1000 / timescale,
    })
}

/// What the head of a streamable file says: its type with codecs, width and height.
pub(super) fn describe(head: &[u8]) -> Result<(String, u32, u32), IndexError> {
    let mut file = Cursor::new(head);
    let end = head.len() as u64;
    let mut at = 0;
    while at < end {
        let (kind, header, length) = header(&mut file, end - at)?;
        if &kind == b"moov" {
            let bytes = whole(&mut file, at, length)?;
            let movie = movie(&bytes[header..])?;
            return Ok((mime_type(&movie), movie.video.width, movie.video.height));
        }
        at += length;
        file.seek(SeekFrom::Start(at))?;
    }
    Err(IndexError::Odd("it has no moov"))
}

/// With codecs, for Media Source Extensions.
fn mime_type(movie: &Movie) -> String {
    let video = movie.video.codec.as_str();
    match &movie.audio {
        Some(audio) => format!("video/mp4; codecs=\"{video}, {}\"", audio.codec),
        None => format!("video/mp4; codecs=\"{video}\""),
    }
}

/// A box's type, the length of its header, and its length with it.
fn header(file: &mut impl Read, left: u64) -> Result<([u8; 4], usize, u64), IndexError> {
    let mut start = [0; 8];
    file.read_exact(&mut start)?;
    let [a, b, c, d, kind @ ..] = start;
    let (header, length) = match u32::from_be_bytes([a, b, c, d]) {
        1 => {
            let mut large = [0; 8];
            file.read_exact(&mut large)?;
            (16, u64::from_be_bytes(large))
        }
        0 => (8, left),
        length => (8, u64::from(length)),
    };
    if length < header as u64 || length > left {
        return Err(IndexError::Odd("a box is longer than its file"));
    }
    Ok((kind, header, length))
}

fn whole(file: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, IndexError> {
    if length > MAX_BOX {
        return Err(IndexError::Odd("a box is too large"));
    }
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.by_ref().take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(IndexError::Odd("it breaks off"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
