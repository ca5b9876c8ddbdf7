//! What the API asks of the database.
//!
//! Queries are checked when they run, and not when they are compiled: that would need a database, or a snapshot of its
//! answers, to build. The integration tests run every one of them against a real PostgreSQL.

use alloy::primitives::{Address, B256};
use sqlx::postgres::PgPool;

use super::rows::{
    BalanceRow, ClaimRow, ContentRow, ContentStreamRow, CreditRow, RecordFilter, RecordRow,
    StreamRow, ViewRow,
};
use crate::api::page::Cursor;
use crate::error::Error;

/// A content's latest registration, `r`, with the latest of everything else about it.
const CONTENTS: &str = "
    select r.block_number, rb.hash as block_hash, rb.timestamp, rl.transaction_hash, r.log_index,
           c.block_number as updated_block_number, cb.hash as updated_block_hash, cb.timestamp as updated_timestamp,
           cl.transaction_hash as updated_transaction_hash, c.log_index as updated_log_index,
           r.content_id, r.creator, r.cid, r.name, r.metadata_uri, c.active,
           t.token, t.payout, t.creator_share_bps, t.price_per_view::text as price_per_view,
           t.price_per_second::text as price_per_second, t.msat_per_second::text as msat_per_second,
           nullif(p.script, ''::bytea) as bitcoin_payout,
           (select count(*) from views v where v.content_id = r.content_id) as views
    from content_registrations r
    join blocks rb on rb.number = r.block_number
    join logs rl on (rl.block_number, rl.log_index) = (r.block_number, r.log_index)
    join lateral (select * from content_changes x where x.content_id = r.content_id
                  order by block_number desc, log_index desc limit 1) c on true
    join blocks cb on cb.number = c.block_number
    join logs cl on (cl.block_number, cl.log_index) = (c.block_number, c.log_index)
    join lateral (select * from content_terms x where x.content_id = r.content_id
                  order by block_number desc, log_index desc limit 1) t on true
    left join lateral (select * from bitcoin_payouts x where x.creator = r.creator
                       order by block_number desc, log_index desc limit 1) p on true
    where not exists (select 1 from content_registrations n where n.content_id = r.content_id
                      and (n.block_number, n.log_index) > (r.block_number, r.log_index))";

/// The read side of the database.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: PgPool,
}

impl Reader {
    /// Reads through `pool`.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The number of the last block that is mirrored; nothing before the first start.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head_number(&self) -> Result<Option<i64>, Error> {
        Ok(sqlx::query_scalar("select head_number from follower")
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Contents, newest first: at most `limit`, below `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contents(
        &self,
        creator: Option<Address>,
        search: Option<&str>,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Vec<ContentRow>, Error> {
        // A search is a part of the name, in any case, or the whole CID.
        let query = format!(
            "{CONTENTS}
               and (r.block_number, r.log_index) < ($1, $2)
               and ($3::bytea is null or r.creator = $3)
               and ($4::text is null or r.cid = $4 or position(lower($4) in lower(r.name)) > 0)
             order by r.block_number desc, r.log_index desc limit $5"
        );
        Ok(sqlx::query_as(&query)
            .bind(cursor.block_number)
            .bind(cursor.log_index)
            .bind(creator.map(|creator| creator.to_vec()))
            .bind(search)
            .bind(limit)
            .fetch_all(&self.pool)
            .await?)
    }

    /// One content; nothing when it was never registered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn content(&self, content_id: B256) -> Result<Option<ContentRow>, Error> {
        Ok(sqlx::query_as(&format!("{CONTENTS} and r.content_id = $1"))
            .bind(content_id.as_slice())
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Whether a content was ever registered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn content_exists(&self, content_id: B256) -> Result<bool, Error> {
        Ok(sqlx::query_scalar(
            "select exists (select 1 from content_registrations where content_id = $1)",
        )
        .bind(content_id.as_slice())
        .fetch_one(&self.pool)
        .await?)
    }

    /// The views of a content, newest first, all or one viewer's: at most `limit`, below `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn views(
        &self,
        content_id: B256,
        viewer: Option<Address>,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Vec<ViewRow>, Error> {
        // Two queries, so that each has its index whatever plan the database keeps.
        let whose = match viewer {
            Some(_) => "v.viewer = $5",
            None => "$5::bytea is null",
        };
        let query = format!(
            "select v.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, v.log_index, v.provider,
                    v.viewer, v.token, v.price::text as price, v.creator_amount::text as creator_amount,
                    v.provider_amount::text as provider_amount, v.payout
             from views v
             join blocks b on b.number = v.block_number
             join logs l on (l.block_number, l.log_index) = (v.block_number, v.log_index)
             where v.content_id = $1 and (v.block_number, v.log_index) < ($2, $3) and {whose}
             order by v.block_number desc, v.log_index desc limit $4"
        );
        Ok(sqlx::query_as(&query)
            .bind(content_id.as_slice())
            .bind(cursor.block_number)
            .bind(cursor.log_index)
            .bind(limit)
            .bind(viewer.map(|viewer| viewer.to_vec()))
            .fetch_all(&self.pool)
            .await?)
    }

    /// The streams of a content that are registered now, newest first: at most `limit`, below `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn streams(
        &self,
        content_id: B256,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Vec<StreamRow>, Error> {
        Ok(sqlx::query_as(
            "select s.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, s.log_index, s.provider, s.url
             from stream_changes s
             join blocks b on b.number = s.block_number
             join logs l on (l.block_number, l.log_index) = (s.block_number, s.log_index)
             where s.content_id = $1 and (s.block_number, s.log_index) < ($2, $3) and s.url is not null
               and not exists (select 1 from stream_changes n
                               where n.content_id = s.content_id and n.provider = s.provider
                                 and (n.block_number, n.log_index) > (s.block_number, s.log_index))
             order by s.block_number desc, s.log_index desc limit $4",
        )
        .bind(content_id.as_slice())
        .bind(cursor.block_number)
        .bind(cursor.log_index)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The streams that are registered now, newest first: at most `limit`, below `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_streams(
        &self,
        cid: Option<&str>,
        provider: Option<Address>,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Vec<ContentStreamRow>, Error> {
        Ok(sqlx::query_as(
            "select s.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, s.log_index, s.content_id, r.cid,
                    r.name, r.creator, s.provider, s.url
             from stream_changes s
             join blocks b on b.number = s.block_number
             join logs l on (l.block_number, l.log_index) = (s.block_number, s.log_index)
             join lateral (select cid, name, creator from content_registrations r where r.content_id = s.content_id
                           order by block_number desc, log_index desc limit 1) r on true
             where (s.block_number, s.log_index) < ($1, $2) and s.url is not null
               and ($3::text is null or s.content_id in (select content_id from content_registrations where cid = $3))
               and ($4::bytea is null or s.provider = $4)
               and not exists (select 1 from stream_changes n
                               where n.content_id = s.content_id and n.provider = s.provider
                                 and (n.block_number, n.log_index) > (s.block_number, s.log_index))
             order by s.block_number desc, s.log_index desc limit $5",
        )
        .bind(cursor.block_number)
        .bind(cursor.log_index)
        .bind(cid)
        .bind(provider.map(|provider| provider.to_vec()))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Views with their contents, newest first: at most `limit`, below `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn records(
        &self,
        filter: &RecordFilter,
        cursor: Cursor,
        limit: i64,
    ) -> Result<Vec<RecordRow>, Error> {
        Ok(sqlx::query_as(
            "select v.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, v.log_index, v.content_id, r.cid,
                    r.creator, v.provider, v.viewer, v.token, v.price::text as price
             from views v
             join blocks b on b.number = v.block_number
             join logs l on (l.block_number, l.log_index) = (v.block_number, v.log_index)
             join lateral (select cid, creator from content_registrations r where r.content_id = v.content_id limit 1) r on true
             where (v.block_number, v.log_index) < ($1, $2)
               and ($3::text is null or v.content_id in (select content_id from content_registrations where cid = $3))
               and ($4::bytea is null or v.provider = $4)
               and ($5::bigint is null or b.timestamp >= $5) and ($6::bigint is null or b.timestamp < $6)
             order by v.block_number desc, v.log_index desc limit $7",
        )
        .bind(cursor.block_number)
        .bind(cursor.log_index)
        .bind(&filter.cid)
        .bind(&filter.provider)
        .bind(filter.from)
        .bind(filter.before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The URL under which `provider` streams a content now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stream_url(
        &self,
        content_id: B256,
        provider: Address,
    ) -> Result<Option<String>, Error> {
        let latest: Option<Option<String>> = sqlx::query_scalar(
            "select url from stream_changes where content_id = $1 and provider = $2
             order by block_number desc, log_index desc limit 1",
        )
        .bind(content_id.as_slice())
        .bind(provider.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(latest.flatten())
    }

    /// What an account earned and took, in each token, with its newest credits and claims: all as of one moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn earnings(
        &self,
        account: Address,
        limit: i64,
    ) -> Result<(Vec<BalanceRow>, Vec<CreditRow>, Vec<ClaimRow>), Error> {
        let mut snapshot = self.pool.begin().await?;
        sqlx::query("set transaction isolation level repeatable read, read only")
            .execute(&mut *snapshot)
            .await?;
        let balances = sqlx::query_as(
            "select token, sum(earned)::text as earned, sum(claimed)::text as claimed,
                    (sum(earned) - sum(claimed))::text as unclaimed
             from (select token, amount as earned, 0::numeric as claimed from credits where account = $1
                   union all
                   select token, 0::numeric, amount from claims where account = $1) moves
             group by token order by token",
        )
        .bind(account.as_slice())
        .fetch_all(&mut *snapshot)
        .await?;
        let credits = sqlx::query_as(
            "select e.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, e.log_index, e.token,
                    e.content_id, e.amount::text as amount
             from credits e
             join blocks b on b.number = e.block_number
             join logs l on (l.block_number, l.log_index) = (e.block_number, e.log_index)
             where e.account = $1 order by e.block_number desc, e.log_index desc limit $2",
        )
        .bind(account.as_slice())
        .bind(limit)
        .fetch_all(&mut *snapshot)
        .await?;
        let claims = sqlx::query_as(
            "select e.block_number, b.hash as block_hash, b.timestamp, l.transaction_hash, e.log_index, e.token,
                    e.recipient, e.amount::text as amount
             from claims e
             join blocks b on b.number = e.block_number
             join logs l on (l.block_number, l.log_index) = (e.block_number, e.log_index)
             where e.account = $1 order by e.block_number desc, e.log_index desc limit $2",
        )
        .bind(account.as_slice())
        .bind(limit)
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;
        Ok((balances, credits, claims))
    }
}
