//! Announcements that wait for their registration on chain.

use std::net::IpAddr;
use std::str::FromStr;

use cid::Cid;
use jiff::Timestamp;

use super::Library;
use crate::error::{Error, Result};

/// An announcement that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Its CID.
    pub cid: Cid,
    /// When it was brought last, to the millisecond.
    pub brought_at: Timestamp,
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

    /// Whether an announcement still waits, and was not brought again.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn waits_since(&self, announced: &Announced) -> Result<bool> {
        let found = sqlx::query_scalar(
            "select exists (select 1 from announcements where cid = ? and brought_at = ?)",
        )
        .bind(announced.cid.to_string())
        .bind(announced.brought_at.as_millisecond())
        .fetch_one(&self.pool)
        .await?;
        Ok(found)
    }

    /// Notes that an announcement of a client's waits; one that waits already waits anew, and stays with the client who brought it first.
    /// `false`, with nothing noted, when `most` others do.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn announce(
        &self,
        cid: &Cid,
        client: IpAddr,
        now: Timestamp,
        most: u32,
    ) -> Result<bool> {
        let noted = sqlx::query(
            "insert into announcements (cid, client, brought_at)
             select ?1, ?2, ?3 where (select count(*) from announcements where cid <> ?1) < ?4
             on conflict (cid) do update set brought_at = excluded.brought_at",
        )
        .bind(cid.to_string())
        .bind(client.to_string())
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
            sqlx::query_as("select cid, brought_at from announcements where brought_at < ?")
                .bind(time.as_millisecond())
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(read).collect()
    }

    /// Those that give way when more than `most` wait: one after another the oldest of the clients that have most, without what was brought
    /// at that time or later.
    ///
    /// # Errors
    /// When the disk fails or holds something unreadable.
    pub async fn announced_beyond(&self, most: u32, time: Timestamp) -> Result<Vec<Announced>> {
        // Whoever has n has one in each place from 1, the newest, to n, the oldest.
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select cid, brought_at from (
                 select cid, brought_at, row_number() over (
                     partition by client order by brought_at desc, cid
                 ) as place
                 from announcements
                 order by place desc, brought_at, cid
                 limit max(0, (select count(*) from announcements) - ?1)
             ) where brought_at < ?2",
        )
        .bind(most)
        .bind(time.as_millisecond())
        .fetch_all(&self.pool)
        .await?;
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

fn read((text, brought_at): (String, i64)) -> Result<Announced> {
    let damaged = || Error::Damaged(format!("the announcement {text}"));
    Ok(Announced {
        cid: Cid::from_str(&text).map_err(|_| damaged())?,
        brought_at: Timestamp::from_millisecond(brought_at).map_err(|_| damaged())?,
    })
}
