//! The library: every upload and every stored video of this provider, in one SQLite file (WAL, `synchronous = FULL`).
//!
//! What is said to be so is on disk. A step from one state to another names the states that it may come from, in the same statement, so that
//! of two who want to move an item (its preparation, its owner who cancels) one wins and the other is told. What viewers ask for all the
//! time, the videos that are ready, is kept in memory too.
//!
//! The blocks of the videos are the content store's; the bytes of uploads are the uploads' own.

mod announced;
mod item;
mod loose;
mod own;
mod ready;
mod registered;
mod rows;

use std::path::Path;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use alloy::primitives::{Address, B256};
use cid::Cid;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, QueryBuilder, Sqlite};
use tokio::sync::watch;

pub use self::announced::Announced;
pub use self::item::{Failure, Item, ItemId, NotAnItemId, State, Stored};
use self::ready::Ready;
pub use self::registered::Searched;
use self::rows::{account, number, read};
use crate::error::Result;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations-library");
/// Readers and writers at a time; SQLite lets one write and the others read.
const CONNECTIONS: u32 = 4;
/// What the library's file is called in the data folder.
pub const FILE: &str = "library.sqlite";
/// The longest list that is answered at once.
pub const LONGEST_LIST: i64 = 500;

/// Whose items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// One creator's.
    Creator(Address),
}

/// What items take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Bytes.
    pub bytes: u64,
    /// How many there are.
    pub items: u64,
}

/// A handle to the library.
pub struct Library {
    pool: SqlitePool,
    ready: RwLock<Ready>,
    changes: watch::Sender<u64>,
}

impl Library {
    /// Opens the library, or makes it.
    ///
    /// # Errors
    /// When the file cannot be opened or holds something unreadable.
    pub async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        let rows = sqlx::query("select * from items where state = 'ready'")
            .fetch_all(&pool)
            .await?;
        let items = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            pool,
            ready: RwLock::new(Ready::new(items)),
            changes: watch::Sender::new(0),
        })
    }

    /// The stored video that a creator registered under this content id: the item whose CID gives the id together with that creator.
    /// Where several uploads became the same video, the creator's own, else the oldest; it is free when one of them is.
    #[must_use]
    pub fn stored(&self, creator: Address, content_id: B256) -> Option<Item> {
        self.ready
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .stored(creator, content_id)
    }

    /// The stored videos whose file has this root; several when the same video was uploaded more than once.
    #[must_use]
    pub fn ready_with(&self, cid: &Cid) -> Vec<Item> {
        self.ready
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .with(cid)
    }

    /// Whether a stored video needs this file: as itself, its document or its poster.
    #[must_use]
    pub fn needs(&self, file: &Cid) -> bool {
        self.ready
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .needs(file)
    }

    /// All stored videos.
    #[must_use]
    pub fn all_ready(&self) -> Vec<Item> {
        self.ready
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
    }

    /// Counts the changes of states: whoever waits for one looks again when it has grown.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// One item.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn item(&self, item_id: ItemId) -> Result<Option<Item>> {
        let row = sqlx::query("select * from items where item_id = ?")
            .bind(item_id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Items, newest first: [`LONGEST_LIST`] at most, of those that were begun before `before`.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn items(&self, whose: Whose, before: Option<Timestamp>) -> Result<Vec<Item>> {
        let mut query = QueryBuilder::<Sqlite>::new("select * from items where created_at < ");
        query.push_bind(before.map_or(i64::MAX, Timestamp::as_millisecond));
        if let Whose::Creator(creator) = whose {
            query.push(" and owner = ").push_bind(account(creator));
        }
        query
            .push(" order by created_at desc, item_id limit ")
            .push_bind(LONGEST_LIST);
        self.fetch(query).await
    }

    /// All items in one of these states, oldest first. The states are told apart by their names alone.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn in_states(&self, states: &[&'static str]) -> Result<Vec<Item>> {
        let mut query = QueryBuilder::<Sqlite>::new("select * from items where ");
        among(&mut query, states);
        query.push(" order by created_at, item_id");
        self.fetch(query).await
    }

    /// Writes a new item down. One that is ready can be watched from now on.
    ///
    /// # Errors
    /// When the disk fails, or there is an item of that name.
    pub async fn insert(&self, item: &Item) -> Result<()> {
        let (stored, failure) = parts(&item.state);
        sqlx::query(
            "insert into items
             (item_id, owner, title, description, file_name, free, length, received, state, failure_code, failure_detail,
              cid, metadata_cid, picture_cid, size, duration_ms, mime_type, width, height, created_at, touched_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(item.item_id.to_string())
        .bind(item.owner.map(account))
        .bind(&item.title)
        .bind(&item.description)
        .bind(&item.file_name)
        .bind(item.free)
        .bind(item.length.map(number).transpose()?)
        .bind(number(item.received)?)
        .bind(item.state.as_str())
        .bind(failure.map(|failure| failure.code.as_str()))
        .bind(failure.map(|failure| failure.detail.as_str()))
        .bind(stored.map(Stored::cid_text))
        .bind(stored.and_then(|stored| Some(stored.metadata?.to_string())))
        .bind(stored.and_then(|stored| Some(stored.picture?.to_string())))
        .bind(stored.map(|stored| number(stored.size)).transpose()?)
        .bind(stored.map(|stored| number(stored.duration_ms)).transpose()?)
        .bind(stored.map(|stored| stored.mime_type.as_str()))
        .bind(stored.map(|stored| stored.width))
        .bind(stored.map(|stored| stored.height))
        .bind(item.created_at.as_millisecond())
        .bind(item.touched_at.as_millisecond())
        .execute(&self.pool)
        .await?;
        self.noted(Some(item));
        Ok(())
    }

    /// Notes how many bytes of an upload are safe on disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn received(&self, item_id: ItemId, received: u64, now: Timestamp) -> Result<()> {
        sqlx::query(
            "update items set received = ?, touched_at = ? where item_id = ? and state = 'uploading'",
        )
        .bind(number(received)?)
        .bind(now.as_millisecond())
        .bind(item_id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes what was not known when an upload was begun: its length, and what its sender says of it.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn describe(&self, item: &Item) -> Result<()> {
        sqlx::query(
            "update items set title = ?, description = ?, file_name = ?, free = ?, length = ?, received = ?, touched_at = ?
             where item_id = ? and state = 'uploading'",
        )
        .bind(&item.title)
        .bind(&item.description)
        .bind(&item.file_name)
        .bind(item.free)
        .bind(item.length.map(number).transpose()?)
        .bind(number(item.received)?)
        .bind(item.touched_at.as_millisecond())
        .bind(item.item_id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Moves an item to another state, when it is in one of those that it may come from. Answers whether it was.
    ///
    /// # Errors
    /// When the disk fails; then it stands where it stood.
    pub async fn advance(
        &self,
        item_id: ItemId,
        from: &[&'static str],
        to: &State,
        now: Timestamp,
    ) -> Result<bool> {
        let (stored, failure) = parts(to);
        let mut query = QueryBuilder::<Sqlite>::new("update items set state = ");
        query.push_bind(to.as_str());
        query
            .push(", touched_at = ")
            .push_bind(now.as_millisecond());
        if let Some(failure) = failure {
            query
                .push(", failure_code = ")
                .push_bind(failure.code.as_str());
            query
                .push(", failure_detail = ")
                .push_bind(failure.detail.clone());
        }
        if let Some(stored) = stored {
            query.push(", cid = ").push_bind(stored.cid_text());
            query
                .push(", metadata_cid = ")
                .push_bind(stored.metadata.map(|cid| cid.to_string()));
            query
                .push(", picture_cid = ")
                .push_bind(stored.picture.map(|cid| cid.to_string()));
            query.push(", size = ").push_bind(number(stored.size)?);
            query
                .push(", duration_ms = ")
                .push_bind(number(stored.duration_ms)?);
            query
                .push(", mime_type = ")
                .push_bind(stored.mime_type.clone());
            query.push(", width = ").push_bind(stored.width);
            query.push(", height = ").push_bind(stored.height);
        }
        query
            .push(" where item_id = ")
            .push_bind(item_id.to_string());
        query.push(" and ");
        among(&mut query, from);
        query.push(" returning *");
        let row = query.build().fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(false) };
        self.noted(Some(&read(&row)?));
        Ok(true)
    }

    /// Notes how large the video of an item that is being added is, when its owner's other items leave so much of their quota; answers how much
    /// they leave. From then on it counts with that size.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn becomes(&self, item: &Item, size: u64, quota: u64) -> Result<u64> {
        // Looking and noting are one step: of two that are added at once, the later finds what the earlier has taken.
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        let others: i64 = sqlx::query_scalar(
            "select coalesce(sum(coalesce(size, received)), 0) from items
             where owner is ? and item_id <> ? and state not in ('failed', 'cancelled')",
        )
        .bind(item.owner.map(account))
        .bind(item.item_id.to_string())
        .fetch_one(&mut *transaction)
        .await?;
        let room = quota.saturating_sub(others.unsigned_abs());
        if size <= room {
            sqlx::query("update items set size = ? where item_id = ? and state = 'adding'")
                .bind(number(size)?)
                .bind(item.item_id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(room)
    }

    /// Gives an item to everybody, or takes that back. Answers whether there is such an item.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn set_free(&self, item_id: ItemId, free: bool) -> Result<Option<Item>> {
        let row = sqlx::query("update items set free = ? where item_id = ? returning *")
            .bind(free)
            .bind(item_id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        let item = row.as_ref().map(read).transpose()?;
        self.noted(item.as_ref());
        Ok(item)
    }

    /// Forgets an item. The files of its video are let go in the same step; the bytes of its upload are its owner's business.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn remove(&self, item_id: ItemId) -> Result<Option<Item>> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query("delete from items where item_id = ? returning *")
            .bind(item_id.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
        let removed = row.as_ref().map(read).transpose()?;
        if let Some(State::Ready(stored)) = removed.as_ref().map(|item| &item.state) {
            loose::note(&mut transaction, &stored.files()).await?;
        }
        transaction.commit().await?;
        self.ready
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(item_id);
        self.noted(None);
        Ok(removed)
    }

    /// What an account's items take up (`None`: the operator's): bytes of uploads and of stored videos, and their number. What failed takes nothing.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn usage(&self, owner: Option<Address>) -> Result<Use> {
        self.used(
            "select coalesce(sum(coalesce(size, received)), 0), count(*) from items
             where owner is ? and state not in ('failed', 'cancelled')",
            owner.map(account),
        )
        .await
    }

    /// What all uploads take up that are not stored yet.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn pending(&self) -> Result<Use> {
        self.used(
            "select coalesce(sum(received), 0), count(*) from items
             where ? is null and state in ('uploading', 'queued', 'preparing', 'adding')",
            None,
        )
        .await
    }

    async fn used(&self, query: &'static str, owner: Option<String>) -> Result<Use> {
        let (bytes, items): (i64, i64) = sqlx::query_as(query)
            .bind(owner)
            .fetch_one(&self.pool)
            .await?;
        Ok(Use {
            bytes: bytes.unsigned_abs(),
            items: items.unsigned_abs(),
        })
    }

    /// Finishes what is being written and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn fetch(&self, mut query: QueryBuilder<'_, Sqlite>) -> Result<Vec<Item>> {
        let rows = query.build().fetch_all(&self.pool).await?;
        rows.iter().map(read).collect()
    }

    fn noted(&self, item: Option<&Item>) {
        if let Some(item) = item {
            self.ready
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .note(item);
        }
        self.changes.send_modify(|changes| *changes += 1);
    }
}

fn among(query: &mut QueryBuilder<'_, Sqlite>, states: &[&'static str]) {
    query.push("state in (");
    let mut list = query.separated(", ");
    for state in states {
        list.push_bind(*state);
    }
    query.push(")");
}

fn parts(state: &State) -> (Option<&Stored>, Option<&Failure>) {
    match state {
        State::Ready(stored) => (Some(stored), None),
        State::Failed(failure) => (None, Some(failure)),
        State::Uploading | State::Queued | State::Preparing | State::Adding | State::Cancelled => {
            (None, None)
        }
    }
}

#[cfg(test)]
mod tests;
