//! `scripts/deploy`: puts the contracts on a chain, checks them, and keeps the record.

#![forbid(unsafe_code)]

mod config;
#[path = "../key.rs"]
mod key;
#[path = "../node.rs"]
mod node;
mod source;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::utils::{format_ether, format_units};
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use clap::Parser;
use paystream_contracts::deploy::{
    self, DeployError, Network, Plan, Record, SALT, Source, Step, Waiting,
};
use url::Url;

use crate::config::{Config, Mode};

/// The longest wait for a block with our transaction, or for those above it.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks at a public chain.
const INTERVAL: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::parse();
    match run(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: {}",
                node::without_url(&error, config.rpc_url.as_ref())
            );
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> Result<()> {
    let network = Network::named(&config.network)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let url = node::url(config.rpc_url.as_ref(), network, "PAYSTREAM_DEPLOY_RPC_URL")?;
    let reader = node::connect(&url)?;
    let chain_id = deploy::chain_id(&reader).await?;
    network.admit(chain_id)?;
    println!(
        "{} (chain id {chain_id}) at {}",
        network.name,
        node::host(&url)
    );

    let task = Task {
        path: config
            .record
            .clone()
            .unwrap_or_else(|| root.join(format!("deployments/{chain_id}.json"))),
        plan: Plan::new(SALT),
        source: source::source(&root),
        network,
        reader,
    };
    println!("compiled by solc {}", task.plan.compiler().version);
    match config.mode() {
        Mode::Check => task.check().await,
        Mode::Verify => {
            task.check().await?;
            if network.is_development {
                bail!(
                    "{} is a development chain: no explorer knows it",
                    network.name
                );
            }
            verify::verify(&root, network, &task.plan)?;
            println!("\nVerified.");
            Ok(())
        }
        Mode::DryRun => {
            let signer = key::signer(config.key(), network)?;
            task.dry_run(signer.map(|signer| signer.address())).await
        }
        Mode::Broadcast => {
            let signer = key::signer(config.key(), network)?.context(
                "a key is needed to send: --account, --keystore or --key-file (see --help)",
            )?;
            task.broadcast(&url, signer).await
        }
    }
}

/// One chain, one build, one record.
struct Task {
    network: Network,
    reader: DynProvider,
    plan: Plan,
    path: PathBuf,
    source: Source,
}

impl Task {
    /// Sends nothing; fails unless all is in place and recorded.
    async fn check(&self) -> Result<()> {
        let standing = self.survey().await?;
        let missing = self
            .plan
            .contracts()
            .into_iter()
            .zip(&standing)
            .find(|(_, in_place)| !**in_place);
        if let Some((contract, _)) = missing {
            let (contract, address) = (contract.name, contract.address);
            bail!(DeployError::NotDeployed { contract, address });
        }
        let Some(record) = deploy::recorded(&self.path)? else {
            bail!(DeployError::NoRecord {
                path: self.path.clone()
            });
        };
        deploy::record_block_is_early_enough(&self.reader, &self.path, &record, &self.plan).await?;
        for contract in self.plan.contracts() {
            println!("{:<20}{}  in place", contract.name, contract.address);
        }
        println!(
            "The code on the chain is this build's, and {} agrees.",
            self.path.display()
        );
        Ok(())
    }

    /// Sends nothing; says what `--broadcast` would do.
    async fn dry_run(&self, account: Option<Address>) -> Result<()> {
        self.say_source();
        let standing = self.survey().await?;
        let mut gas = 0;
        for (contract, in_place) in self.plan.contracts().into_iter().zip(&standing) {
            let state = if *in_place {
                "in place".to_owned()
            } else {
                gas += contract.gas_bound();
                format!("to be deployed, at most about {} gas", contract.gas_bound())
            };
            println!("{:<20}{}  {state}", contract.name, contract.address);
        }
        if let Some(account) = account {
            self.can_pay(account, gas).await?;
        }
        let count = standing.iter().filter(|in_place| !**in_place).count();
        match (count, deploy::recorded(&self.path)?) {
            (0, Some(_)) => println!(
                "Nothing to do: all is in place, and {} agrees.",
                self.path.display()
            ),
            (0, None) => println!(
                "DRY RUN. --broadcast would send nothing, and write {}.",
                self.path.display()
            ),
            (_, _) => println!(
                "DRY RUN: nothing was sent. --broadcast would send {count} transactions, and write {}.",
                self.path.display()
            ),
        }
        Ok(())
    }

    /// Sends what is missing, and writes the record when there is none.
    async fn broadcast(&self, url: &Url, signer: PrivateKeySigner) -> Result<()> {
        self.say_source();
        let account = signer.address();
        let standing = self.survey().await?;
        let record = deploy::recorded(&self.path)?;
        if record.is_some() {
            // The survey has compared it with the chain: all is in place.
            self.check().await?;
            println!("Nothing to do.");
            return Ok(());
        }
        let missing = self
            .plan
            .contracts()
            .into_iter()
            .zip(&standing)
            .filter(|(_, in_place)| !**in_place);
        self.can_pay(
            account,
            missing.map(|(contract, _)| contract.gas_bound()).sum(),
        )
        .await?;

        let waiting = if self.network.is_development {
            Waiting::on_development_chain()
        } else {
            Waiting {
                confirmations: self.network.confirmations,
                patience: PATIENCE,
                interval: INTERVAL,
            }
        };
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(signer))
            .connect_reqwest(node::client()?, url.clone())
            .erased();
        let mut last = None;
        let placed = deploy::deploy(&provider, account, &self.plan, waiting, |step| {
            if last.replace(step) != Some(step) {
                say(step);
            }
        })
        .await?;
        Record::new(&self.plan, &placed, self.source.clone()).write(&self.path)?;
        println!(
            "Deployed and checked. The record is {}.",
            self.path.display()
        );
        Ok(())
    }

    /// What is on the chain; an existing record has to agree with it.
    async fn survey(&self) -> Result<Vec<bool>> {
        let standing = deploy::survey(&self.reader, &self.plan).await?;
        if let Some(record) = deploy::recorded(&self.path)? {
            deploy::check_record(
                &self.path,
                &record,
                &self.plan,
                self.network.chain_id,
                &standing,
            )?;
        }
        Ok(standing)
    }

    async fn can_pay(&self, account: Address, gas: u64) -> Result<()> {
        let node = |source| DeployError::Node {
            doing: "the price of gas, or a balance",
            source,
        };
        let price = self
            .reader
            .estimate_eip1559_fees()
            .await
            .map_err(node)?
            .max_fee_per_gas;
        let balance = self.reader.get_balance(account).await.map_err(node)?;
        let needed = U256::from(gas) * U256::from(price);
        println!(
            "{account} has {} ether; {gas} gas at {} gwei at most are {} ether",
            format_ether(balance),
            format_units(price, "gwei")?,
            format_ether(needed),
        );
        if balance < needed {
            bail!(DeployError::BalanceTooLow {
                account,
                balance_wei: balance.to_string(),
                needed_wei: needed.to_string()
            });
        }
        Ok(())
    }

    fn say_source(&self) {
        let Source { commit, clean } = &self.source;
        println!("commit {}", commit.as_deref().unwrap_or("unknown"));
        if !clean && !self.network.is_development {
            println!(
                "WARNING: the contracts differ from that commit. Others cannot make this build again: commit first."
            );
        }
    }
}

fn say(step: Step) {
    match step {
        Step::Pending(count) => {
            println!("waiting for {count} earlier transaction(s) of this account")
        }
        Step::InPlace(name, address) => println!("{name:<20}{address}  in place"),
        Step::Sent(name, transaction) => println!("{name:<20}sent in {transaction}"),
        Step::Mined(name, address) => println!("{name:<20}{address}  deployed"),
        Step::Confirming(count) => println!("waiting until {count} block(s) confirm it"),
    }
}
