use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, TxHash};
use alloy::transports::TransportError;

/// Why not everything was paid. Running the same command again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum DistributeError {
    /// The node does not answer, or refuses.
    #[error("the node was asked for {doing}, and failed")]
    Node {
        /// For what it was asked.
        doing: &'static str,
        /// What it said.
        source: TransportError,
    },
    /// A contract does not answer as it should.
    #[error("{address} does not answer {view}(): is the deployment record that of this chain?")]
    View {
        /// The contract.
        address: Address,
        /// The view function.
        view: &'static str,
        /// What went wrong.
        source: Box<alloy::contract::Error>,
    },
    /// The account cannot pay the gas.
    #[error("{account} has {balance_wei} wei, and the next transactions may cost {needed_wei} wei")]
    BalanceTooLow {
        /// Whose key it is.
        account: Address,
        /// What it has.
        balance_wei: String,
        /// What may be needed.
        needed_wei: String,
    },
    /// The key cannot sign.
    #[error("a transaction could not be signed")]
    Sign(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transaction is not in a block yet.
    #[error(
        "transaction {transaction} is in no block after {} s: gas may have become dearer. Run the same again: it waits for this \
         one and sends nothing twice",
        waited.as_secs()
    )]
    NotMined {
        /// The transaction.
        transaction: TxHash,
        /// How long was waited.
        waited: Duration,
    },
    /// Another run uses the journal.
    #[error("another run uses {}: wait for its end", path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// The journal cannot be used.
    #[error("the journal {} cannot be read or written", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The journal is damaged, or is something else.
    #[error(
        "line {line} of {} is not one of a journal; move the file away to start another one (nothing is paid twice)",
        path.display()
    )]
    JournalDamaged {
        /// The journal.
        path: PathBuf,
        /// Which line.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The journal is that of another chain.
    #[error("{} belongs to chain {found}, and this is chain {expected}", path.display())]
    JournalOfOtherChain {
        /// The journal.
        path: PathBuf,
        /// Where we are.
        expected: u64,
        /// Where it was written.
        found: u64,
    },
}

pub(super) fn node(doing: &'static str) -> impl FnOnce(TransportError) -> DistributeError {
    move |source| DistributeError::Node { doing, source }
}
