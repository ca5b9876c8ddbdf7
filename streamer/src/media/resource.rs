//! The name of one WHIP or WHEP connection.

use std::{fmt, str::FromStr};

/// Names one connection; unguessable, so that only who made it can end it. 32 hex digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(u128);

impl ResourceId {
    pub(super) fn random() -> Self {
        ResourceId(rand::random())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The text is not the name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a resource id: 32 hex digits are expected")]
pub struct InvalidResourceId;

impl FromStr for ResourceId {
    type Err = InvalidResourceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.len() == 32
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain {
            return Err(InvalidResourceId);
        }
        u128::from_str_radix(text, 16)
            .map(ResourceId)
            .map_err(|_| InvalidResourceId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_id_survives_its_text_and_nothing_else_parses() {
        let id = ResourceId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "1",
            "+0000000000000000000000000000001",
            &"g".repeat(32),
            &"0".repeat(33),
        ] {
            assert_eq!(text.parse::<ResourceId>(), Err(InvalidResourceId));
        }
    }
}
