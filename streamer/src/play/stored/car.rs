//! A CAR (version 1) as it arrives, block by block. What it says is checked by whoever takes the blocks.

use anyhow::anyhow;
use bytes::{Bytes, BytesMut};
use cid::Cid;

use crate::play::stop::Stop;
use crate::store::block::MAX_BLOCK;

/// A block with its CID; CIDs are far shorter than this. A length has at most five bytes then.
const MAX_SECTION: usize = MAX_BLOCK + 256;
const MAX_LENGTH_BYTES: usize = 5;

/// An answer that is read.
pub(super) struct Car {
    response: reqwest::Response,
    buffer: BytesMut,
    header: bool,
}

impl Car {
    pub fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            buffer: BytesMut::new(),
            header: false,
        }
    }

    /// The next block, unchecked; `None` at the end. It may be cancelled.
    pub async fn next(&mut self) -> Result<Option<(Cid, Bytes)>, Stop> {
        loop {
            if let Some(section) = take_section(&mut self.buffer)? {
                // The header names the roots, and the root is known.
                if !std::mem::replace(&mut self.header, true) {
                    continue;
                }
                let mut rest = &section[..];
                let cid = Cid::read_bytes(&mut rest)
                    .map_err(|error| anyhow!("the provider's CAR has no CID: {error}"))?;
                return Ok(Some((cid, section.slice_ref(rest))));
            }
            let cut = |error| Stop::Broken(format!("the answer broke off: {error}"));
            match self.response.chunk().await.map_err(cut)? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Stop::Broken("the answer ends within a block".to_owned())),
            }
        }
    }
}

/// A section without its length, when it is all there.
fn take_section(buffer: &mut BytesMut) -> anyhow::Result<Option<Bytes>> {
    let (mut length, mut width) = (0usize, 0);
    loop {
        if width == MAX_LENGTH_BYTES {
            anyhow::bail!("the provider's CAR has a block that is too large");
        }
        let Some(byte) = buffer.get(width).copied() else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7f) << (7 * width);
        width += 1;
        if byte < 0x80 {
            break;
        }
    }
    if length > MAX_SECTION {
        anyhow::bail!("the provider's CAR has a block that is too large");
    }
    if buffer.len() < width + length {
        return Ok(None);
    }
    let mut section = buffer.split_to(width + length).freeze();
    Ok(Some(section.split_off(width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_taken_when_they_are_whole_and_refused_when_they_are_too_large() {
        let mut buffer = BytesMut::from(&b"\x03ab"[..]);
        assert_eq!(take_section(&mut buffer).unwrap(), None);
        buffer.extend_from_slice(b"c\x01d");
        assert_eq!(take_section(&mut buffer).unwrap().unwrap(), "abc");
        assert_eq!(take_section(&mut buffer).unwrap().unwrap(), "d");
        assert_eq!(take_section(&mut buffer).unwrap(), None);
        for endless in [&b"\xff\xff\xff\xff\xff\xff"[..], b"\xff\xff\xff\x7f"] {
            assert!(take_section(&mut BytesMut::from(endless)).is_err());
        }
    }
}
