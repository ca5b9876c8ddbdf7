//! What this build deploys, and where: decided without asking any chain.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, address, b256};
use alloy::sol_types::SolValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::runtime::{Hole, RuntimeCode};
use crate::Deployment;

/// The deterministic deployer, at the same address on nearly every chain: it takes a salt and init code and calls CREATE2.
pub const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// The salt of the public deployments: "Paystream" in ASCII.
pub const SALT: B256 = b256!("50617973747265616d0000000000000000000000000000000000000000000000");

/// The contracts of this build, in the order in which they are deployed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The salt that their addresses are made with.
    pub salt: B256,
    /// The registry.
    pub registry: PlannedContract,
    /// The splitter.
    pub splitter: PlannedContract,
    /// The factory of payout splits.
    pub split_factory: PlannedContract,
    /// The split that the factory's clones call: the factory's constructor deploys it.
    pub split: RuntimeCode,
}

/// A contract that is to be on the chain.
#[derive(Debug, Clone)]
pub struct PlannedContract {
    /// Its name in Solidity.
    pub name: &'static str,
    /// Its name in the deployment record.
    pub field: &'static str,
    /// Where it goes: a function of the salt, the code and the constructor's arguments.
    pub address: Address,
    /// The constructor's arguments, by their names.
    pub arguments: Vec<(&'static str, Address)>,
    /// What is sent to the deployer: the salt, the code, the arguments.
    pub calldata: Bytes,
    /// The code it then has.
    pub runtime: RuntimeCode,
    /// What it was compiled with.
    pub compiler: Compiler,
}

/// What a contract was compiled with, as its metadata says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compiler {
    /// solc's version, with its commit.
    pub version: String,
    /// What solc was told, but for the name of the contract.
    pub settings: Value,
}

macro_rules! artefact {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(
                env!("OUT_DIR"),
                "/out/",
                $name,
                ".sol/",
                $name,
                ".json"
            )),
        )
    };
}

impl Plan {
    /// The plan with this salt. Everything but tests uses [`SALT`].
    #[must_use]
    pub fn new(salt: B256) -> Self {
        let registry = plan(salt, "registry", artefact!("StreamRegistry"), &[]);
        let splitter = plan(
            salt,
            "splitter",
            artefact!("EarningsSplitter"),
            &[("registry_", registry.address)],
        );
        let split_factory = plan(salt, "splitFactory", artefact!("PayoutSplitFactory"), &[]);
        let (_, split) = artefact!("PayoutSplit");
        Self {
            salt,
            registry,
            splitter,
            split_factory,
            split: parse(split).deployed_bytecode.into(),
        }
    }

    /// All contracts, in the order in which they are deployed.
    #[must_use]
    pub fn contracts(&self) -> Vec<&PlannedContract> {
        vec![&self.registry, &self.splitter, &self.split_factory]
    }

    /// The short form of the record of this plan on a chain.
    #[must_use]
    pub fn deployment(&self, chain_id: u64, block: u64) -> Deployment {
        Deployment {
            chain_id,
            registry: self.registry.address,
            splitter: self.splitter.address,
            split_factory: self.split_factory.address,
            block,
        }
    }

    /// What all of them were compiled with.
    #[must_use]
    pub fn compiler(&self) -> &Compiler {
        &self.registry.compiler
    }

    /// Where the factory's constructor puts the split.
    #[must_use]
    pub fn split_address(&self) -> Address {
        self.split_factory.address.create(1)
    }
}

impl PlannedContract {
    /// The constructor's arguments as it takes them.
    #[must_use]
    pub fn encoded_arguments(&self) -> Bytes {
        encode(&self.arguments)
    }

    /// About the most gas that deploying takes: as if every byte that is sent were stored, and a tenth for the constructor.
    #[must_use]
    pub fn gas_bound(&self) -> u64 {
        const TRANSACTION_AND_CREATE: u64 = 21_000 + 32_000;
        const CALLDATA_BYTE: u64 = 16;
        const INIT_CODE_WORD: u64 = 2;
        const CODE_BYTE: u64 = 200;
        let init = self.calldata.len() as u64;
        let bytes = init * (CALLDATA_BYTE + CODE_BYTE) + init.div_ceil(32) * INIT_CODE_WORD;
        let gas = TRANSACTION_AND_CREATE + bytes;
        gas + gas / 10
    }
}

/// The part of forge's artefact that is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artefact {
    bytecode: Code,
    deployed_bytecode: Code,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Code {
    object: Bytes,
    #[serde(default)]
    immutable_references: BTreeMap<String, Vec<Hole>>,
}

#[derive(Deserialize)]
struct Metadata {
    compiler: Version,
    settings: Value,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

fn plan(
    salt: B256,
    field: &'static str,
    (name, artefact): (&'static str, &str),
    arguments: &[(&'static str, Address)],
) -> PlannedContract {
    let mut artefact = parse(artefact);
    if let Some(settings) = artefact.metadata.settings.as_object_mut() {
        settings.remove("compilationTarget");
    }
    let init_code = [&artefact.bytecode.object[..], &encode(arguments)].concat();
    PlannedContract {
        name,
        field,
        address: CREATE2_DEPLOYER.create2_from_code(salt, &init_code),
        arguments: arguments.to_vec(),
        calldata: [salt.as_slice(), &init_code].concat().into(),
        runtime: artefact.deployed_bytecode.into(),
        compiler: Compiler {
            version: artefact.metadata.compiler.version,
            settings: artefact.metadata.settings,
        },
    }
}

fn parse(artefact: &str) -> Artefact {
    serde_json::from_str(artefact)
        .expect("forge wrote the artefact, and the bindings were made from it")
}

impl From<Code> for RuntimeCode {
    fn from(code: Code) -> Self {
        Self::new(code.object, code.immutable_references)
    }
}

/// Addresses take a word each, whether alone or one after another.
fn encode(arguments: &[(&'static str, Address)]) -> Bytes {
    arguments
        .iter()
        .flat_map(|(_, value)| value.abi_encode())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EarningsSplitter, StreamRegistry};

    #[test]
    fn the_salt_is_readable() {
        assert_eq!(
            SALT.as_slice()
                .trim_ascii_end()
                .split(|&byte| byte == 0)
                .next(),
            Some(&b"Paystream"[..])
        );
    }

    #[test]
    fn the_code_that_is_sent_is_the_bindings_code_with_the_arguments_after_it() {
        let plan = Plan::new(SALT);
        let registry = [SALT.as_slice(), &StreamRegistry::BYTECODE].concat();
        assert_eq!(plan.registry.calldata, registry);
        let argument = plan.registry.address.into_word();
        let splitter = [
            SALT.as_slice(),
            &EarningsSplitter::BYTECODE,
            argument.as_slice(),
        ]
        .concat();
        assert_eq!(plan.splitter.calldata, splitter);
    }

    #[test]
    fn all_contracts_are_compiled_in_the_same_way() {
        let plan = Plan::new(SALT);
        for contract in plan.contracts() {
            assert_eq!(&contract.compiler, plan.compiler());
        }
    }

    #[test]
    fn another_salt_gives_other_addresses() {
        let (plan, other) = (Plan::new(SALT), Plan::new(B256::ZERO));
        for (contract, other) in plan.contracts().into_iter().zip(other.contracts()) {
            assert_ne!(contract.address, other.address);
        }
    }

    #[test]
    fn every_contract_fits_the_protocols_limits() {
        for contract in Plan::new(SALT).contracts() {
            assert!(contract.runtime.len() <= 24_576, "{}", contract.name);
            assert!(contract.calldata.len() <= 49_152 + 32, "{}", contract.name);
        }
    }
}
