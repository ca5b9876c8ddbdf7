//! Looks at the chain and sends what is missing. Whatever a run was interrupted in, the next one goes on from what it sees.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, TxHash, hex};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::TransportError;

use super::plan::{CREATE2_DEPLOYER, Plan, PlannedContract};
use super::{DeployError, Step};
use crate::{Deployment, EarningsSplitter, PayoutSplitFactory};

/// The code of the deterministic deployer.
const CREATE2_DEPLOYER_CODE: &[u8] = &hex!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// How long, and how far, a run waits for the chain.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// The blocks, its own counted, after which a deployment is certain enough.
    pub confirmations: u64,
    /// The longest wait for one thing.
    pub patience: Duration,
    /// Between two looks.
    pub interval: Duration,
}

impl Waiting {
    /// A chain that makes a block for each transaction, or each second.
    #[must_use]
    pub const fn on_development_chain() -> Self {
        Self {
            confirmations: 1,
            patience: Duration::from_secs(120),
            interval: Duration::from_millis(50),
        }
    }
}

/// What is on the chain now.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The short form of the record.
    pub deployment: Deployment,
    /// By contract, in the plan's order: since when, and by which transaction if that is known.
    pub contracts: Vec<Placement>,
}

/// How a contract came to be on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Its first block.
    pub block: u64,
    /// The transaction; nothing when another contract called the deployer.
    pub transaction: Option<TxHash>,
}

/// Which of the plan's contracts are on the chain, in the plan's order, each checked byte by byte.
///
/// # Errors
/// When the chain has no deterministic deployer, when there is other code at an address, or when the node fails.
pub async fn survey(provider: &impl Provider, plan: &Plan) -> Result<Vec<bool>, DeployError> {
    let address = CREATE2_DEPLOYER;
    match code(provider, address).await? {
        code if code.is_empty() => return Err(DeployError::DeployerMissing { address }),
        code if *code != *CREATE2_DEPLOYER_CODE => {
            return Err(DeployError::DeployerOther { address });
        }
        _ => {}
    }
    let mut standing = Vec::new();
    for contract in plan.contracts() {
        standing.push(is_in_place(provider, contract).await?);
    }
    if standing.iter().all(|in_place| *in_place) {
        check_values(provider, plan).await?;
    }
    Ok(standing)
}

/// Sends what is missing from `account`, for which `provider` signs, waits until all is certain, and proves all of it.
///
/// # Errors
/// [`DeployError`]. Running it again goes on from there, and sends nothing that is on its way or in place.
pub async fn deploy(
    provider: &impl Provider,
    account: Address,
    plan: &Plan,
    waiting: Waiting,
    mut report: impl FnMut(Step),
) -> Result<Placed, DeployError> {
    // What an interrupted run has sent may still be on its way.
    settle_account(provider, account, waiting, &mut report).await?;
    let standing = survey(provider, plan).await?;
    let mut sent = Vec::new();
    for (contract, in_place) in plan.contracts().into_iter().zip(standing) {
        sent.push(if in_place {
            report(Step::InPlace(contract.name, contract.address));
            None
        } else {
            send(provider, account, contract, waiting, &mut report).await?
        });
    }
    settle(provider, plan, &sent, waiting, &mut report).await?;
    place(provider, plan, &sent).await
}

/// Finds out since when each contract is on the chain. All of them have to be there.
///
/// # Errors
/// [`DeployError::HistoryUnavailable`] when the node does not know; or when it fails.
async fn place(
    provider: &impl Provider,
    plan: &Plan,
    sent: &[Option<TxHash>],
) -> Result<Placed, DeployError> {
    let chain_id = chain_id(provider).await?;
    let mut contracts = Vec::new();
    for (contract, sent) in plan.contracts().into_iter().zip(sent) {
        let known = match sent {
            Some(transaction) => receipt_block(provider, *transaction).await?,
            None => None,
        };
        contracts.push(match known {
            Some(block) => Placement {
                block,
                transaction: *sent,
            },
            None => {
                let block = first_block(provider, contract).await?;
                let transaction = deploying_transaction(provider, contract, block).await?;
                Placement { block, transaction }
            }
        });
    }
    let block = contracts.iter().map(|placement| placement.block).min();
    Ok(Placed {
        deployment: plan.deployment(chain_id, block.unwrap_or_default()),
        contracts,
    })
}

/// The chain's id.
///
/// # Errors
/// When the node fails.
pub async fn chain_id(provider: &impl Provider) -> Result<u64, DeployError> {
    let answer = provider.get_chain_id().await;
    answer.map_err(node("the chain id"))
}

/// A contract of the plan that was already there before `block`, as far as the node keeps old states.
pub(super) async fn there_before(
    provider: &impl Provider,
    plan: &Plan,
    block: u64,
) -> Option<&'static str> {
    for contract in plan.contracts() {
        let earlier = provider
            .get_code_at(contract.address)
            .number(block.checked_sub(1)?);
        if earlier.await.is_ok_and(|code| !code.is_empty()) {
            return Some(contract.name);
        }
    }
    None
}

async fn is_in_place(
    provider: &impl Provider,
    contract: &PlannedContract,
) -> Result<bool, DeployError> {
    let found = code(provider, contract.address).await?;
    if found.is_empty() {
        return Ok(false);
    }
    contract
        .runtime
        .compare(&found)
        .map(|()| true)
        .map_err(|difference| DeployError::WrongCode {
            contract: contract.name,
            address: contract.address,
            difference,
        })
}

/// The values of the immutables, which the comparison of the code leaves out.
async fn check_values(provider: &impl Provider, plan: &Plan) -> Result<(), DeployError> {
    let (splitter, factory) = (&plan.splitter, &plan.split_factory);
    let registry = EarningsSplitter::new(splitter.address, provider)
        .registry()
        .call()
        .await;
    check_value(splitter, "registry", plan.registry.address, registry)?;
    let split = PayoutSplitFactory::new(factory.address, provider)
        .implementation()
        .call()
        .await;
    check_value(factory, "implementation", plan.split_address(), split)?;

    let address = plan.split_address();
    let found = code(provider, address).await?;
    plan.split
        .compare(&found)
        .map_err(|difference| DeployError::WrongCode {
            contract: "PayoutSplit",
            address,
            difference,
        })
}

fn check_value(
    contract: &PlannedContract,
    view: &'static str,
    expected: Address,
    answer: Result<Address, alloy::contract::Error>,
) -> Result<(), DeployError> {
    let PlannedContract { name, address, .. } = *contract;
    let found = answer.map_err(|source| DeployError::View {
        contract: name,
        address,
        view,
        source: Box::new(source),
    })?;
    if found == expected {
        return Ok(());
    }
    Err(DeployError::WrongValue {
        contract: name,
        address,
        view,
        expected,
        found,
    })
}

/// Waits until no transaction of the account is on its way.
async fn settle_account(
    provider: &impl Provider,
    account: Address,
    waiting: Waiting,
    report: &mut impl FnMut(Step),
) -> Result<(), DeployError> {
    let started = Instant::now();
    loop {
        let count = |counted: Result<u64, TransportError>| {
            counted.map_err(node("the account's transactions"))
        };
        let mined = count(provider.get_transaction_count(account).latest().await)?;
        let known = count(provider.get_transaction_count(account).pending().await)?;
        let pending = known.saturating_sub(mined);
        if pending == 0 {
            return Ok(());
        }
        let waited = started.elapsed();
        if waited > waiting.patience {
            return Err(DeployError::TransactionsPending {
                account,
                pending,
                waited,
            });
        }
        report(Step::Pending(pending));
        tokio::time::sleep(waiting.interval).await;
    }
}

/// Sends one contract and waits for its block. Nothing when somebody else has put the same contract there meanwhile.
async fn send(
    provider: &impl Provider,
    account: Address,
    contract: &PlannedContract,
    waiting: Waiting,
    report: &mut impl FnMut(Step),
) -> Result<Option<TxHash>, DeployError> {
    let request = TransactionRequest::default()
        .with_from(account)
        .with_to(CREATE2_DEPLOYER)
        .with_input(contract.calldata.clone());
    let pending = match provider.send_transaction(request).await {
        Ok(pending) => pending.with_timeout(Some(waiting.patience)),
        Err(source) => {
            // The estimate of gas fails when somebody else was faster.
            if is_in_place(provider, contract).await? {
                return Ok(None);
            }
            return Err(node("to take a transaction")(source));
        }
    };
    let transaction = *pending.tx_hash();
    report(Step::Sent(contract.name, transaction));
    let receipt = pending
        .get_receipt()
        .await
        .map_err(|source| DeployError::NotMined {
            contract: contract.name,
            transaction,
            source,
        })?;
    if receipt.status() {
        report(Step::Mined(contract.name, contract.address));
        return Ok(Some(transaction));
    }
    if is_in_place(provider, contract).await? {
        return Ok(None);
    }
    Err(DeployError::Reverted {
        contract: contract.name,
        transaction,
    })
}

/// Waits until what was sent lies deep enough, and until the node, or each of those behind its name, shows all of it.
async fn settle(
    provider: &impl Provider,
    plan: &Plan,
    sent: &[Option<TxHash>],
    waiting: Waiting,
    report: &mut impl FnMut(Step),
) -> Result<(), DeployError> {
    let started = Instant::now();
    loop {
        let head = provider
            .get_block_number()
            .await
            .map_err(node("its newest block"))?;
        let mut settled = true;
        for transaction in sent.iter().flatten() {
            let block = receipt_block(provider, *transaction).await?;
            settled &= block.is_some_and(|block| head + 1 >= block + waiting.confirmations);
        }
        if settled
            && survey(provider, plan)
                .await?
                .into_iter()
                .all(|in_place| in_place)
        {
            return Ok(());
        }
        let waited = started.elapsed();
        if waited > waiting.patience {
            return Err(DeployError::NotSettled {
                what: "confirmations",
                waited,
            });
        }
        report(Step::Confirming(waiting.confirmations));
        tokio::time::sleep(waiting.interval).await;
    }
}

async fn receipt_block(
    provider: &impl Provider,
    transaction: TxHash,
) -> Result<Option<u64>, DeployError> {
    let receipt = provider.get_transaction_receipt(transaction).await;
    let receipt = receipt.map_err(node("a receipt"))?;
    Ok(receipt.and_then(|receipt| receipt.block_number))
}

/// The first block with the contract, by bisection. A block that the node cannot answer for counts as one without it; the end
/// proves that the block before the result is one.
async fn first_block(
    provider: &impl Provider,
    contract: &PlannedContract,
) -> Result<u64, DeployError> {
    let has_code = async |block: u64| {
        let code = provider.get_code_at(contract.address).number(block).await;
        code.map(|code| !code.is_empty()).ok()
    };
    let (mut without, mut with) = (
        0,
        provider
            .get_block_number()
            .await
            .map_err(node("its newest block"))?,
    );
    // The first block in `without..=with`.
    while without < with {
        let middle = without + (with - without) / 2;
        if has_code(middle).await.unwrap_or(false) {
            with = middle;
        } else {
            without = middle + 1;
        }
    }
    if with == 0 || has_code(with - 1).await == Some(false) {
        Ok(with)
    } else {
        Err(DeployError::HistoryUnavailable {
            contract: contract.name,
        })
    }
}

/// The transaction of this block that deployed the contract, if it called the deployer itself.
async fn deploying_transaction(
    provider: &impl Provider,
    contract: &PlannedContract,
    block: u64,
) -> Result<Option<B256>, DeployError> {
    use alloy::consensus::Transaction;
    use alloy::network::TransactionResponse;

    let block = provider.get_block_by_number(block.into()).full().await;
    let Some(block) = block.map_err(node("a block"))? else {
        return Ok(None);
    };
    let transactions = block.transactions.into_transactions();
    Ok(transactions
        .filter(|transaction| transaction.to() == Some(CREATE2_DEPLOYER))
        .find(|transaction| *transaction.input() == contract.calldata)
        .map(|transaction| transaction.tx_hash()))
}

async fn code(provider: &impl Provider, address: Address) -> Result<Bytes, DeployError> {
    let answer = provider.get_code_at(address).await;
    answer.map_err(node("a contract's code"))
}

pub(super) fn node(doing: &'static str) -> impl FnOnce(TransportError) -> DeployError {
    move |source| DeployError::Node { doing, source }
}
