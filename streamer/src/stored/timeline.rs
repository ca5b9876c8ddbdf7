//! The timeline of a stored video: from a byte of the file to a millisecond of its media. Pure.
//!
//! It is read from the head of a fragmented MP4 (ISO/IEC 14496-12): `ftyp` first, and before any media `moov` and the segment index
//! `sidx` (8.16.3). The first `sidx` counts; further ones before the media belong to other tracks. The index must be flat, every
//! subsegment must have bytes, the subsegments must lie in the file, and behind the last there is at most [`MAX_TAIL`]: else a part
//! of the media would stand outside of the index and cost nothing.
//!
//! Both sides of a payment compute [`Timeline::at`] (docs/protocol.md, section 12.3), so `vectors/timeline.json` holds for both.

/// The index must end within so many bytes of the file's begin.
pub const MAX_HEAD: u64 = 4 * 1024 * 1024;
/// So many bytes may follow the last subsegment: an `mfra` box, for those who write one.
pub const MAX_TAIL: u64 = 1024 * 1024;
/// The boxes that may stand before the index.
const MAX_BOXES: usize = 64;

/// Why a file has no timeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// The head that was given is too short: so many bytes of the file are needed.
    #[error("the first {needed} bytes of the file are needed")]
    Incomplete {
        /// How many bytes from the file's begin.
        needed: u64,
    },
    /// Not an ISO media file: it does not begin with `ftyp`.
    #[error("the file is not an MP4: it does not begin with an ftyp box")]
    NotMp4,
    /// There is no index before the media.
    #[error("the file has no segment index (sidx) before its media")]
    NoIndex,
    /// The index points to further indexes.
    #[error("the file's segment index is hierarchical; a flat one is needed")]
    Hierarchical,
    /// The index says less than it must, or something that cannot be.
    #[error("the file's head cannot be used: {0}")]
    Malformed(&'static str),
    /// The head is larger than [`MAX_HEAD`].
    #[error("the file's index does not end within its first {MAX_HEAD} bytes")]
    TooLarge,
}

impl TimelineError {
    /// The error's name, as the vectors have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete",
            Self::NotMp4 => "not_mp4",
            Self::NoIndex => "no_index",
            Self::Hierarchical => "hierarchical",
            Self::Malformed(_) => "malformed",
            Self::TooLarge => "too_large",
        }
    }
}

/// Where a subsegment begins, in the file and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    byte: u64,
    /// In units of the timescale, from the begin of the first subsegment.
    time: u64,
}

/// What every byte of a file is worth in milliseconds of media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    timescale: u32,
    /// One for each subsegment, and one for the end of the last: never empty, rising in bytes, not falling in time.
    marks: Vec<Mark>,
}

impl Timeline {
    /// Reads the head of a file of `file_size` bytes.
    ///
    /// # Errors
    /// [`TimelineError::Incomplete`] asks for a longer head; the others are final.
    pub fn parse(head: &[u8], file_size: u64) -> Result<Self, TimelineError> {
        let mut boxes = Boxes {
            head,
            file_size,
            at: 0,
        };
        if boxes.next()?.is_none_or(|first| first.kind != *b"ftyp") {
            return Err(TimelineError::NotMp4);
        }
        let mut has_moov = false;
        for _ in 1..MAX_BOXES {
            let Some(found) = boxes.next()? else {
                return Err(TimelineError::NoIndex);
            };
            match &found.kind {
                b"moof" | b"mdat" => return Err(TimelineError::NoIndex),
                b"sidx" if has_moov => {
                    return Self::from_index(found.body(head)?, &found, file_size);
                }
                b"sidx" => return Err(TimelineError::Malformed("sidx stands before moov")),
                b"moov" => has_moov = true,
                _ => {}
            }
        }
        Err(TimelineError::Malformed("too many boxes before sidx"))
    }

    fn from_index(body: &[u8], index: &Found, file_size: u64) -> Result<Self, TimelineError> {
        let mut fields = Fields(body);
        let version = fields.u32()? >> 24;
        let _track = fields.u32()?;
        let timescale = fields.u32()?;
        if timescale == 0 {
            return Err(TimelineError::Malformed("the timescale is zero"));
        }
        let first_offset = match version {
            0 => {
                fields.u32()?;
                u64::from(fields.u32()?)
            }
            1 => {
                fields.u64()?;
                fields.u64()?
            }
            _ => return Err(TimelineError::Malformed("an unknown version of sidx")),
        };
        let count = fields.u32()? & 0xffff;
        let beyond = TimelineError::Malformed("the index reaches beyond the file");
        let byte = index.end.checked_add(first_offset).ok_or(beyond.clone())?;
        let mut mark = Mark { byte, time: 0 };
        let mut marks = Vec::with_capacity(count as usize + 1);
        marks.push(mark);
        for _ in 0..count {
            let reference = fields.u32()?;
            let duration = fields.u32()?;
            let _access_point = fields.u32()?;
            if reference >> 31 == 1 {
                return Err(TimelineError::Hierarchical);
            }
            if reference == 0 {
                return Err(TimelineError::Malformed("a subsegment has no bytes"));
            }
            let byte = mark.byte.checked_add(u64::from(reference));
            mark = Mark {
                byte: byte.ok_or(beyond.clone())?,
                time: mark.time + u64::from(duration),
            };
            marks.push(mark);
        }
        if !fields.0.is_empty() {
            return Err(TimelineError::Malformed("sidx is longer than its entries"));
        }
        if mark.byte > file_size {
            return Err(beyond);
        }
        if file_size - mark.byte > MAX_TAIL {
            return Err(TimelineError::Malformed(
                "the index does not cover the whole file",
            ));
        }
        let timeline = Self { timescale, marks };
        if timeline.duration_ms() == 0 {
            return Err(TimelineError::Malformed("the media has no duration"));
        }
        Ok(timeline)
    }

    /// Where the byte at `offset` stands, in whole milliseconds: `T(o)` of docs/protocol.md, section 12.3. It never falls with `offset`.
    #[must_use]
    pub fn at(&self, offset: u64) -> u64 {
        let behind = self.marks.partition_point(|mark| mark.byte <= offset);
        let (Some(from), to) = (
            behind
                .checked_sub(1)
                .and_then(|index| self.marks.get(index)),
            self.marks.get(behind),
        ) else {
            return 0;
        };
        let Some(to) = to else {
            return self.milliseconds(u128::from(from.time), 1);
        };
        let bytes = u128::from(to.byte - from.byte);
        let duration = u128::from(to.time - from.time);
        let units = u128::from(from.time) * bytes + duration * u128::from(offset - from.byte);
        self.milliseconds(units, bytes)
    }

    /// What the file's bytes `[from, to)` cost, in milliseconds of media.
    #[must_use]
    pub fn cost(&self, from: u64, to: u64) -> u64 {
        self.at(to).saturating_sub(self.at(from))
    }

    /// The whole duration.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.marks
            .last()
            .map_or(0, |end| self.milliseconds(u128::from(end.time), 1))
    }

    /// The first byte of the first subsegment: what stands before it costs nothing.
    #[must_use]
    pub fn media_begin(&self) -> u64 {
        self.marks.first().map_or(0, |mark| mark.byte)
    }

    /// `units / bytes`, in units of the timescale, as whole milliseconds. An index has at most 65,535 entries of 32 bits each, so
    /// nothing here comes near the bounds of its type.
    fn milliseconds(&self, units: u128, bytes: u128) -> u64 {
        let ms = units * 1000 / (u128::from(self.timescale) * bytes);
        u64::try_from(ms).unwrap_or(u64::MAX)
    }
}

/// A box of the top level.
struct Found {
    kind: [u8; 4],
    begin: u64,
    end: u64,
}

impl Found {
    /// The box's content, when the head holds all of it.
    fn body<'a>(&self, head: &'a [u8]) -> Result<&'a [u8], TimelineError> {
        let (begin, end) = (usize::try_from(self.begin), usize::try_from(self.end));
        match (begin, end) {
            (Ok(begin), Ok(end)) if self.end <= MAX_HEAD => head
                .get(begin..end)
                .ok_or(TimelineError::Incomplete { needed: self.end }),
            _ => Err(TimelineError::TooLarge),
        }
    }
}

/// Walks over the boxes of the top level (ISO/IEC 14496-12, 4.2).
struct Boxes<'a> {
    head: &'a [u8],
    file_size: u64,
    at: u64,
}

impl Boxes<'_> {
    fn next(&mut self) -> Result<Option<Found>, TimelineError> {
        if self.at == self.file_size {
            return Ok(None);
        }
        let mut header = Fields(self.read(8)?);
        let short = header.u32()?;
        let kind = header.u32()?.to_be_bytes();
        let (length, header_length) = match short {
            0 => (self.file_size - self.at, 8),
            1 => {
                let mut large = Fields(self.read(16)?);
                large.u64()?;
                (large.u64()?, 16)
            }
            short => (u64::from(short), 8),
        };
        let end = self.at.checked_add(length);
        let Some(end) = end.filter(|end| *end <= self.file_size) else {
            return Err(TimelineError::Malformed("a box reaches beyond the file"));
        };
        if length < header_length {
            return Err(TimelineError::Malformed("a box is shorter than its header"));
        }
        let begin = self.at + header_length;
        self.at = end;
        Ok(Some(Found { kind, begin, end }))
    }

    /// The next bytes, without going on.
    fn read(&self, length: u64) -> Result<&[u8], TimelineError> {
        let needed = self.at + length;
        if needed > MAX_HEAD {
            return Err(TimelineError::TooLarge);
        }
        if needed > self.file_size {
            return Err(TimelineError::Malformed("the file ends within a box"));
        }
        let range = usize::try_from(self.at)
            .ok()
            .zip(usize::try_from(needed).ok());
        range
            .and_then(|(from, to)| self.head.get(from..to))
            .ok_or(TimelineError::Incomplete { needed })
    }
}

/// Reads integers, most significant byte first.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], TimelineError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(TimelineError::Malformed("a box ends within a field"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, TimelineError> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, TimelineError> {
        self.take().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
#[path = "timeline/tests.rs"]
mod tests;
