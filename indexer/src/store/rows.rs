//! Rows as the queries answer them.

use sqlx::FromRow;

/// Where on the chain a row comes from.
#[derive(Debug, Clone, FromRow)]
pub struct BlockRow {
    /// The block's number.
    pub block_number: i64,
    /// The block's hash.
    pub block_hash: Vec<u8>,
    /// The block's time, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// The transaction.
    pub transaction_hash: Vec<u8>,
    /// The log's place within its block.
    pub log_index: i64,
}

/// A content with its latest terms.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct ContentRow {
    #[sqlx(flatten)]
    pub registered: BlockRow,
    pub updated_block_number: i64,
    pub updated_block_hash: Vec<u8>,
    pub updated_timestamp: i64,
    pub updated_transaction_hash: Vec<u8>,
    pub updated_log_index: i64,
    pub content_id: Vec<u8>,
    pub creator: Vec<u8>,
    pub cid: String,
    pub name: String,
    pub metadata_uri: String,
    pub active: bool,
    pub token: Vec<u8>,
    pub payout: Vec<u8>,
    pub creator_share_bps: i32,
    pub price_per_view: String,
    pub price_per_second: String,
    pub msat_per_second: String,
    pub bitcoin_payout: Option<Vec<u8>>,
    pub views: i64,
}

/// A view that was paid for.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct ViewRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub provider: Vec<u8>,
    pub viewer: Vec<u8>,
    pub token: Vec<u8>,
    pub price: String,
    pub creator_amount: String,
    pub provider_amount: String,
    pub payout: Vec<u8>,
}

/// A stream that is registered now.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct StreamRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub provider: Vec<u8>,
    pub url: String,
}

/// A stream that is registered now, with its content.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct ContentStreamRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub content_id: Vec<u8>,
    pub cid: String,
    pub name: String,
    pub creator: Vec<u8>,
    pub provider: Vec<u8>,
    pub url: String,
}

/// Which views.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Of contents with this CID.
    pub cid: Option<String>,
    /// Streamed by this account.
    pub provider: Option<Vec<u8>>,
    /// Recorded in this second or later.
    pub from: Option<i64>,
    /// Recorded before this second.
    pub before: Option<i64>,
}

/// A view that was paid for, with its content.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct RecordRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub content_id: Vec<u8>,
    pub cid: String,
    pub creator: Vec<u8>,
    pub provider: Vec<u8>,
    pub viewer: Vec<u8>,
    pub token: Vec<u8>,
    pub price: String,
}

/// What an account earned and took in one token.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct BalanceRow {
    pub token: Vec<u8>,
    pub earned: String,
    pub claimed: String,
    pub unclaimed: String,
}

/// One credit of an account.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct CreditRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub token: Vec<u8>,
    pub content_id: Vec<u8>,
    pub amount: String,
}

/// One claim of an account.
#[derive(Debug, Clone, FromRow)]
#[allow(missing_docs, reason = "the columns are documented in the migration")]
pub struct ClaimRow {
    #[sqlx(flatten)]
    pub place: BlockRow,
    pub token: Vec<u8>,
    pub recipient: Vec<u8>,
    pub amount: String,
}
