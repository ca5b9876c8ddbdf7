//! A contract's code as the compiler leaves it, with holes where the constructor writes its immutables.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::Bytes;
use serde::Deserialize;

/// The code that a contract has on the chain, but for its immutables.
#[derive(Debug, Clone)]
pub struct RuntimeCode {
    code: Bytes,
    /// By the immutable (its node in the syntax tree): everywhere its value stands.
    immutables: BTreeMap<String, Vec<Hole>>,
}

/// A place for an immutable's value: solc's `immutableReferences`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Hole {
    /// Its first byte.
    pub start: usize,
    /// Its bytes.
    pub length: usize,
}

/// Where code is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is longer or shorter.
    Length {
        /// The bytes it should have.
        expected: usize,
        /// The bytes it has.
        found: usize,
    },
    /// A byte outside the immutables differs.
    Byte {
        /// The first such byte.
        offset: usize,
    },
    /// An immutable has one value in one place and another in another.
    Immutable {
        /// The first place that differs from the one before.
        offset: usize,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => write!(f, "{found} bytes instead of {expected}"),
            Self::Byte { offset } => write!(f, "byte {offset} differs"),
            Self::Immutable { offset } => {
                write!(f, "the immutable at byte {offset} contradicts itself")
            }
        }
    }
}

impl RuntimeCode {
    pub(super) fn new(code: Bytes, immutables: BTreeMap<String, Vec<Hole>>) -> Self {
        Self { code, immutables }
    }

    /// The bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Compares byte by byte. In the place of an immutable any value will do, as long as it is the same in all its places.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub fn compare(&self, found: &[u8]) -> Result<(), Difference> {
        if found.len() != self.code.len() {
            return Err(Difference::Length {
                expected: self.code.len(),
                found: found.len(),
            });
        }
        let mut masked = found.to_vec();
        for holes in self.immutables.values() {
            for hole in holes {
                let range = hole.start..hole.start + hole.length;
                masked[range.clone()].copy_from_slice(&self.code[range]);
            }
        }
        if let Some(offset) = (0..masked.len()).find(|&at| masked[at] != self.code[at]) {
            return Err(Difference::Byte { offset });
        }
        for holes in self.immutables.values() {
            for pair in holes.windows(2) {
                let value = |hole: Hole| &found[hole.start..hole.start + hole.length];
                if value(pair[0]) != value(pair[1]) {
                    return Err(Difference::Immutable {
                        offset: pair[1].start,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight bytes; one immutable at 1..3 and 5..7.
    fn code() -> RuntimeCode {
        let holes = [1, 5].map(|start| Hole { start, length: 2 });
        RuntimeCode::new(
            Bytes::from_static(&[9, 0, 0, 9, 9, 0, 0, 9]),
            BTreeMap::from([("7".to_owned(), holes.to_vec())]),
        )
    }

    #[test]
    fn any_value_of_an_immutable_is_the_same_code() {
        assert_eq!(code().compare(&[9, 0, 0, 9, 9, 0, 0, 9]), Ok(()));
        assert_eq!(code().compare(&[9, 1, 2, 9, 9, 1, 2, 9]), Ok(()));
    }

    #[test]
    fn every_other_byte_counts() {
        for offset in [0, 3, 4, 7] {
            let mut found = [9, 1, 2, 9, 9, 1, 2, 9];
            found[offset] = 8;
            assert_eq!(code().compare(&found), Err(Difference::Byte { offset }));
        }
    }

    #[test]
    fn shorter_and_longer_code_is_other_code() {
        for found in [
            &[][..],
            &[9, 0, 0, 9, 9, 0, 0],
            &[9, 0, 0, 9, 9, 0, 0, 9, 9],
        ] {
            let difference = code().compare(found).unwrap_err();
            assert!(matches!(difference, Difference::Length { expected: 8, .. }));
        }
    }

    #[test]
    fn an_immutable_has_one_value() {
        assert_eq!(
            code().compare(&[9, 1, 2, 9, 9, 1, 3, 9]),
            Err(Difference::Immutable { offset: 5 })
        );
    }
}
