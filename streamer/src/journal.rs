//! The journal: every channel and its last payment, in one SQLite file.
//!
//! [`Journal::put`] returns when the record is on disk (`synchronous = FULL`, WAL). There is one writer; all that waits while
//! it commits goes into the next transaction together, so that a slow disk costs latency and not throughput. Readers
//! outside (a backup, a person with `sqlite3`) are never in its way.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use bitcoin::Amount;
use paystream_channel::{ChannelId, Payment};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::{mpsc, oneshot, watch};

use crate::channels::{Finished, Record};
use crate::error::{Error, Result};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
/// Writes that may wait; beyond it, whoever writes waits.
const QUEUE: usize = 4096;
/// Writes in one transaction.
const GROUP: usize = 512;

enum Write {
    Put(Box<Entry>),
    Forget(String),
}

struct Request {
    write: Write,
    done: oneshot::Sender<Result<()>>,
}

/// A record as it lies in the table.
struct Entry {
    channel_id: String,
    key_index: i64,
    terms: String,
    stage: String,
    sequence: i64,
    paid_sat: i64,
    signatures: String,
    credit_ms: i64,
    preview_used_ms: i64,
    created_at: i64,
    finished_at: Option<i64>,
    finished_height: Option<i64>,
}

/// A handle to the journal.
#[derive(Clone)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
    healthy: watch::Receiver<bool>,
}

/// What the journal held when it was opened.
pub struct Loaded {
    /// All channels.
    pub records: Vec<Record>,
    /// The next unused key index.
    pub next_key: u32,
}

impl Journal {
    /// Opens the journal, brings its structure up to date, reads it, and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, is in use by another streamer, or holds something unreadable.
    pub async fn open(path: &Path) -> Result<(Self, Loaded)> {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .locking_mode(SqliteLockingMode::Normal)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging()
            .connect()
            .await?;
        MIGRATIONS.run(&mut connection).await?;
        let rows = sqlx::query("select * from channels")
            .fetch_all(&mut connection)
            .await?;
        let records = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        let next: i64 = sqlx::query_scalar("select key_index from next_key")
            .fetch_one(&mut connection)
            .await?;
        let next_key = u32::try_from(next).map_err(|_| Error::Damaged("next_key".to_owned()))?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let (health, healthy) = watch::channel(true);
        tokio::spawn(writer(connection, queue, health));
        Ok((Self { requests, healthy }, Loaded { records, next_key }))
    }

    /// Writes a record in the place of the channel's former one, and returns when it is on disk.
    ///
    /// # Errors
    /// When the disk fails; then the former record stands.
    pub async fn put(&self, record: &Record) -> Result<()> {
        self.write(Write::Put(Box::new(row(record)?))).await
    }

    /// Removes a channel that holds no money, or none any more.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn forget(&self, channel: ChannelId) -> Result<()> {
        self.write(Write::Forget(channel.to_string())).await
    }

    /// Whether the last write went well.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        *self.healthy.borrow() && !self.requests.is_closed()
    }

    /// Whether the writer still runs; it ends when all handles are gone.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    async fn write(&self, write: Write) -> Result<()> {
        let (done, result) = oneshot::channel();
        let gone = || Error::Internal("the journal's writer is gone".to_owned());
        self.requests
            .send(Request { write, done })
            .await
            .map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

async fn writer(
    mut connection: SqliteConnection,
    mut queue: mpsc::Receiver<Request>,
    health: watch::Sender<bool>,
) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let result = commit(&mut connection, &group).await;
        health.send_replace(result.is_ok());
        if let Err(error) = &result {
            tracing::error!(%error, "the journal could not be written; nothing of it is acknowledged");
        }
        for request in group.drain(..) {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(Error::Internal(error.to_string())),
            };
            // Whoever asked may be gone; the record is written all the same.
            let _ = request.done.send(answer);
        }
    }
    if let Err(error) = connection.close().await {
        tracing::error!(%error, "the journal could not be closed in good order; it is whole all the same");
    }
}

async fn commit(connection: &mut SqliteConnection, group: &[Request]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for request in group {
        match &request.write {
            Write::Put(row) => {
                sqlx::query(
                    "insert into channels
                     (channel_id, key_index, terms, stage, sequence, paid_sat, signatures, credit_ms, preview_used_ms, created_at,
                      finished_at, finished_height)
                     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                     on conflict (channel_id) do update set
                     stage = excluded.stage, sequence = excluded.sequence, paid_sat = excluded.paid_sat,
                     signatures = excluded.signatures, credit_ms = excluded.credit_ms, preview_used_ms = excluded.preview_used_ms,
                     finished_at = excluded.finished_at, finished_height = excluded.finished_height",
                )
                .bind(&row.channel_id)
                .bind(row.key_index)
                .bind(&row.terms)
                .bind(&row.stage)
                .bind(row.sequence)
                .bind(row.paid_sat)
                .bind(&row.signatures)
                .bind(row.credit_ms)
                .bind(row.preview_used_ms)
                .bind(row.created_at)
                .bind(row.finished_at)
                .bind(row.finished_height)
                .execute(&mut *transaction)
                .await?;
                sqlx::query("update next_key set key_index = max(key_index, ?)")
                    .bind(row.key_index + 1)
                    .execute(&mut *transaction)
                    .await?;
            }
            Write::Forget(channel) => {
                sqlx::query("delete from channels where channel_id = ?")
                    .bind(channel)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
    }
    transaction.commit().await
}

fn row(record: &Record) -> Result<Entry> {
    let json = |error: serde_json::Error| Error::Internal(error.to_string());
    let number = |value: u64| {
        i64::try_from(value)
            .map_err(|_| Error::Internal(format!("{value} does not fit into the journal")))
    };
    let payment = record.payment.as_ref();
    Ok(Entry {
        channel_id: record.id.to_string(),
        key_index: i64::from(record.key_index),
        terms: serde_json::to_string(&record.terms).map_err(json)?,
        stage: serde_json::to_string(&record.stage).map_err(json)?,
        sequence: payment.map_or(0, |payment| i64::from(payment.sequence)),
        paid_sat: number(payment.map_or(0, |payment| payment.paid.to_sat()))?,
        signatures: match payment {
            Some(payment) => serde_json::to_string(&payment.signatures).map_err(json)?,
            None => "[]".to_owned(),
        },
        credit_ms: number(record.credit_ms)?,
        preview_used_ms: number(record.preview_used_ms)?,
        created_at: record.created_at,
        finished_at: record.finished.map(|finished| finished.at),
        finished_height: record.finished.map(|finished| i64::from(finished.height)),
    })
}

fn read(row: &SqliteRow) -> Result<Record> {
    let id: String = row.try_get("channel_id")?;
    let damaged = |what: &str| Error::Damaged(format!("{what} of channel {id}"));
    let channel_id = ChannelId::from_str(&id).map_err(|_| damaged("id"))?;
    let json = |column: &'static str| row.try_get::<String, _>(column);
    let count = |column: &'static str| -> Result<u64> {
        u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| damaged(column))
    };
    let sequence = u32::try_from(count("sequence")?).map_err(|_| damaged("sequence"))?;
    let payment = if sequence == 0 {
        None
    } else {
        Some(Payment {
            channel_id,
            sequence,
            paid: Amount::from_sat(count("paid_sat")?),
            signatures: serde_json::from_str(&json("signatures")?)
                .map_err(|_| damaged("signatures"))?,
        })
    };
    let finished_at: Option<i64> = row.try_get("finished_at")?;
    let finished = match finished_at {
        Some(at) => Some(Finished {
            at,
            height: u32::try_from(count("finished_height")?)
                .map_err(|_| damaged("finished_height"))?,
        }),
        None => None,
    };
    let record = Record {
        id: channel_id,
        key_index: u32::try_from(count("key_index")?).map_err(|_| damaged("key_index"))?,
        terms: serde_json::from_str(&json("terms")?).map_err(|_| damaged("terms"))?,
        stage: serde_json::from_str(&json("stage")?).map_err(|_| damaged("stage"))?,
        payment,
        credit_ms: count("credit_ms")?,
        preview_used_ms: count("preview_used_ms")?,
        created_at: row.try_get("created_at")?,
        finished,
    };
    if record.terms.channel_id() != channel_id {
        return Err(damaged("the terms"));
    }
    Ok(record)
}
