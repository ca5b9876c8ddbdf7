//! CIDs that were ever registered on chain, and how much of the chain has been searched for them.

use std::str::FromStr;

use alloy::primitives::{Address, B256};
use cid::Cid;

use super::Library;
use super::rows::{account, number};
use crate::error::{Error, Result};

/// Up to where a registry's events have been searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    /// The last block that was.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
}

impl Library {
    /// Up to where the events of a registry have been searched; `None` when they never were.
    ///
    /// # Errors
    /// When the disk fails or holds something unreadable.
    pub async fn searched(&self, registry: Address) -> Result<Option<Searched>> {
        let row: Option<(i64, String)> =
            sqlx::query_as("select block, hash from searched_registries where registry = ?")
                .bind(account(registry))
                .fetch_optional(&self.pool)
                .await?;
        let read = |(block, hash): (i64, String)| {
            let damaged = || Error::Damaged(format!("how far {registry} was searched"));
            Ok(Searched {
                block: u64::try_from(block).map_err(|_| damaged())?,
                hash: B256::from_str(&hash).map_err(|_| damaged())?,
            })
        };
        row.map(read).transpose()
    }

    /// Notes what was found to be registered, and, when there is something new to say, up to where a registry has been searched.
    ///
    /// # Errors
    /// When the disk fails; nothing is noted then.
    pub async fn note_registered(
        &self,
        registry: Address,
        cids: &[Cid],
        searched: Option<Searched>,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        for cid in cids {
            sqlx::query("insert into registered_cids (cid) values (?) on conflict do nothing")
                .bind(cid.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(Searched { block, hash }) = searched {
            sqlx::query(
                "insert into searched_registries (registry, block, hash) values (?, ?, ?)
                 on conflict (registry) do update set block = excluded.block, hash = excluded.hash",
            )
            .bind(account(registry))
            .bind(number(block)?)
            .bind(hash.to_string())
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The announcements that are registered wait no longer: they stay pinned.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn keep_registered(&self) -> Result<()> {
        sqlx::query("delete from announcements where cid in (select cid from registered_cids)")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
