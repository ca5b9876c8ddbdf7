//! What a file is called, and how it is cut.

use std::fmt;
use std::str::FromStr;

use super::EthStorageError;

/// Bytes of a chunk: a contract's code has at most 24,576, and 326 of them are not data.
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

/// The file's chunks, each with its number.
pub fn chunks(file: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    (0..).zip(file.chunks(CHUNK_SIZE))
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
        for size in [
            1,
            CHUNK_SIZE - 1,
            CHUNK_SIZE,
            CHUNK_SIZE + 1,
            3 * CHUNK_SIZE,
        ] {
            let file: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let parts: Vec<_> = chunks(&file).collect();
            assert_eq!(parts.len(), size.div_ceil(CHUNK_SIZE));
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
