//! What `paystream-deploy` is told, on the command line or by the environment.

use std::fmt;
use std::path::PathBuf;

use clap::Parser;
use url::Url;

use crate::key::Place;

const AFTER_HELP: &str = "\
Without --broadcast, --check or --verify this is a dry run: it looks at the chain, says what it would send and what that
would cost, and sends nothing. Running --broadcast again is always safe: what is in place is left alone.

Networks:
  sepolia   Ethereum's public test network, chain id 11155111; needs --rpc-url and a key
  local     a development chain such as anvil, chain id 31337, at http://127.0.0.1:8545; without a key, the chain's own first
            account pays
The main network is refused.

Keys come from files only, never from the command line or the environment. Make a keystore, which asks for key and password:
  node_modules/.bin/cast wallet import paystream-deployer --interactive

A deployment to Sepolia, step by step, is in docs/operations.md:
  scripts/deploy sepolia --rpc-url https://... --account paystream-deployer
  scripts/deploy sepolia --rpc-url https://... --account paystream-deployer --broadcast
  ETHERSCAN_API_KEY=... scripts/deploy sepolia --rpc-url https://... --verify";

/// Deploys Paystream's contracts to addresses that follow from their code, checks them byte by byte, and writes
/// deployments/<chain id>.json.
#[derive(Parser)]
#[command(name = "scripts/deploy", bin_name = "scripts/deploy", after_help = AFTER_HELP)]
pub struct Config {
    /// Where to: sepolia or local
    pub network: String,

    /// Send what is missing, and write the record when all of it is proven on the chain
    #[arg(long, group = "mode")]
    pub broadcast: bool,

    /// Send nothing; fail unless every contract is in place and the record agrees
    #[arg(long, group = "mode")]
    pub check: bool,

    /// Send nothing; check, then publish the sources to Sourcify, and to Etherscan when ETHERSCAN_API_KEY is set
    #[arg(long, group = "mode")]
    pub verify: bool,

    /// The Ethereum node. The environment variable keeps an access token in it out of sight of other users
    #[arg(long, env = "PAYSTREAM_DEPLOY_RPC_URL", hide_env_values = true)]
    pub rpc_url: Option<Url>,

    /// The keystore of this name in ~/.foundry/keystores, where `cast wallet import` puts it
    #[arg(long, env = "PAYSTREAM_DEPLOY_ACCOUNT", group = "key")]
    pub account: Option<String>,

    /// A keystore file (Web3 Secret Storage)
    #[arg(long, env = "PAYSTREAM_DEPLOY_KEYSTORE", group = "key")]
    pub keystore: Option<PathBuf>,

    /// A file with a private key (0x and 64 hex digits), not encrypted
    #[arg(long, env = "PAYSTREAM_DEPLOY_KEY_FILE", group = "key")]
    pub key_file: Option<PathBuf>,

    /// A file with the keystore's password; without it, the terminal is asked
    #[arg(long, env = "PAYSTREAM_DEPLOY_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// The record [default: deployments/<chain id>.json]
    #[arg(long)]
    pub record: Option<PathBuf>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Say what would be sent.
    DryRun,
    /// Send it.
    Broadcast,
    /// Fail unless all is in place.
    Check,
    /// Publish the sources.
    Verify,
}

impl Config {
    /// Where the key is.
    pub fn key(&self) -> Place<'_> {
        Place {
            key_file: self.key_file.as_deref(),
            keystore: self.keystore.as_deref(),
            account: self.account.as_deref(),
            password_file: self.password_file.as_deref(),
        }
    }

    /// What is asked for.
    pub fn mode(&self) -> Mode {
        match (self.broadcast, self.check, self.verify) {
            (true, _, _) => Mode::Broadcast,
            (_, true, _) => Mode::Check,
            (_, _, true) => Mode::Verify,
            (false, false, false) => Mode::DryRun,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("network", &self.network)
            .field("rpc_url", &self.rpc_url.as_ref().map(|_| "<redacted>"))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn a_dry_run_is_the_default_and_the_modes_exclude_each_other() {
        let parse = |arguments: &[&str]| {
            Config::try_parse_from([&["deploy", "sepolia"], arguments].concat())
        };
        assert_eq!(parse(&[]).unwrap().mode(), Mode::DryRun);
        assert_eq!(parse(&["--broadcast"]).unwrap().mode(), Mode::Broadcast);
        assert!(parse(&["--broadcast", "--check"]).is_err());
        assert!(parse(&["--account", "a", "--key-file", "b"]).is_err());
    }
}
