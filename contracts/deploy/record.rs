//! The record on disk: where the contracts are, and all that is needed to make the same code again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use alloy::primitives::{Address, B256, TxHash};
use alloy::providers::Provider;
use serde::Serialize;

use super::plan::{CREATE2_DEPLOYER, Compiler, Plan};
use super::{DeployError, Placed, chain};
use crate::Deployment;

/// `deployments/<chain id>.json`, as it is written. [`Deployment`] reads the part of it that programs need.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Where the contracts are.
    #[serde(flatten)]
    pub deployment: Deployment,
    /// The sources.
    #[serde(flatten)]
    pub source: Source,
    /// What compiled them.
    pub compiler: Compiler,
    /// What made the addresses.
    pub create2: Create2,
    /// By their Solidity names.
    pub contracts: BTreeMap<&'static str, RecordedContract>,
}

/// Which sources were built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The commit; nothing outside of a repository.
    pub commit: Option<String>,
    /// Whether that commit's contracts, settings and locked versions were built, and nothing changed since.
    pub clean: bool,
}

/// The arguments of CREATE2.
#[derive(Debug, Clone, Serialize)]
pub struct Create2 {
    /// The deterministic deployer.
    pub deployer: Address,
    /// The salt.
    pub salt: B256,
}

/// One contract.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedContract {
    /// Where it is.
    pub address: String,
    /// Its constructor's arguments.
    pub constructor_arguments: BTreeMap<&'static str, String>,
    /// Its first block.
    pub block: u64,
    /// What deployed it, if it was a transaction to the deployer.
    pub transaction: Option<TxHash>,
}

impl Record {
    /// The record of what is on the chain.
    #[must_use]
    pub fn new(plan: &Plan, placed: &Placed, source: Source) -> Self {
        let contracts = plan.contracts().into_iter().zip(&placed.contracts);
        let contracts = contracts.map(|(contract, placement)| {
            let arguments = contract.arguments.iter();
            let recorded = RecordedContract {
                address: contract.address.to_string(),
                constructor_arguments: arguments
                    .map(|(name, value)| (*name, value.to_string()))
                    .collect(),
                block: placement.block,
                transaction: placement.transaction,
            };
            (contract.name, recorded)
        });
        Self {
            deployment: placed.deployment,
            source,
            compiler: plan.compiler().clone(),
            create2: Create2 {
                deployer: CREATE2_DEPLOYER,
                salt: plan.salt,
            },
            contracts: contracts.collect(),
        }
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// [`DeployError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), DeployError> {
        let failed = |source| DeployError::Write {
            path: path.to_owned(),
            source,
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        write_whole(path, &format!("{text}\n")).map_err(failed)
    }
}

/// The record on disk; nothing when there is none.
///
/// # Errors
/// When it cannot be read.
pub fn recorded(path: &Path) -> Result<Option<Deployment>, DeployError> {
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Ok(None);
    }
    Ok(Some(Deployment::load(path)?))
}

/// Whether the record on disk is of this chain and this build, and what it names is in place (`standing`, by [`survey`]).
///
/// # Errors
/// What disagrees, and what to do.
///
/// [`survey`]: super::survey
pub fn check_record(
    path: &Path,
    record: &Deployment,
    plan: &Plan,
    chain_id: u64,
    standing: &[bool],
) -> Result<(), DeployError> {
    if record.chain_id != chain_id {
        return Err(DeployError::RecordOfOtherChain {
            path: path.to_owned(),
            expected: chain_id,
            found: record.chain_id,
        });
    }
    let addresses = [record.registry, record.splitter, record.split_factory];
    for (contract, found) in plan.contracts().into_iter().zip(addresses) {
        if found != contract.address {
            return Err(DeployError::RecordOfOtherBuild {
                path: path.to_owned(),
                contract: contract.name,
                expected: contract.address,
                found,
            });
        }
    }
    for (contract, in_place) in plan.contracts().into_iter().zip(standing) {
        if !in_place {
            return Err(DeployError::RecordWithoutCode {
                path: path.to_owned(),
                contract: contract.name,
                address: contract.address,
            });
        }
    }
    Ok(())
}

/// Whether nothing was on the chain before the record's block, as far as the node knows the past.
///
/// # Errors
/// [`DeployError::RecordBlockTooLate`].
pub async fn record_block_is_early_enough(
    provider: &impl Provider,
    path: &Path,
    record: &Deployment,
    plan: &Plan,
) -> Result<(), DeployError> {
    match chain::there_before(provider, plan, record.block).await {
        None => Ok(()),
        Some(contract) => Err(DeployError::RecordBlockTooLate {
            path: path.to_owned(),
            contract,
            block: record.block,
        }),
    }
}

/// By a file beside it, which takes its place when it is on the disk.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension("json.partial");
    let mut file = File::create(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}
