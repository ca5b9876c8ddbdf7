//! Which pins of the content store are the library's own: those alone it takes away again.

use cid::Cid;

use super::Library;
use crate::error::Result;

impl Library {
    /// Notes that the pin of a file is the library's own, before it is made.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn own(&self, file: &Cid) -> Result<()> {
        sqlx::query("insert into own_pins (cid) values (?) on conflict do nothing")
            .bind(file.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that somebody has pinned a file by hand: it stays pinned, whatever becomes of the items that need it or, being an
    /// announcement, of its registration.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn disown(&self, file: &Cid) -> Result<()> {
        sqlx::query("delete from own_pins where cid = ?")
            .bind(file.to_string())
            .execute(&self.pool)
            .await?;
        self.forget_announcement(file).await
    }

    /// Whether the pin of a file is the library's own.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn owns(&self, file: &Cid) -> Result<bool> {
        let own = sqlx::query_scalar("select exists (select 1 from own_pins where cid = ?)")
            .bind(file.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(own)
    }
}
