use std::time::Duration;

use alloy::primitives::{Address, TxHash};
use alloy::transports::TransportError;

/// Why a file is not stored, or not all of it. What has been written stays, and a repetition goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum EthStorageError {
    /// The name cannot be part of an address.
    #[error(
        "`{0}` cannot be a file's name: it has 1 to {max} letters, digits, dots, hyphens and underscores, and begins with no dot",
        max = super::MAX_NAME
    )]
    NameInvalid(String),
    /// There is nothing in the file.
    #[error("an empty file cannot be stored")]
    Empty,
    /// The node does not answer, or refuses.
    #[error("the node was asked for {doing}, and failed")]
    Node {
        /// For what it was asked.
        doing: &'static str,
        /// What it said.
        source: TransportError,
    },
    /// The contract refuses, or is another one.
    #[error("{address} does not answer {call}() as a FlatDirectory does")]
    Call {
        /// The contract.
        address: Address,
        /// What was called.
        call: &'static str,
        /// What went wrong.
        source: Box<alloy::contract::Error>,
    },
    /// A contract of another version.
    #[error("{address} is a FlatDirectory of version {found}, and {expected} is needed")]
    OtherVersion {
        /// The contract.
        address: Address,
        /// Its version.
        found: String,
        /// The one that is spoken here.
        expected: &'static str,
    },
    /// Only its owner may write.
    #[error(
        "{address} belongs to {owner}, and the key is that of {account}: only the owner can write"
    )]
    NotOwner {
        /// The contract.
        address: Address,
        /// Whose it is.
        owner: Address,
        /// Who would write.
        account: Address,
    },
    /// There is another file of that name.
    #[error("there is another file called `{name}`: choose another name, or replace it")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The file of that name was written otherwise.
    #[error(
        "the file called `{name}` was not written as {wanted}, and the contract does not change that: choose another name"
    )]
    OtherMode {
        /// The name.
        name: String,
        /// How it would be written now.
        wanted: super::Mode,
    },
    /// Made without EthStorage's contract.
    #[error("{address} keeps no blobs: it was made without EthStorage's storage contract")]
    NoBlobs {
        /// The directory.
        address: Address,
    },
    /// A chunk that does not fit into a blob.
    #[error("a chunk is longer than a blob")]
    ChunkTooLong,
    /// The library of commitments failed.
    #[error("a blob's commitment could not be computed")]
    Kzg(#[from] c_kzg::Error),
    /// The hash is on the chain, and the data nowhere to be read yet.
    #[error("chunk {chunk} of `{name}` is on the chain, and EthStorage's node has not answered it for {} s: the same request again goes on waiting", waited.as_secs())]
    NotServed {
        /// The file.
        name: String,
        /// Which chunk.
        chunk: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// The account cannot pay the gas.
    #[error("{account} has {balance_wei} wei, and storing this may cost {needed_wei} wei")]
    BalanceTooLow {
        /// Who pays.
        account: Address,
        /// What it has.
        balance_wei: String,
        /// What may be needed.
        needed_wei: String,
    },
    /// A transaction was refused in its block.
    #[error("transaction {transaction} was refused in its block")]
    Reverted {
        /// The transaction.
        transaction: TxHash,
    },
    /// A transaction is in no block.
    #[error("transaction {transaction} is in no block")]
    NotMined {
        /// The transaction.
        transaction: TxHash,
        /// Why nobody waits any longer.
        source: alloy::providers::PendingTransactionError,
    },
    /// Earlier transactions of the account wait for a block.
    #[error("{pending} earlier transaction(s) of {account} are in no block after {} s", waited.as_secs())]
    Pending {
        /// Whose.
        account: Address,
        /// How many.
        pending: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// What is read is not what was written.
    #[error(
        "chunk {chunk} of `{name}` does not read as it was written: this node does not tell the truth about the chain"
    )]
    ReadsOtherwise {
        /// The file.
        name: String,
        /// Which chunk.
        chunk: u64,
    },
}
