use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, TxHash, U256};
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
    /// Gas costs more than is paid for it.
    #[error("a unit of gas may cost {} gwei now, and --max-fee-gwei is {}", gwei(*now), gwei(*most))]
    GasTooDear {
        /// What a unit may cost, in wei.
        now: u128,
        /// The most that is paid, in wei.
        most: u128,
    },
    /// A transaction has to be signed again, and the key is another one.
    #[error(
        "transaction {transaction} of an earlier run has to be signed again, by the key of {account}: run with that one"
    )]
    OtherKey {
        /// The transaction.
        transaction: TxHash,
        /// Whose it is.
        account: Address,
    },
    /// The key cannot sign.
    #[error("a transaction could not be signed")]
    Sign(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transaction is not in a block yet.
    #[error(
        "transaction {transaction} is in no block after {} s: gas may have become dearer. Run the same again: it waits for this \
         one, or offers more for it, and sends nothing twice",
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

fn gwei(wei: u128) -> String {
    super::amount_in_units(U256::from(wei), 9)
}

pub(super) fn node(doing: &'static str) -> impl FnOnce(TransportError) -> DistributeError {
    move |source| DistributeError::Node { doing, source }
}
