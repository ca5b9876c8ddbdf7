//! The provider's own view of the Bitcoin chain. Nothing else is believed about money.

use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, Txid};

mod rpc;

pub(crate) use rpc::amount_of;
pub use rpc::{Authentication, CoreNode};

/// The end of the chain as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// Its height.
    pub height: u32,
    /// Its block hash, in display order.
    pub hash: String,
    /// Whether the node is still catching up with the network; then its view is not to be used.
    pub syncing: bool,
}

/// An unspent output, as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its value.
    pub value: Amount,
    /// Its script.
    pub script: ScriptBuf,
    /// How many blocks confirm it; 0 while it waits in the mempool.
    pub confirmations: u32,
}

/// Where a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Neither in the mempool nor found in the chain.
    Unknown,
    /// It waits in the mempool.
    Mempool,
    /// It is in the chain, with this many confirmations.
    Chain(u32),
}

/// How a broadcast went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broadcast {
    /// The node has it, now or already.
    Accepted,
    /// The node refuses it, and says why; a later attempt may go better (an unconfirmed parent, a full mempool).
    Refused(String),
}

/// Why the node could not be asked. A retry helps.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// It cannot be reached, or did not answer in time.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It does not accept our credentials.
    #[error("the node refuses the credentials")]
    Unauthorized,
    /// It answered with an error.
    #[error("{method}: {message} ({code})")]
    Rpc {
        /// The call.
        method: &'static str,
        /// Core's error code.
        code: i64,
        /// Core's message.
        message: String,
    },
    /// It answered something that is not understood.
    #[error("{method}: an answer of an unexpected shape")]
    Shape {
        /// The call.
        method: &'static str,
    },
}

impl From<NodeError> for crate::error::Error {
    fn from(error: NodeError) -> Self {
        Self::Unavailable {
            service: "Bitcoin",
            detail: error.to_string(),
        }
    }
}

/// What the streamer asks of a Bitcoin node.
#[async_trait::async_trait]
pub trait BitcoinNode: Send + Sync {
    /// The end of the chain.
    async fn tip(&self) -> Result<Tip, NodeError>;
    /// An unspent output, in the chain or in the mempool; spent in the mempool counts as spent.
    async fn output(&self, outpoint: OutPoint) -> Result<Option<Output>, NodeError>;
    /// Where a transaction is. `outputs` is how many it has: a node without a transaction index is asked for each.
    async fn place(&self, txid: Txid, outputs: u32) -> Result<Place, NodeError>;
    /// Sends a transaction. One that the node has already counts as accepted.
    async fn broadcast(&self, transaction: &Transaction) -> Result<Broadcast, NodeError>;
    /// The feerate in sat/vB, rounded up, to confirm within so many blocks; `None` when the node has no estimate.
    async fn feerate_sat_vb(&self, blocks: u16) -> Result<Option<u64>, NodeError>;
}
