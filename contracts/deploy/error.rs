use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, TxHash};
use alloy::transports::TransportError;

use super::network::NETWORKS;
use super::runtime::Difference;
use crate::DeploymentError;

/// Why nothing was deployed, or not everything. Running the same command again is always safe.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Ethereum's main network.
    #[error(
        "this is Ethereum's main network, and Paystream is not deployed there: nothing was sent"
    )]
    Mainnet,
    /// No network has that name.
    #[error("no network is called `{name}`; known are: {}", NETWORKS.map(|network| network.name).join(", "))]
    UnknownNetwork {
        /// The name.
        name: String,
    },
    /// The node is on another chain.
    #[error(
        "the node is on chain {found}, but {network} is chain {expected}: check --rpc-url; nothing was sent"
    )]
    OtherChain {
        /// The network that was asked for.
        network: &'static str,
        /// Its chain id.
        expected: u64,
        /// The node's.
        found: u64,
    },
    /// The chain has no deterministic deployer.
    #[error(
        "the chain has no deterministic deployer at {address}: anvil has one unless it was started with \
         --disable-default-create2-deployer; for other chains see https://github.com/Arachnid/deterministic-deployment-proxy"
    )]
    DeployerMissing {
        /// Where it has to be.
        address: Address,
    },
    /// Something else is where the deterministic deployer has to be.
    #[error(
        "the code at {address} is not the deterministic deployer's: nothing can be deployed by it on this chain"
    )]
    DeployerOther {
        /// Where it has to be.
        address: Address,
    },
    /// The code at a contract's address is not what this build makes.
    #[error(
        "the code of {contract} at {address} is not this build's ({difference}): this node does not tell the truth about \
         the chain, or this is a development chain whose code was changed. Ask another --rpc-url, or start a fresh chain"
    )]
    WrongCode {
        /// The contract.
        contract: &'static str,
        /// Where it is.
        address: Address,
        /// What differs.
        difference: Difference,
    },
    /// A contract answers another value than it was constructed with.
    #[error(
        "{contract} at {address} answers {found} to {view}(), not {expected}: it is not the contract of this build. \
         Ask another --rpc-url, or start a fresh chain"
    )]
    WrongValue {
        /// The contract.
        contract: &'static str,
        /// Where it is.
        address: Address,
        /// The view function.
        view: &'static str,
        /// What it should answer.
        expected: Address,
        /// What it answers.
        found: Address,
    },
    /// A contract is not on the chain.
    #[error("{contract} is not at {address}: deploy it with --broadcast")]
    NotDeployed {
        /// The contract.
        contract: &'static str,
        /// Where it would be.
        address: Address,
    },
    /// The account cannot pay.
    #[error(
        "{account} has {balance_wei} wei, and deploying may cost {needed_wei} wei: send it more; nothing was sent"
    )]
    BalanceTooLow {
        /// The account.
        account: Address,
        /// What it has.
        balance_wei: String,
        /// What is needed at most, at today's price of gas.
        needed_wei: String,
    },
    /// Transactions of the account wait for a block.
    #[error(
        "{pending} transaction(s) of {account} still wait for a block after {} s: run the same again later, it goes on from \
         there", waited.as_secs()
    )]
    TransactionsPending {
        /// The account.
        account: Address,
        /// How many wait.
        pending: u64,
        /// For how long this waited.
        waited: Duration,
    },
    /// A transaction has not got into a block.
    #[error(
        "the transaction {transaction} that deploys {contract} has no receipt yet: run the same again later, it goes on \
         from there"
    )]
    NotMined {
        /// The contract.
        contract: &'static str,
        /// The transaction.
        transaction: TxHash,
        /// What was waited for in vain.
        source: alloy::providers::PendingTransactionError,
    },
    /// A transaction failed.
    #[error(
        "the transaction {transaction} that deploys {contract} was reverted: look at it in a block explorer"
    )]
    Reverted {
        /// The contract.
        contract: &'static str,
        /// The transaction.
        transaction: TxHash,
    },
    /// What was seen on the chain is not there any more.
    #[error(
        "the chain does not yet show what was deployed (waited {} s for {what}): run the same again, nothing is deployed \
         twice", waited.as_secs()
    )]
    NotSettled {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        waited: Duration,
    },
    /// The node does not know the past.
    #[error(
        "the contracts are on the chain, but this node cannot tell since which block {contract} is (it keeps no old states, \
         or its answers do not agree): run the same with the --rpc-url of an archive node; nothing is sent twice"
    )]
    HistoryUnavailable {
        /// The contract.
        contract: &'static str,
    },
    /// The node does not answer, or refuses.
    #[error("the node failed: {doing}")]
    Node {
        /// What it was asked for.
        doing: &'static str,
        /// What it said.
        source: TransportError,
    },
    /// A contract cannot be called.
    #[error("{contract} at {address} does not answer {view}()")]
    View {
        /// The contract.
        contract: &'static str,
        /// Where it is.
        address: Address,
        /// The view function.
        view: &'static str,
        /// What came instead.
        source: Box<alloy::contract::Error>,
    },
    /// The record on disk cannot be read.
    #[error(transparent)]
    Record(#[from] DeploymentError),
    /// There is no record.
    #[error("there is no record {}: run this with --broadcast, which writes it and sends only what is missing", path.display())]
    NoRecord {
        /// Where it would be.
        path: PathBuf,
    },
    /// The record on disk is of another chain.
    #[error("the record {} is of chain {found}, not of {expected}: move it away, or name another with --record", path.display())]
    RecordOfOtherChain {
        /// The file.
        path: PathBuf,
        /// The chain.
        expected: u64,
        /// The record's.
        found: u64,
    },
    /// The record on disk names other addresses than this build has.
    #[error(
        "the record {} has the {contract} at {found}, and this build's is at {expected}: the contracts' sources, or the \
         compiler, have changed since. To check or verify what is recorded, check out the commit that the record names. To \
         deploy this build beside it, move the record away first (earnings in the old splitter stay claimable there). \
         Nothing was sent", path.display()
    )]
    RecordOfOtherBuild {
        /// The file.
        path: PathBuf,
        /// The contract.
        contract: &'static str,
        /// This build's address.
        expected: Address,
        /// The record's.
        found: Address,
    },
    /// The record on disk names a contract that is not on the chain.
    #[error(
        "the record {} has the {contract} at {address}, but the chain has no code there: it is the record of a chain that \
         was thrown away, or this node is behind. Move the record away to deploy again. Nothing was sent", path.display()
    )]
    RecordWithoutCode {
        /// The file.
        path: PathBuf,
        /// The contract.
        contract: &'static str,
        /// Where it should be.
        address: Address,
    },
    /// The record's block is after the deployment.
    #[error(
        "the record {} says that nothing happened before block {block}, but {contract} was there earlier: events would be \
         missed. Move the record away and run this with --broadcast, which writes it anew", path.display()
    )]
    RecordBlockTooLate {
        /// The file.
        path: PathBuf,
        /// The contract.
        contract: &'static str,
        /// The record's block.
        block: u64,
    },
    /// The record cannot be written.
    #[error("the contracts are on the chain, but the record {} cannot be written: mend that and run the same again", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
