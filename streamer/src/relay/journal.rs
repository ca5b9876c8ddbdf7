//! The journal of what is sent: SQLite, each write on disk before it returns.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use tokio::sync::Mutex;

use super::{Attempt, Entry, Intent, Kind, Purse, Relay, State};
use crate::error::{Error, Result};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations-relays");

/// The last transaction that was signed for a relay stands for it while none is mined. Nothing is ever deleted, so that the order of
/// the rows is that of writing, also when the clock was put back in between.
const RELAYS: &str = "select relays.*, coalesce(relays.transaction_hash,
    (select transaction_hash from attempts where attempts.relay_id = relays.relay_id order by rowid desc limit 1)
    ) as shown_hash from relays";

/// The journal.
pub(super) struct Journal(Mutex<SqliteConnection>);

/// What is under way out of one purse, for the bounds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// Pending, in all.
    pub(super) pending: u32,
    /// Pending of one account.
    pub(super) of_account: u32,
}

impl Journal {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging()
            .connect()
            .await?;
        MIGRATIONS.run(&mut connection).await?;
        Ok(Self(Mutex::new(connection)))
    }

    pub(super) async fn find(&self, id: B256) -> Result<Option<Entry>> {
        self.one(&format!("{RELAYS} where relay_id = ?"), id.to_string())
            .await
    }

    /// What is pending under this mark.
    pub(super) async fn under_way(&self, once: &str) -> Result<Option<Entry>> {
        let query = format!("{RELAYS} where once = ? and state = 'pending'");
        self.one(&query, once.to_owned()).await
    }

    async fn one(&self, query: &str, key: String) -> Result<Option<Entry>> {
        let mut connection = self.0.lock().await;
        let row = sqlx::query(query)
            .bind(key)
            .fetch_optional(&mut *connection)
            .await?;
        row.as_ref().map(entry).transpose()
    }

    /// What somebody still has to look at, the oldest first.
    pub(super) async fn unsettled(&self) -> Result<Vec<Entry>> {
        let mut connection = self.0.lock().await;
        let query = format!("{RELAYS} where settled = 0 order by relays.rowid");
        let rows = sqlx::query(&query).fetch_all(&mut *connection).await?;
        rows.iter().map(entry).collect()
    }

    /// The transactions that were signed for a relay, the newest first.
    pub(super) async fn attempts(&self, id: B256) -> Result<Vec<Attempt>> {
        let mut connection = self.0.lock().await;
        let rows = sqlx::query("select * from attempts where relay_id = ? order by rowid desc")
            .bind(id.to_string())
            .fetch_all(&mut *connection)
            .await?;
        rows.iter().map(attempt).collect()
    }

    /// The highest nonce that a pending relay holds.
    pub(super) async fn highest_nonce(&self) -> Result<Option<u64>> {
        let mut connection = self.0.lock().await;
        let highest: Option<i64> = sqlx::query_scalar(
            "select max(nonce) from attempts join relays using (relay_id) where state = 'pending'",
        )
        .fetch_one(&mut *connection)
        .await?;
        highest
            .map(|nonce| u64::try_from(nonce).map_err(|_| Error::Damaged("a nonce".to_owned())))
            .transpose()
    }

    pub(super) async fn load(&self, purse: Purse, account: Option<Address>) -> Result<Load> {
        let mut connection = self.0.lock().await;
        let row = sqlx::query(
            "select count(*) as pending, count(case when account = ? then 1 end) as of_account
             from relays where state = 'pending' and kind <> 'own' and (kind = 'view') = ?",
        )
        .bind(account.map(|account| account.to_string()))
        .bind(purse == Purse::Views)
        .fetch_one(&mut *connection)
        .await?;
        Ok(Load {
            pending: row.try_get("pending")?,
            of_account: row.try_get("of_account")?,
        })
    }

    /// What was spent out of this purse since then, or may be.
    pub(super) async fn spent_since(&self, at: i64, purse: Purse) -> Result<U256> {
        let mut connection = self.0.lock().await;
        let costs: Vec<String> = sqlx::query_scalar(
            "select cost_wei from relays where created_at >= ? and kind <> 'own' and (kind = 'view') = ?",
        )
        .bind(at)
        .bind(purse == Purse::Views)
        .fetch_all(&mut *connection)
        .await?;
        sum(&costs)
    }

    /// What all that is pending may cost.
    pub(super) async fn pending_cost(&self) -> Result<U256> {
        let mut connection = self.0.lock().await;
        let costs: Vec<String> =
            sqlx::query_scalar("select cost_wei from relays where state = 'pending'")
                .fetch_all(&mut *connection)
                .await?;
        sum(&costs)
    }

    /// Notes a relay and its first transaction, which nobody has sent yet.
    pub(super) async fn begin(
        &self,
        intent: &Intent,
        gas: u64,
        cost: U256,
        first: &Attempt,
    ) -> Result<()> {
        let mut connection = self.0.lock().await;
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "insert into relays (relay_id, kind, account, once, target, data, gas, cost_wei, created_at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(intent.id.to_string())
        .bind(intent.kind.as_str())
        .bind(intent.account.map(|account| account.to_string()))
        .bind(&intent.once)
        .bind(intent.to.to_string())
        .bind(intent.data.to_vec())
        .bind(integer(gas)?)
        .bind(cost.to_string())
        .bind(first.sent_at)
        .execute(&mut *transaction)
        .await?;
        insert_attempt(&mut transaction, intent.id, first).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes a transaction that takes the place of the one before it, which nobody has sent yet.
    pub(super) async fn attempt(&self, id: B256, cost: U256, next: &Attempt) -> Result<()> {
        let mut connection = self.0.lock().await;
        let mut transaction = connection.begin().await?;
        sqlx::query("update relays set cost_wei = ? where relay_id = ?")
            .bind(cost.to_string())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        insert_attempt(&mut transaction, id, next).await?;
        Ok(transaction.commit().await?)
    }

    /// Replaces where a relay stands.
    pub(super) async fn update(&self, entry: &Entry, settled: bool) -> Result<()> {
        let relay = &entry.relay;
        let block = entry.block.map(integer).transpose()?;
        let mined = entry.block.map(|_| relay.transaction.to_string());
        let mut connection = self.0.lock().await;
        sqlx::query(
            "update relays set state = ?, transaction_hash = ?, block_number = ?, settled = ?, detail = ?, cost_wei = ?
             where relay_id = ?",
        )
        .bind(relay.state.as_str())
        .bind(mined)
        .bind(block)
        .bind(settled)
        .bind(&relay.detail)
        .bind(entry.cost.to_string())
        .bind(relay.id.to_string())
        .execute(&mut *connection)
        .await?;
        Ok(())
    }
}

async fn insert_attempt(
    connection: &mut SqliteConnection,
    id: B256,
    attempt: &Attempt,
) -> Result<()> {
    sqlx::query(
        "insert into attempts (transaction_hash, relay_id, nonce, raw, max_fee_wei, priority_fee_wei, sent_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(attempt.transaction.to_string())
    .bind(id.to_string())
    .bind(integer(attempt.nonce)?)
    .bind(&attempt.raw)
    .bind(attempt.max_fee.to_string())
    .bind(attempt.priority_fee.to_string())
    .bind(attempt.sent_at)
    .execute(connection)
    .await?;
    Ok(())
}

fn sum(costs: &[String]) -> Result<U256> {
    costs.iter().try_fold(U256::ZERO, |sum, cost| {
        Ok(sum.saturating_add(number::<U256>(cost, "cost_wei")?))
    })
}

fn entry(row: &SqliteRow) -> Result<Entry> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let state = match text("state")?.as_str() {
        "pending" => State::Pending,
        "confirmed" => State::Confirmed,
        "failed" => State::Failed,
        other => return Err(Error::Damaged(format!("the state {other} of a relay"))),
    };
    let kind = match text("kind")?.as_str() {
        "view" => Kind::View,
        "registration" => Kind::Registration,
        "stream" => Kind::Stream,
        "own" => Kind::Own,
        other => return Err(Error::Damaged(format!("the kind {other} of a relay"))),
    };
    Ok(Entry {
        kind,
        once: row.try_get("once")?,
        created_at: row.try_get("created_at")?,
        relay: Relay {
            id: number(&text("relay_id")?, "relay_id")?,
            state,
            transaction: number(&text("shown_hash")?, "transaction_hash")?,
            detail: row.try_get("detail")?,
        },
        to: number(&text("target")?, "target")?,
        data: Bytes::from(row.try_get::<Vec<u8>, _>("data")?),
        gas: count(row, "gas")?,
        block: match row.try_get::<Option<i64>, _>("block_number")? {
            Some(_) => Some(count(row, "block_number")?),
            None => None,
        },
        cost: number(&text("cost_wei")?, "cost_wei")?,
    })
}

fn attempt(row: &SqliteRow) -> Result<Attempt> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    Ok(Attempt {
        transaction: number(&text("transaction_hash")?, "transaction_hash")?,
        nonce: count(row, "nonce")?,
        raw: row.try_get("raw")?,
        max_fee: number(&text("max_fee_wei")?, "max_fee_wei")?,
        priority_fee: number(&text("priority_fee_wei")?, "priority_fee_wei")?,
        sent_at: row.try_get("sent_at")?,
    })
}

fn count(row: &SqliteRow, column: &'static str) -> Result<u64> {
    u64::try_from(row.try_get::<i64, _>(column)?)
        .map_err(|_| Error::Damaged(format!("{column} of a relay")))
}

fn number<T: FromStr>(text: &str, column: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::Damaged(format!("{column} of a relay")))
}

fn integer(value: u64) -> Result<i64> {
    i64::try_from(value)
        .map_err(|_| Error::Internal(format!("{value} does not fit into the journal")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(id: u8, once: &str) -> Intent {
        Intent {
            id: B256::repeat_byte(id),
            kind: Kind::View,
            account: Some(Address::repeat_byte(1)),
            once: Some(once.to_owned()),
            to: Address::repeat_byte(2),
            data: Bytes::from_static(b"call"),
        }
    }

    fn signed(hash: u8, nonce: u64) -> Attempt {
        Attempt {
            transaction: B256::repeat_byte(hash),
            nonce,
            raw: vec![hash],
            max_fee: 10,
            priority_fee: 1,
            sent_at: 1000,
        }
    }

    async fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("relays.sqlite")).await;
        (folder, journal.unwrap())
    }

    #[tokio::test]
    async fn what_was_begun_is_there_after_a_restart_with_its_bytes() {
        let (folder, journal) = journal().await;
        let cost = U256::from(500);
        let (intent, first) = (intent(1, "a"), signed(9, 7));
        journal.begin(&intent, 50, cost, &first).await.unwrap();
        drop(journal);
        let journal = Journal::open(&folder.path().join("relays.sqlite")).await;
        let journal = journal.unwrap();
        let entries = journal.unsettled().await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].relay.state, State::Pending);
        assert_eq!(entries[0].relay.transaction, B256::repeat_byte(9));
        let attempts = journal.attempts(B256::repeat_byte(1)).await.unwrap();
        assert_eq!((attempts[0].nonce, &attempts[0].raw), (7, &vec![9]));
        assert_eq!(journal.highest_nonce().await.unwrap(), Some(7));
        assert_eq!(journal.spent_since(1000, Purse::Views).await.unwrap(), cost);
        let later = journal.spent_since(1001, Purse::Views).await.unwrap();
        assert_eq!(later, U256::ZERO);
    }

    #[tokio::test]
    async fn a_relay_is_begun_once_and_a_signed_nonce_is_under_way_once() {
        let (_folder, journal) = journal().await;
        let begin = async |id, once, hash| {
            let intent = intent(id, once);
            let first = signed(hash, u64::from(hash));
            journal.begin(&intent, 50, U256::ZERO, &first).await
        };
        begin(1, "a", 1).await.unwrap();
        assert!(begin(1, "b", 2).await.is_err());
        assert!(begin(2, "a", 3).await.is_err());
        let account = Some(Address::repeat_byte(1));
        let load = journal.load(Purse::Views, account).await.unwrap();
        assert_eq!((load.pending, load.of_account), (1, 1));
        let mut entry = journal.under_way("a").await.unwrap().unwrap();
        entry.relay.state = State::Failed;
        entry.relay.detail = Some("no".to_owned());
        journal.update(&entry, true).await.unwrap();
        begin(2, "a", 4).await.unwrap();
        assert_eq!(journal.unsettled().await.unwrap().len(), 1);
        let failed = journal.find(B256::repeat_byte(1)).await.unwrap().unwrap();
        assert_eq!(failed.relay.detail.as_deref(), Some("no"));
    }

    #[tokio::test]
    async fn the_last_transaction_stands_for_a_relay_until_one_is_mined() {
        let (_folder, journal) = journal().await;
        let id = B256::repeat_byte(1);
        let (intent, first) = (intent(1, "a"), signed(1, 7));
        let begun = journal.begin(&intent, 50, U256::ZERO, &first);
        begun.await.unwrap();
        let next = signed(2, 7);
        journal.attempt(id, U256::from(9), &next).await.unwrap();
        let mut entry = journal.find(id).await.unwrap().unwrap();
        assert_eq!(entry.relay.transaction, B256::repeat_byte(2));
        assert_eq!(entry.cost, U256::from(9));
        entry.relay.transaction = B256::repeat_byte(1);
        entry.relay.state = State::Confirmed;
        entry.block = Some(3);
        journal.update(&entry, false).await.unwrap();
        let entry = journal.find(id).await.unwrap().unwrap();
        assert_eq!(entry.relay.transaction, B256::repeat_byte(1));
        assert_eq!(entry.block, Some(3));
    }

    #[tokio::test]
    async fn the_order_of_transactions_is_that_of_writing_also_when_the_clock_is_put_back() {
        let (_folder, journal) = journal().await;
        let (intent, first) = (intent(1, "a"), signed(9, 7));
        let begun = journal.begin(&intent, 50, U256::ZERO, &first);
        begun.await.unwrap();
        let earlier = Attempt {
            sent_at: 10,
            ..signed(3, 7)
        };
        let next = journal.attempt(intent.id, U256::ZERO, &earlier);
        next.await.unwrap();
        let attempts = journal.attempts(intent.id).await.unwrap();
        assert_eq!(attempts[0].transaction, earlier.transaction);
        let entry = journal.find(intent.id).await.unwrap().unwrap();
        assert_eq!(entry.relay.transaction, earlier.transaction);
    }

    #[tokio::test]
    async fn views_and_registrations_are_counted_apart_and_all_that_is_pending_together() {
        let (_folder, journal) = journal().await;
        for (id, kind) in [
            (1, Kind::View),
            (2, Kind::Registration),
            (3, Kind::Stream),
            (4, Kind::Own),
        ] {
            let intent = Intent {
                kind,
                once: None,
                ..intent(id, "")
            };
            let cost = U256::from(10).pow(U256::from(id));
            let first = signed(id, u64::from(id));
            journal.begin(&intent, 50, cost, &first).await.unwrap();
        }
        let account = Some(Address::repeat_byte(1));
        for (purse, count, spent) in [(Purse::Views, 1, 10), (Purse::Registrations, 2, 1100)] {
            let load = journal.load(purse, account).await.unwrap();
            assert_eq!((load.pending, load.of_account), (count, count));
            let sum = journal.spent_since(0, purse).await.unwrap();
            assert_eq!(sum, U256::from(spent));
        }
        assert_eq!(journal.pending_cost().await.unwrap(), U256::from(11_110));
    }
}
