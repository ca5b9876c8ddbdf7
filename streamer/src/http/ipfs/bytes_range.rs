//! Ranges of a file's bytes: `entity-bytes` (IPIP-402), and a `Range` header (RFC 9110, section 14). Pure.

use std::fmt;
use std::ops::Range;

use crate::error::{Code, Result, refused};

/// `from:to`, both inclusive; negative numbers count from the end, and no `to` is the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct EntityBytes {
    from: i64,
    to: Option<i64>,
}

impl EntityBytes {
    /// The whole file.
    pub const ALL: Self = Self { from: 0, to: None };

    /// Reads `from:to` or `from:*`.
    ///
    /// # Errors
    /// `malformed`, also for a range that ends before it begins, whatever the file's size.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            refused(
                Code::Malformed,
                "entity-bytes is from:to, in bytes, with * for the end and negative numbers from the end",
            )
        };
        let (from, to) = text.split_once(':').ok_or_else(malformed)?;
        let from: i64 = from.parse().map_err(|_| malformed())?;
        let to = match to {
            "*" => None,
            to => Some(to.parse::<i64>().map_err(|_| malformed())?),
        };
        if to.is_some_and(|to| (to < 0) == (from < 0) && to < from) {
            return Err(malformed());
        }
        Ok(Self { from, to })
    }

    /// The bytes of a file of this size. It may be empty; it never reaches beyond the file.
    pub fn of(self, size: u64) -> Range<u64> {
        let place = |number: i64| {
            if number < 0 {
                size.saturating_sub(number.unsigned_abs())
            } else {
                number.unsigned_abs().min(size)
            }
        };
        let from = place(self.from);
        let to = match self.to {
            None => size,
            // A negative end beyond the file's begin is before its first byte.
            Some(to) if to < 0 && to.unsigned_abs() > size => 0,
            Some(to) => place(to).saturating_add(1).min(size),
        };
        from..to.max(from)
    }
}

impl fmt::Display for EntityBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) => write!(formatter, "{}_{to}", self.from),
            None => write!(formatter, "{}_*", self.from),
        }
    }
}

/// What a `Range` header asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Asked {
    /// All of it: no range, or one that this provider does not take (another unit, several ranges).
    Whole,
    /// A part.
    Part(Range<u64>),
    /// Nothing that the file has.
    Unsatisfiable,
}

/// Reads a `Range` header.
pub(in crate::http) fn asked(range: &str, size: u64) -> Asked {
    let Some((from, to)) = range
        .trim()
        .strip_prefix("bytes=")
        .filter(|set| !set.contains(','))
        .and_then(|set| set.trim().split_once('-'))
    else {
        return Asked::Whole;
    };
    let part = match (from.trim(), to.trim()) {
        ("", last) => last
            .parse()
            .map(|last: u64| size.saturating_sub(last)..size),
        (from, "") => from.parse().map(|from: u64| from..size),
        (from, to) => match (from.parse::<u64>(), to.parse::<u64>()) {
            (Ok(from), Ok(to)) if to < from => return Asked::Whole,
            (Ok(from), Ok(to)) => Ok(from..to.saturating_add(1).min(size)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        },
    };
    match part {
        Ok(part) if part.start < part.end => Asked::Part(part),
        Ok(_) => Asked::Unsatisfiable,
        Err(_) => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entity_bytes_are_the_bytes_that_the_specification_says() {
        for (text, size, bytes) in [
            ("0:*", 1026, 0..1026),
            ("0:0", 1026, 0..1),
            ("512:*", 1026, 512..1026),
            ("512:1023", 1026, 512..1024),
            ("512:-256", 1026, 512..771),
            ("-5:*", 1026, 1021..1026),
            ("-9999:*", 1026, 0..1026),
            ("-9999:-3", 1026, 0..1024),
            ("-3:-9999", 1026, 0..0),
            ("5:99999", 1026, 5..1026),
            ("2000:*", 1026, 1026..1026),
            ("0:*", 0, 0..0),
            ("-1:-1", 10, 9..10),
            ("8:-9", 10, 8..8),
        ] {
            match EntityBytes::parse(text) {
                Ok(parsed) => assert_eq!(parsed.of(size), bytes, "{text}"),
                Err(_) => assert_eq!(text, "-3:-9999"),
            }
        }
        for text in ["", ":", "1", "a:b", "*:5", "5:4", "-3:-4", "1:2:3", "0:1.5"] {
            assert!(EntityBytes::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_header_is_taken_when_it_is_one_range_of_bytes() {
        for (range, expected) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=5-", Asked::Part(5..100)),
            ("bytes=5-1000", Asked::Part(5..100)),
            ("bytes=-5", Asked::Part(95..100)),
            ("bytes=-500", Asked::Part(0..100)),
            ("bytes=99-99", Asked::Part(99..100)),
            ("bytes=100-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=-", Asked::Whole),
        ] {
            assert_eq!(asked(range, 100), expected, "{range}");
        }
    }

    proptest! {
        #[test]
        fn no_range_reaches_beyond_the_file(from in any::<i64>(), to in any::<Option<i64>>(), size in any::<u64>(), header in ".{0,30}") {
            let range = EntityBytes { from, to }.of(size);
            prop_assert!(range.start <= range.end && range.end <= size);
            if let Asked::Part(part) = asked(&format!("bytes={header}"), size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
