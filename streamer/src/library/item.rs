//! An item of the library, from the first byte of its upload to the video that viewers pay for.
//!
//! ```text
//! uploading -> queued -> preparing -> adding -> ready
//!     |           |          |           |
//!     +-----------+----------+-----------+-----> failed | cancelled
//! ```
//!
//! `preparing` goes back to `queued` when the streamer starts again: its work is done anew; `adding` goes on from the prepared file. Nothing leads out of
//! `ready`, `failed` and `cancelled` but the removal of the item.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::Address;
use cid::Cid;
use jiff::Timestamp;

use crate::error::Code;

/// The name of an item, and of its upload: 16 random bytes as 32 hex digits. It is safe in a path and in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId([u8; 16]);

impl ItemId {
    /// A name that nobody has.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// The text is not 32 hex digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an item's id is 32 hex digits")]
pub struct NotAnItemId;

impl FromStr for ItemId {
    type Err = NotAnItemId;

    fn from_str(text: &str) -> Result<Self, NotAnItemId> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map_err(|_| NotAnItemId)?;
        let id = Self(id);
        // One item, one name: no upper case.
        (id.to_string() == text).then_some(id).ok_or(NotAnItemId)
    }
}

/// What somebody gave this provider to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub item_id: ItemId,
    /// The creator who uploaded it; `None` when it was the operator.
    pub owner: Option<Address>,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What the file was called where it came from. Text for people, and for nothing else.
    pub file_name: String,
    /// Whether the operator gives it to everybody.
    pub free: bool,
    /// The upload's bytes in all; `None` while that is not known.
    pub length: Option<u64>,
    /// Bytes of the upload that are safe on disk.
    pub received: u64,
    /// Where it stands.
    pub state: State,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub touched_at: Timestamp,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its bytes are on their way.
    Uploading,
    /// It waits for a place among those that are prepared.
    Queued,
    /// It is made streamable.
    Preparing,
    /// It is added to the content store.
    Adding,
    /// It can be watched.
    Ready(Box<Stored>),
    /// It could not be made ready.
    Failed(Failure),
    /// Its owner did not want it any more.
    Cancelled,
}

impl State {
    /// The state as it is written in JSON and in the table.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Queued => "queued",
            Self::Preparing => "preparing",
            Self::Adding => "adding",
            Self::Ready(_) => "ready",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why an item could not be made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For a program.
    pub code: Code,
    /// For a person.
    pub detail: String,
}

/// A video in the content store, and what is known of it (docs/protocol.md, section 12.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The root of its file.
    pub cid: Cid,
    /// The JSON document about it.
    pub metadata: Option<Cid>,
    /// Its poster.
    pub picture: Option<Cid>,
    /// The file's bytes.
    pub size: u64,
    /// How long it plays.
    pub duration_ms: u64,
    /// With codecs, as Media Source Extensions want it.
    pub mime_type: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Stored {
    /// The CID as it is registered on chain.
    #[must_use]
    pub fn cid_text(&self) -> String {
        self.cid.to_string()
    }

    /// All files that the store keeps of it.
    #[must_use]
    pub fn files(&self) -> Vec<Cid> {
        [Some(self.cid), self.metadata, self.picture]
            .into_iter()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_items_id_has_one_spelling() {
        let id = ItemId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "../etc/passwd", "00", &"AB".repeat(16), &"0".repeat(34)] {
            assert_eq!(text.parse::<ItemId>(), Err(NotAnItemId), "{text}");
        }
    }
}
