//! What a file is called, and how it is cut.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::EthStorageError;
use super::blob::{BLOB_CHUNK_SIZE, MAX_BLOBS};

/// Bytes of a chunk that becomes code: a contract's code has at most 24,576, and 326 of them are not data.
pub const CHUNK_SIZE: usize = 24 * 1024 - 326;
/// The longest name.
pub const MAX_NAME: usize = 128;

/// A file's name, good in an address as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FileName {
    type Err = EthStorageError;

    fn from_str(text: &str) -> Result<Self, EthStorageError> {
        let plain =
            |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let good = (1..=MAX_NAME).contains(&text.len())
            && text.chars().all(plain)
            && !text.starts_with('.');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(EthStorageError::NameInvalid(
                text.chars().take(MAX_NAME).collect(),
            ))
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a file is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As code on the chain: dear, there for as long as the chain, and read from any node.
    #[default]
    Calldata,
    /// In blobs (EIP-4844): usually for a small part of that, in chunks five times as large. The chain keeps their hashes for ever and
    /// EthStorage's nodes the data, which are paid for that in advance, and are who reads it.
    Blobs,
}

impl Mode {
    /// The most bytes of a chunk.
    #[must_use]
    pub const fn chunk_size(self) -> usize {
        match self {
            Self::Calldata => CHUNK_SIZE,
            Self::Blobs => BLOB_CHUNK_SIZE,
        }
    }

    /// The most chunks of a transaction.
    pub(super) const fn batch(self) -> usize {
        match self {
            Self::Calldata => 1,
            Self::Blobs => MAX_BLOBS,
        }
    }

    /// What the contract calls it.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Calldata => 1,
            Self::Blobs => 2,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calldata => "calldata",
            Self::Blobs => "blobs",
        })
    }
}

/// The file's chunks, each with its number.
pub fn chunks(file: &[u8], mode: Mode) -> impl Iterator<Item = (u64, &[u8])> {
    (0..).zip(file.chunks(mode.chunk_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_an_address_are_refused() {
        for good in ["a", "film.mp4", "A-b_c.9"] {
            assert_eq!(good.parse::<FileName>().unwrap().as_str(), good);
        }
        let long = "x".repeat(MAX_NAME + 1);
        for bad in [
            "", ".", "..", ".hidden", "a/b", "a b", "ä", "a?b", "a#b", "%2e", &long,
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_chunks_are_the_file() {
        let modes = [Mode::Calldata, Mode::Blobs];
        let sizes = modes.map(|mode| (mode, mode.chunk_size()));
        for (mode, size) in sizes.into_iter().flat_map(|(mode, chunk)| {
            [1, chunk - 1, chunk, chunk + 1, 3 * chunk].map(|size| (mode, size))
        }) {
            let file: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let parts: Vec<_> = chunks(&file, mode).collect();
            assert_eq!(parts.len(), size.div_ceil(mode.chunk_size()));
            assert!(
                parts
                    .iter()
                    .enumerate()
                    .all(|(index, (number, _))| index as u64 == *number)
            );
            let joined: Vec<u8> = parts
                .into_iter()
                .flat_map(|(_, part)| part.to_vec())
                .collect();
            assert_eq!(joined, file);
        }
    }
}
