//! The deployment record: where the contracts are on one chain. [`deploy`](crate::deploy) writes it.

use std::fs;
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize, Serializer};

/// Where Paystream's contracts are on one chain: `deployments/<chain id>.json`.
///
/// `{"chainId": 31337, "registry": "0x…", "splitter": "0x…", "splitFactory": "0x…", "block": 1}`; other fields, which
/// [`deploy::Record`](crate::deploy::Record) has, are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain's id (EIP-155).
    pub chain_id: u64,
    /// The `StreamRegistry`.
    #[serde(serialize_with = "checksummed")]
    pub registry: Address,
    /// The `EarningsSplitter` that takes payments for the registry's contents.
    #[serde(serialize_with = "checksummed")]
    pub splitter: Address,
    /// The `PayoutSplitFactory`.
    #[serde(serialize_with = "checksummed")]
    pub split_factory: Address,
    /// No event of any of these contracts is in a block before this one.
    pub block: u64,
}

/// Why a deployment record cannot be used. A retry helps with none of them: the file has to be put right.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The file cannot be read.
    #[error("the deployment record {} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a deployment record.
    #[error("{} is not a deployment record", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why it is not.
        source: serde_json::Error,
    },
    /// An address is zero.
    #[error("the deployment record {} has no address for `{contract}`", path.display())]
    ZeroAddress {
        /// The file.
        path: PathBuf,
        /// The field.
        contract: &'static str,
    },
}

impl Deployment {
    /// Reads a record from a file.
    ///
    /// # Errors
    /// [`DeploymentError`] when the file cannot be read, is not such a record, or names an address of zero. Whether
    /// the contracts really are there is for the caller to ask the chain.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DeploymentError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| DeploymentError::Read {
            path: path.to_owned(),
            source,
        })?;
        let deployment: Self =
            serde_json::from_str(&text).map_err(|source| DeploymentError::Parse {
                path: path.to_owned(),
                source,
            })?;
        for (contract, address) in [
            ("registry", deployment.registry),
            ("splitter", deployment.splitter),
            ("splitFactory", deployment.split_factory),
        ] {
            if address.is_zero() {
                return Err(DeploymentError::ZeroAddress {
                    path: path.to_owned(),
                    contract,
                });
            }
        }
        Ok(deployment)
    }
}

/// As people and wallets write addresses (EIP-55).
fn checksummed<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use alloy::primitives::address;
    use tempfile::NamedTempFile;

    use super::*;

    fn load(text: &str) -> Result<Deployment, DeploymentError> {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Deployment::load(file.path())
    }

    #[test]
    fn a_record_is_read_and_fields_it_does_not_know_are_ignored() {
        let deployment = load(
            r#"{"chainId":31337,"registry":"0x5FbDB2315678afecb367f032d93F642f64180aa3",
                "splitter":"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
                "splitFactory":"0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0","block":1,"deployer":"somebody"}"#,
        )
        .unwrap();
        assert_eq!(
            deployment,
            Deployment {
                chain_id: 31337,
                registry: address!("5FbDB2315678afecb367f032d93F642f64180aa3"),
                splitter: address!("e7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
                split_factory: address!("9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"),
                block: 1,
            }
        );
    }

    #[test]
    fn a_record_survives_being_written_and_read() {
        let deployment = Deployment {
            chain_id: 11_155_111,
            registry: Address::repeat_byte(1),
            splitter: Address::repeat_byte(2),
            split_factory: Address::repeat_byte(3),
            block: 9_000_000,
        };
        assert_eq!(
            load(&serde_json::to_string(&deployment).unwrap()).unwrap(),
            deployment
        );
    }

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        let error = Deployment::load("no/such/record.json").unwrap_err();
        assert!(matches!(error, DeploymentError::Read { .. }));
        assert_eq!(
            error.to_string(),
            "the deployment record no/such/record.json cannot be read"
        );
    }

    #[test]
    fn text_that_is_no_record_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"chainId":31337,"registry":"0x5FbDB2315678afecb367f032d93F642f64180aa3",
                "splitter":"0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512","block":1}"#,
            r#"{"chainId":1,"registry":"0x12","splitter":"0x34","block":0}"#,
        ] {
            assert!(
                matches!(load(text), Err(DeploymentError::Parse { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_address_of_zero_is_refused() {
        let error = load(
            r#"{"chainId":1,"registry":"0x5FbDB2315678afecb367f032d93F642f64180aa3",
                "splitter":"0x0000000000000000000000000000000000000000",
                "splitFactory":"0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0","block":0}"#,
        )
        .unwrap_err();
        assert!(matches!(
            error,
            DeploymentError::ZeroAddress {
                contract: "splitter",
                ..
            }
        ));
    }
}
