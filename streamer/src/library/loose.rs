//! Files that were let go, until they are unpinned. The list outlives a crash; to be on it twice is the same as once.

use std::str::FromStr;

use cid::Cid;
use sqlx::SqliteConnection;

use super::Library;
use crate::error::{Error, Result};

impl Library {
    /// Notes files that are to be unpinned when nothing needs them.
    ///
    /// # Errors
    /// When the disk fails; then none is noted.
    pub async fn loosen(&self, files: &[Cid]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        note(&mut transaction, files).await?;
        Ok(transaction.commit().await?)
    }

    /// All that are to be unpinned.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn loose(&self) -> Result<Vec<Cid>> {
        let rows: Vec<String> = sqlx::query_scalar("select cid from loose_files order by cid")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|text| {
                Cid::from_str(text).map_err(|_| Error::Damaged(format!("the loose file {text}")))
            })
            .collect()
    }

    /// Notes that a file is not the library's any more: it has been unpinned, or its pin is somebody else's. Answers whether the pin was the
    /// library's until now.
    ///
    /// # Errors
    /// When the disk fails; it is let go once more then.
    pub async fn unpinned(&self, file: &Cid) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let own = sqlx::query("delete from own_pins where cid = ?")
            .bind(file.to_string())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("delete from loose_files where cid = ?")
            .bind(file.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(own.rows_affected() > 0)
    }
}

pub(super) async fn note(connection: &mut SqliteConnection, files: &[Cid]) -> Result<()> {
    for file in files {
        sqlx::query("insert into loose_files (cid) values (?) on conflict do nothing")
            .bind(file.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
