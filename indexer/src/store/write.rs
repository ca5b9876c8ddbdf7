//! What the follower writes. Each step is one transaction: raw logs, blocks, derived rows and the head, guarded by the head
//! that the step started from.
//!
//! A [`Writer`] is one connection that holds an advisory lock, and everything is written through it: whoever loses the
//! connection loses the lock with it, and can write nothing more. So there is never a second writer, and one that is killed
//! leaves nothing behind.

use alloy::primitives::{Address, B256};
use paystream_contracts::Deployment;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::chain::{BlockRef, Header, Position};
use crate::error::Error;
use crate::event::RawLog;
use crate::projection::Change;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The writer's advisory lock: one for each database. The bytes of "paystrm" and a zero.
const LOCK: i64 = i64::from_be_bytes(*b"\0paystrm");

/// Blocks to be added, with what is in them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The blocks that carry a log, those that may still change, and the last; ascending.
    pub headers: Vec<Header>,
    /// Their logs, ascending, each with the rows that come of it.
    pub logs: Vec<(RawLog, Vec<Change>)>,
}

/// The one that writes.
#[derive(Debug)]
pub struct Writer {
    connection: PgConnection,
}

impl Writer {
    /// Connects, takes the lock, brings the tables up to date, and sees to it that they mirror this deployment.
    ///
    /// # Errors
    /// [`Error::Standby`] when another process holds the lock; [`Error::OtherDeployment`] when the database mirrors another
    /// deployment; otherwise when the database fails.
    pub async fn acquire(
        options: &PgConnectOptions,
        deployment: &Deployment,
    ) -> Result<Self, Error> {
        // Waiting for somebody else's lock, and a client that is gone, both end.
        let options = options.clone().options([
            ("lock_timeout", "10000"),
            ("idle_in_transaction_session_timeout", "60000"),
        ]);
        let mut connection = options.connect().await?;
        let locked: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut connection)
            .await?;
        if !locked {
            let _ = connection.close().await;
            return Err(Error::Standby);
        }
        MIGRATIONS.run(&mut connection).await?;
        let mut writer = Self { connection };
        writer.claim(deployment).await?;
        Ok(writer)
    }

    /// Where the follower stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn position(&mut self) -> Result<Position, Error> {
        let (origin, head, head_hash, finalized): (i64, i64, Option<Vec<u8>>, i64) =
            sqlx::query_as(
                "select origin_number, head_number, head_hash, finalized_number from follower",
            )
            .fetch_one(&mut self.connection)
            .await?;
        Ok(Position {
            origin: unsigned(origin)?,
            head: unsigned(head)?,
            head_hash: head_hash.as_deref().map(hash).transpose()?,
            finalized: unsigned(finalized)?,
        })
    }

    /// The blocks that are known at or below `number`, in descending order: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_blocks(&mut self, number: u64, limit: i64) -> Result<Vec<BlockRef>, Error> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "select number, hash from blocks where number <= $1 order by number desc limit $2",
        )
        .bind(signed(number)?)
        .bind(limit)
        .fetch_all(&mut self.connection)
        .await?;
        rows.into_iter()
            .map(|(number, bytes)| {
                Ok(BlockRef {
                    number: unsigned(number)?,
                    hash: hash(&bytes)?,
                })
            })
            .collect()
    }

    /// Adds blocks, and moves the head from `from` to `to`.
    ///
    /// # Errors
    /// [`Error::HeadMoved`] when the head is not at `from`; otherwise when the database fails. Then nothing is written.
    pub async fn extend(
        &mut self,
        from: &Position,
        to: &Position,
        batch: &Batch,
    ) -> Result<(), Error> {
        let mut transaction = self.connection.begin().await?;
        move_head(&mut transaction, from, to).await?;
        for header in &batch.headers {
            let has_logs = batch
                .logs
                .binary_search_by_key(&header.block.number, |(log, _)| log.block_number)
                .is_ok();
            sqlx::query(
                "insert into blocks (number, hash, timestamp, has_logs) values ($1, $2, $3, $4)",
            )
            .bind(signed(header.block.number)?)
            .bind(header.block.hash.as_slice())
            .bind(signed(header.timestamp)?)
            .bind(has_logs)
            .execute(&mut *transaction)
            .await?;
        }
        for (log, changes) in &batch.logs {
            insert_log(&mut transaction, log).await?;
            let place = (signed(log.block_number)?, signed(log.log_index)?);
            for change in changes {
                insert_change(&mut transaction, place, change).await?;
            }
        }
        sqlx::query("delete from blocks where number < $1 and not has_logs")
            .bind(signed(to.finalized)?)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes back every block above `to`, and all that came of them.
    ///
    /// # Errors
    /// [`Error::HeadMoved`] when the head is not at `from`; otherwise when the database fails. Then nothing is written.
    pub async fn roll_back(&mut self, from: &Position, to: &Position) -> Result<(), Error> {
        let mut transaction = self.connection.begin().await?;
        move_head(&mut transaction, from, to).await?;
        sqlx::query("delete from blocks where number > $1")
            .bind(signed(to.head)?)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Writes down which deployment the database mirrors, or compares it.
    async fn claim(&mut self, deployment: &Deployment) -> Result<(), Error> {
        let start = Position::start(deployment.block);
        sqlx::query(
            "insert into follower (chain_id, registry, splitter, origin_number, head_number, finalized_number)
             values ($1, $2, $3, $4, $4, $4) on conflict (one) do nothing",
        )
        .bind(signed(deployment.chain_id)?)
        .bind(deployment.registry.as_slice())
        .bind(deployment.splitter.as_slice())
        .bind(signed(start.origin)?)
        .execute(&mut self.connection)
        .await?;
        let (chain_id, registry, splitter): (i64, Vec<u8>, Vec<u8>) =
            sqlx::query_as("select chain_id, registry, splitter from follower")
                .fetch_one(&mut self.connection)
                .await?;
        let address = |bytes: &[u8]| {
            Address::try_from(bytes).map_err(|_| Error::Corrupt("an address that has not 20 bytes"))
        };
        let (registry, splitter) = (address(&registry)?, address(&splitter)?);
        if (chain_id, registry, splitter)
            != (
                signed(deployment.chain_id)?,
                deployment.registry,
                deployment.splitter,
            )
        {
            return Err(Error::OtherDeployment {
                chain_id,
                registry,
                splitter,
            });
        }
        Ok(())
    }
}

async fn move_head(
    connection: &mut PgConnection,
    from: &Position,
    to: &Position,
) -> Result<(), Error> {
    let moved = sqlx::query(
        "update follower set head_number = $1, head_hash = $2, finalized_number = $3
         where head_number = $4 and head_hash is not distinct from $5",
    )
    .bind(signed(to.head)?)
    .bind(to.head_hash.as_ref().map(B256::as_slice))
    .bind(signed(to.finalized)?)
    .bind(signed(from.head)?)
    .bind(from.head_hash.as_ref().map(B256::as_slice))
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::HeadMoved)
    }
}

async fn insert_log(connection: &mut PgConnection, log: &RawLog) -> Result<(), Error> {
    let topics: Vec<&[u8]> = log.topics.iter().map(B256::as_slice).collect();
    sqlx::query(
        "insert into logs (block_number, log_index, transaction_hash, address, topics, data)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(signed(log.block_number)?)
    .bind(signed(log.log_index)?)
    .bind(log.transaction_hash.as_slice())
    .bind(log.address.as_slice())
    .bind(topics)
    .bind(&log.data[..])
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_change(
    connection: &mut PgConnection,
    (block_number, log_index): (i64, i64),
    change: &Change,
) -> Result<(), Error> {
    let insert =
        |statement: &'static str| sqlx::query(statement).bind(block_number).bind(log_index);
    let query = match change {
        Change::Registration {
            content_id,
            creator,
            cid,
            name,
            metadata_uri,
        } => insert("insert into content_registrations values ($1, $2, $3, $4, $5, $6, $7)")
            .bind(content_id.as_slice())
            .bind(creator.as_slice())
            .bind(cid)
            .bind(name)
            .bind(metadata_uri),
        Change::Terms {
            content_id,
            token,
            payout,
            creator_share_bps,
            price_per_view,
            price_per_second,
            msat_per_second,
        } => insert(
            "insert into content_terms values ($1, $2, $3, $4, $5, $6, $7::numeric, $8::numeric, $9::numeric)",
        )
        .bind(content_id.as_slice())
        .bind(token.as_slice())
        .bind(payout.as_slice())
        .bind(i32::from(*creator_share_bps))
        .bind(price_per_view.to_string())
        .bind(price_per_second.to_string())
        .bind(msat_per_second.to_string()),
        Change::Content { content_id, active } => {
            insert("insert into content_changes values ($1, $2, $3, $4)")
                .bind(content_id.as_slice())
                .bind(active)
        }
        Change::Stream {
            content_id,
            provider,
            url,
        } => insert("insert into stream_changes values ($1, $2, $3, $4, $5)")
            .bind(content_id.as_slice())
            .bind(provider.as_slice())
            .bind(url),
        Change::BitcoinPayout { creator, script } => {
            insert("insert into bitcoin_payouts values ($1, $2, $3, $4)")
                .bind(creator.as_slice())
                .bind(&script[..])
        }
        Change::View {
            content_id,
            provider,
            viewer,
            token,
            price,
            creator_amount,
            provider_amount,
            payout,
        } => insert(
            "insert into views values ($1, $2, $3, $4, $5, $6, $7::numeric, $8::numeric, $9::numeric, $10)",
        )
        .bind(content_id.as_slice())
        .bind(provider.as_slice())
        .bind(viewer.as_slice())
        .bind(token.as_slice())
        .bind(price.to_string())
        .bind(creator_amount.to_string())
        .bind(provider_amount.to_string())
        .bind(payout.as_slice()),
        Change::Credit {
            token,
            account,
            content_id,
            amount,
        } => insert("insert into credits values ($1, $2, $3, $4, $5, $6::numeric)")
            .bind(token.as_slice())
            .bind(account.as_slice())
            .bind(content_id.as_slice())
            .bind(amount.to_string()),
        Change::Claim {
            token,
            account,
            recipient,
            amount,
        } => insert("insert into claims values ($1, $2, $3, $4, $5, $6::numeric)")
            .bind(token.as_slice())
            .bind(account.as_slice())
            .bind(recipient.as_slice())
            .bind(amount.to_string()),
    };
    query.execute(connection).await?;
    Ok(())
}

fn signed(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::Inconsistent(format!("{value} is beyond any chain")))
}

fn unsigned(value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(|_| Error::Corrupt("a negative block number"))
}

fn hash(bytes: &[u8]) -> Result<B256, Error> {
    B256::try_from(bytes).map_err(|_| Error::Corrupt("a hash that has not 32 bytes"))
}
