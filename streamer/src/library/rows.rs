//! Items as rows of the table, and back.

use std::str::FromStr;

use alloy::primitives::Address;
use cid::Cid;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::item::{Failure, Item, State, Stored};
use crate::error::{Code, Error, Result};

/// An account as it lies in the table.
pub(super) fn account(address: Address) -> String {
    format!("{address:#x}")
}

/// A number as it lies in the table.
pub(super) fn number(value: u64) -> Result<i64> {
    i64::try_from(value)
        .map_err(|_| Error::Internal(format!("{value} does not fit into the library")))
}

/// The item of a row.
pub(super) fn read(row: &SqliteRow) -> Result<Item> {
    let id: String = row.try_get("item_id")?;
    let reader = Reader { row, id: &id };
    let state: String = row.try_get("state")?;
    let owner: Option<String> = row.try_get("owner")?;
    Ok(Item {
        item_id: reader.parsed("item_id")?,
        owner: match owner {
            Some(text) => Some(Address::from_str(&text).map_err(|_| reader.damaged("the owner"))?),
            None => None,
        },
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        file_name: row.try_get("file_name")?,
        free: row.try_get("free")?,
        length: reader.optional_count("length")?,
        received: reader.count("received")?,
        state: match state.as_str() {
            "uploading" => State::Uploading,
            "queued" => State::Queued,
            "preparing" => State::Preparing,
            "adding" => State::Adding,
            "ready" => State::Ready(Box::new(reader.stored()?)),
            "failed" => State::Failed(reader.failure()?),
            "cancelled" => State::Cancelled,
            _ => return Err(reader.damaged("the state")),
        },
        created_at: reader.time("created_at")?,
        touched_at: reader.time("touched_at")?,
    })
}

struct Reader<'a> {
    row: &'a SqliteRow,
    id: &'a str,
}

impl Reader<'_> {
    fn damaged(&self, what: &str) -> Error {
        Error::Damaged(format!("{what} of item {}", self.id))
    }

    fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T> {
        let text: String = self.row.try_get(column)?;
        text.parse().map_err(|_| self.damaged(column))
    }

    fn optional_cid(&self, column: &'static str) -> Result<Option<Cid>> {
        let text: Option<String> = self.row.try_get(column)?;
        text.map(|text| Cid::from_str(&text).map_err(|_| self.damaged(column)))
            .transpose()
    }

    fn count(&self, column: &'static str) -> Result<u64> {
        u64::try_from(self.row.try_get::<i64, _>(column)?).map_err(|_| self.damaged(column))
    }

    fn optional_count(&self, column: &'static str) -> Result<Option<u64>> {
        let value: Option<i64> = self.row.try_get(column)?;
        value
            .map(|value| u64::try_from(value).map_err(|_| self.damaged(column)))
            .transpose()
    }

    fn pixels(&self, column: &'static str) -> Result<u32> {
        u32::try_from(self.row.try_get::<i64, _>(column)?).map_err(|_| self.damaged(column))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp> {
        Timestamp::from_millisecond(self.row.try_get(column)?).map_err(|_| self.damaged(column))
    }

    fn stored(&self) -> Result<Stored> {
        Ok(Stored {
            cid: self.parsed("cid")?,
            metadata: self.optional_cid("metadata_cid")?,
            picture: self.optional_cid("picture_cid")?,
            size: self.count("size")?,
            duration_ms: self.count("duration_ms")?,
            mime_type: self.row.try_get("mime_type")?,
            width: self.pixels("width")?,
            height: self.pixels("height")?,
        })
    }

    fn failure(&self) -> Result<Failure> {
        let code: String = self.row.try_get("failure_code")?;
        Ok(Failure {
            code: Code::from_wire(&code).ok_or_else(|| self.damaged("the failure"))?,
            detail: self.row.try_get("failure_detail")?,
        })
    }
}
