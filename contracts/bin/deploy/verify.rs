//! Publishes the sources where block explorers look for them. It changes nothing on the chain and can be repeated.

use std::path::Path;
use std::process::Command;

use alloy::primitives::hex;
use anyhow::{Context, Result, bail};
use paystream_contracts::deploy::{Network, Plan};

const ETHERSCAN_KEY: &str = "ETHERSCAN_API_KEY";

/// Hands every contract to forge, which compiles it and sends the sources.
pub fn verify(root: &Path, network: Network, plan: &Plan) -> Result<()> {
    let mut verifiers = vec!["sourcify"];
    if std::env::var_os(ETHERSCAN_KEY).is_some_and(|key| !key.is_empty()) {
        verifiers.push("etherscan");
    } else {
        println!("{ETHERSCAN_KEY} is not set: Etherscan is left out");
    }
    let mut failed = Vec::new();
    for verifier in verifiers {
        for contract in plan.contracts() {
            println!("\n{} on {verifier}", contract.name);
            let mut command = Command::new(root.join("contracts/forge"));
            command.args(["verify-contract", "--watch", "--verifier", verifier]);
            command.arg("--chain").arg(network.chain_id.to_string());
            // For this, forge compiles with a solc of its own, which it downloads once.
            command.env("FOUNDRY_OFFLINE", "false");
            command
                .arg("--compiler-version")
                .arg(&plan.compiler().version);
            if !contract.arguments.is_empty() {
                let arguments = hex::encode(contract.encoded_arguments());
                command.arg("--constructor-args").arg(arguments);
            }
            command.arg(contract.address.to_string());
            command.arg(format!("contracts/src/{0}.sol:{0}", contract.name));
            if verifier == "sourcify" {
                // With a key in the environment, forge would take Etherscan whatever --verifier says.
                command.env_remove(ETHERSCAN_KEY);
            }
            let status = command
                .status()
                .context("contracts/forge cannot be started")?;
            if !status.success() {
                failed.push(format!("{} on {verifier}", contract.name));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "not verified: {}. The deployment itself is in order, and nothing on the chain depends on this: run the same again \
         later (an explorer may need some minutes to know a new contract)",
        failed.join(", ")
    )
}
