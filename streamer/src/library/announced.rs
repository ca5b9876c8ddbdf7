//! Announcements that wait for their registration on chain.

use std::str::FromStr;

use cid::Cid;
use jiff::Timestamp;

use super::Library;
use super::rows::number;
use crate::error::{Error, Result};

/// An announcement that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Its CID.
    pub cid: Cid,
    /// The chain's head when it was first brought.
    pub block: u64,
}

impl Library {
    /// Whether an announcement waits.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn is_announced(&self, cid: &Cid) -> Result<bool> {
        let found = sqlx::query_scalar("select exists (select 1 from announcements where cid = ?)")
            .bind(cid.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(found)
    }

    /// Notes that an announcement waits; one that waits already waits anew. `false`, with nothing noted, when `most` others do.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn announce(&self, announced: Announced, now: Timestamp, most: u32) -> Result<bool> {
        let noted = sqlx::query(
            "insert into announcements (cid, block, brought_at)
             select ?1, ?2, ?3 where (select count(*) from announcements where cid <> ?1) < ?4
             on conflict (cid) do update set brought_at = excluded.brought_at",
        )
        .bind(announced.cid.to_string())
        .bind(number(announced.block)?)
        .bind(now.as_millisecond())
        .bind(most)
        .execute(&self.pool)
        .await?;
        Ok(noted.rows_affected() > 0)
    }

    /// The announcements that wait and were brought before that time.
    ///
    /// # Errors
    /// When the disk fails or holds something unreadable.
    pub async fn announced_before(&self, time: Timestamp) -> Result<Vec<Announced>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("select cid, block from announcements where brought_at < ?")
                .bind(time.as_millisecond())
                .fetch_all(&self.pool)
                .await?;
        let read = |(text, block): (String, i64)| {
            let damaged = || Error::Damaged(format!("the announcement {text}"));
            Ok(Announced {
                cid: Cid::from_str(&text).map_err(|_| damaged())?,
                block: u64::try_from(block).map_err(|_| damaged())?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// An announcement waits no longer.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn forget_announcement(&self, cid: &Cid) -> Result<()> {
        sqlx::query("delete from announcements where cid = ?")
            .bind(cid.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
