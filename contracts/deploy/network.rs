//! The networks that may be deployed to, each with the chain id that its node has to answer.

use super::DeployError;

/// The chain id of Ethereum's main network.
const MAINNET: u64 = 1;

/// A network by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The chain's id (EIP-155).
    pub chain_id: u64,
    /// Where its node usually is; nothing for a public network.
    pub rpc_url: Option<&'static str>,
    /// Where people look at its transactions, without a slash at the end; nothing for a development chain.
    pub explorer: Option<&'static str>,
    /// How many blocks, its own counted, make a deployment certain enough to be recorded.
    pub confirmations: u64,
    /// Whether its accounts' keys are known to everybody and its ether is worth nothing.
    pub is_development: bool,
}

/// Every network that may be deployed to. The main network is left out on purpose.
pub const NETWORKS: [Network; 2] = [
    Network {
        name: "sepolia",
        chain_id: 11_155_111,
        rpc_url: None,
        explorer: Some("https://sepolia.etherscan.io"),
        confirmations: 3,
        is_development: false,
    },
    Network {
        name: "local",
        chain_id: 31_337,
        rpc_url: Some("http://127.0.0.1:8545"),
        explorer: None,
        confirmations: 1,
        is_development: true,
    },
];

impl Network {
    /// The network of this name.
    ///
    /// # Errors
    /// [`DeployError::Mainnet`] and [`DeployError::UnknownNetwork`].
    pub fn named(name: &str) -> Result<Self, DeployError> {
        match NETWORKS.into_iter().find(|network| network.name == name) {
            Some(network) => Ok(network),
            None if ["mainnet", "ethereum", "1"].contains(&name) => Err(DeployError::Mainnet),
            None => Err(DeployError::UnknownNetwork {
                name: name.to_owned(),
            }),
        }
    }

    /// Whether a node that answers this chain id is one of this network.
    ///
    /// # Errors
    /// [`DeployError::Mainnet`] and [`DeployError::OtherChain`].
    pub fn admit(&self, chain_id: u64) -> Result<(), DeployError> {
        if chain_id == MAINNET {
            return Err(DeployError::Mainnet);
        }
        if chain_id != self.chain_id {
            return Err(DeployError::OtherChain {
                network: self.name,
                expected: self.chain_id,
                found: chain_id,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_network_is_refused_by_name_and_by_chain_id() {
        for name in ["mainnet", "ethereum", "1"] {
            assert!(matches!(Network::named(name), Err(DeployError::Mainnet)));
        }
        for network in NETWORKS {
            assert!(matches!(network.admit(1), Err(DeployError::Mainnet)));
        }
    }

    #[test]
    fn a_chain_of_another_id_is_refused() {
        let sepolia = Network::named("sepolia").unwrap();
        sepolia.admit(11_155_111).unwrap();
        let error = sepolia.admit(31_337).unwrap_err();
        assert!(error.to_string().contains("31337"), "{error}");
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_known() {
        let error = Network::named("holesky").unwrap_err().to_string();
        assert!(
            error.contains("holesky") && error.contains("sepolia"),
            "{error}"
        );
    }
}
