//! The operator's token: what whoever runs the streamer shows to its HTTP interface.
//!
//! Only a digest of it is kept, and digests are compared without a branch on what they hold: how long a comparison takes
//! says nothing about the token.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alloy::primitives::{B256, keccak256};

use crate::error::{Error, Result};

/// The fewest characters of a token: 32 of hex are 128 bits.
const MIN_CHARACTERS: usize = 32;

/// A token, as its digest.
pub struct OperatorToken(B256);

impl fmt::Debug for OperatorToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OperatorToken(redacted)")
    }
}

impl OperatorToken {
    /// Reads the token from a file: its text without the space around it.
    ///
    /// # Errors
    /// When the file cannot be read, may be read by others, or its token is short or not printable; the error never
    /// quotes the file.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let invalid =
            |why: String| Error::Config(format!("--operator-token-file {}: {why}", path.display()));
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(invalid(format!(
                "others may read it (mode {:o}): make it 0600",
                mode & 0o777
            )));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let token = text.trim();
        if token.len() < MIN_CHARACTERS {
            return Err(invalid(format!(
                "the token has fewer than {MIN_CHARACTERS} characters"
            )));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid(
                "the token is not one word of printable ASCII".to_owned(),
            ));
        }
        Ok(Self(keccak256(token)))
    }

    /// Whether this is the token.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        let given = keccak256(given);
        let different = self
            .0
            .iter()
            .zip(given.iter())
            .fold(0u8, |different, (ours, theirs)| different | (ours ^ theirs));
        std::hint::black_box(different) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_token_of_the_file_is_accepted_and_nothing_else() {
        let text = "0123456789abcdef0123456789abcdef";
        let token = OperatorToken::read(file(&format!("{text}\n"), 0o600).path()).unwrap();
        assert!(token.is(text));
        assert!(!token.is(""));
        assert!(!token.is(&text[1..]));
        assert!(!token.is(&text.to_uppercase()));
        assert_eq!(format!("{token:?}"), "OperatorToken(redacted)");
    }

    #[test]
    fn a_token_that_is_short_open_to_others_or_not_a_word_is_refused() {
        let refused = |text: &str, mode: u32| {
            let error = OperatorToken::read(file(text, mode).path()).unwrap_err();
            assert!(!error.to_string().contains(text) || text.is_empty());
            error.to_string()
        };
        let good = "0123456789abcdef0123456789abcdef";
        assert!(refused(&good[1..], 0o600).contains("fewer than 32"));
        assert!(refused("", 0o600).contains("fewer than 32"));
        assert!(refused(good, 0o644).contains("make it 0600"));
        assert!(refused(&format!("{good} {good}"), 0o600).contains("one word"));
        assert!(OperatorToken::read(Path::new("/nowhere/token")).is_err());
    }
}
