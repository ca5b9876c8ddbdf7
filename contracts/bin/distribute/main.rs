//! `paystream-distribute`: pushes earnings to whom they belong. `scripts/distribute-earnings` builds and runs it.

mod config;
#[path = "../key.rs"]
mod key;
#[path = "../node.rs"]
mod node;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::utils::parse_units;
use alloy::primitives::{Address, TxHash, U256};
use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result, bail};
use clap::Parser;
use paystream_contracts::Deployment;
use paystream_contracts::deploy::{self, Network, Waiting};
use paystream_contracts::distribute::{
    self, Due, ETHER, Fees, Journal, Kind, Known, Line, Payer, Policy, Progress, State, TokenNames,
    Tokens,
};

use crate::config::{Config, Minimum};

/// The longest wait for blocks with our transactions.
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
    let url = node::url(
        config.rpc_url.as_ref(),
        network,
        "PAYSTREAM_DISTRIBUTE_RPC_URL",
    )?;
    let provider = node::connect(&url)?;
    let chain_id = deploy::chain_id(&provider).await?;
    network.admit(chain_id)?;
    println!(
        "{} (chain id {chain_id}) at {}",
        network.name,
        node::host(&url)
    );

    let record = match &config.deployment {
        Some(path) => path.clone(),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(format!("deployments/{chain_id}.json")),
    };
    let deployment = Deployment::load(&record)?;
    if deployment.chain_id != chain_id {
        bail!(
            "{} is the record of chain {}, and this is chain {chain_id}",
            record.display(),
            deployment.chain_id
        );
    }
    let signer = key::signer(config.key(), network)?;
    if config.execute && signer.is_none() {
        bail!("a key is needed to pay for gas: --account, --keystore or --key-file (see --help)");
    }
    let waiting = if network.is_development {
        Waiting::on_development_chain()
    } else {
        Waiting {
            confirmations: network.confirmations,
            patience: PATIENCE,
            interval: INTERVAL,
        }
    };
    let mut task = Task::begin(config, network, &provider, deployment, waiting).await?;
    match signer {
        Some(signer) if config.execute => task.execute(&signer).await,
        signer => task.dry_run(signer.map(|signer| signer.address())).await,
    }
}

/// One chain, and what is known of it.
struct Task<'a> {
    config: &'a Config,
    network: Network,
    provider: &'a DynProvider,
    deployment: Deployment,
    waiting: Waiting,
    known: Known,
    /// In how many tokens beside something was earned, which nobody looked at.
    left_out: usize,
    names: TokenNames,
    policy: Policy,
    /// In what anything is paid, beside ether.
    chosen: BTreeSet<Address>,
    /// What is owed and stays owed.
    open: Vec<Line>,
}

impl<'a> Task<'a> {
    async fn begin(
        config: &'a Config,
        network: Network,
        provider: &'a DynProvider,
        deployment: Deployment,
        waiting: Waiting,
    ) -> Result<Self> {
        let mut told = 0;
        let mut known = distribute::discover(provider, &deployment, |progress| {
            if let Progress::Scanned(block, head) = progress
                && (block == head || block > told + 1_000_000)
            {
                told = block;
                eprintln!("read the events up to block {block} of {head}");
            }
        })
        .await?;
        let tokens = if config.all_tokens {
            Tokens::All
        } else {
            Tokens::EtherAnd(config.tokens.iter().copied().collect())
        };
        let left_out = known.choose(&tokens);
        let mut chosen = known.tokens();
        chosen.extend(&config.tokens);
        let mut named = chosen.clone();
        named.extend(config.minimums.iter().map(|minimum| minimum.token));
        let names = TokenNames::ask(provider, &named).await;
        let policy = Policy {
            minimums: minimums(config, &tokens, &names)?,
            max_gas: config.max_gas,
        };
        Ok(Self {
            config,
            network,
            provider,
            deployment,
            waiting,
            known,
            left_out,
            names,
            policy,
            chosen,
            open: Vec::new(),
        })
    }

    fn payer<'b>(&'b self, deployment: &'b Deployment) -> Payer<'b, DynProvider> {
        let most_per_gas = self.config.max_fee_gwei.wei();
        Payer::new(self.provider, deployment, self.waiting, most_per_gas)
    }

    /// Sends nothing; says what `--execute` would do.
    async fn dry_run(&mut self, account: Option<Address>) -> Result<()> {
        let deployment = self.deployment;
        let payer = self.payer(&deployment);
        let fees = payer.fees().await?;
        let dues = distribute::claims(self.provider, &self.deployment, &self.known).await?;
        let mut lines = Vec::new();
        for due in dues {
            lines.push(self.assess(&payer, due, account, fees).await?);
        }
        let mut claimed: BTreeMap<(Address, Address), U256> = (lines.iter())
            .filter(|line| matches!(line.state, State::ToPay(_)))
            .filter(|line| self.known.splits.contains_key(&line.due.account))
            .map(|line| ((line.due.account, line.due.token), line.due.amount))
            .collect();
        for due in self
            .splits(&self.known.splits.keys().copied().collect::<Vec<_>>())
            .await?
        {
            let mut line = self.assess(&payer, due, account, fees).await?;
            if let Some(amount) = claimed.remove(&(due.account, due.token)) {
                line.due.amount += amount;
            }
            lines.push(line);
        }
        // These have something to divide only when their claim has been paid.
        for ((split, token), amount) in claimed {
            let due = Due {
                kind: Kind::Distribute,
                token,
                account: split,
                amount,
            };
            let state = match self.policy.objection(&due) {
                Some(reason) => State::Open(reason),
                None => State::ToPay(None),
            };
            lines.push(Line { due, state });
        }
        self.show(&lines, fees);
        let count = (lines
            .iter()
            .filter(|line| matches!(line.state, State::ToPay(_))))
        .count();
        println!(
            "DRY RUN: nothing was sent. --execute would send {count} transaction(s), and what those make possible."
        );
        if let Err(too_dear) = payer.accept(fees) {
            println!("It would send them later: {too_dear}.");
        }
        match &self.config.csv {
            Some(path) => self.write_csv(path, &lines),
            None => Ok(()),
        }
    }

    /// Pays all that is worth it.
    async fn execute(&mut self, signer: &PrivateKeySigner) -> Result<()> {
        let chain_id = self.deployment.chain_id;
        let in_this_folder = |ending| PathBuf::from(format!("distribute-{chain_id}.{ending}"));
        let path = (self.config.journal.clone()).unwrap_or_else(|| in_this_folder("journal"));
        let mut journal = Journal::open(&path, chain_id)?;
        let earlier: HashSet<TxHash> = (journal.history())
            .filter_map(|(_, ended)| Some(ended?.transaction))
            .collect();
        let mut tokens = self.chosen.clone();
        tokens.extend(journal.history().map(|(sent, _)| sent.due.token));
        self.names = TokenNames::ask(self.provider, &tokens).await;
        let paid = self.pay_all(&mut journal, signer).await;

        // Whatever happened, what is known of it is shown and kept.
        let mut all: Vec<_> = (journal.history())
            .map(|(sent, ended)| {
                (
                    earlier.contains(&sent.transaction),
                    distribute::line_of(sent, ended),
                )
            })
            .collect();
        all.extend(self.open.iter().map(|line| (false, line.clone())));
        let of_this_run: Vec<_> = (all.iter())
            .filter(|(earlier, _)| !earlier)
            .map(|(_, line)| line.clone())
            .collect();
        if let Ok(fees) = self.payer(&self.deployment).fees().await {
            self.show(&of_this_run, fees);
        }
        let lines: Vec<_> = all.into_iter().map(|(_, line)| line).collect();
        let csv = (self.config.csv.clone()).unwrap_or_else(|| in_this_folder("csv"));
        self.write_csv(&csv, &lines)?;
        paid?;
        let count = of_this_run.len() - self.open.len();
        println!(
            "{count} transaction(s) ended; {} payment(s) stay owed. The journal is {}.",
            self.open.len(),
            path.display()
        );
        Ok(())
    }

    async fn pay_all(&mut self, journal: &mut Journal, signer: &PrivateKeySigner) -> Result<()> {
        let (provider, deployment) = (self.provider, self.deployment);
        let most_per_gas = self.config.max_fee_gwei.wei();
        let payer = Payer::new(provider, &deployment, self.waiting, most_per_gas);
        payer.resume(journal, signer, say).await?;
        let claims = distribute::claims(provider, &deployment, &self.known).await?;
        self.pay(&payer, journal, signer, claims).await?;
        for wave in self.known.waves() {
            let dues = self.splits(&wave).await?;
            self.pay(&payer, journal, signer, dues).await?;
        }
        Ok(())
    }

    async fn pay(
        &mut self,
        payer: &Payer<'_, DynProvider>,
        journal: &mut Journal,
        signer: &PrivateKeySigner,
        dues: Vec<Due>,
    ) -> Result<()> {
        for dues in dues.chunks(usize::from(self.config.batch)) {
            let fees = payer.accept(payer.fees().await?)?;
            let mut batch = Vec::new();
            for due in dues {
                let line = self
                    .assess(payer, *due, Some(signer.address()), fees)
                    .await?;
                match line.state {
                    State::ToPay(Some(gas)) => batch.push((*due, gas)),
                    _ => self.open.push(line),
                }
            }
            if !batch.is_empty() {
                payer.pay(journal, signer, &batch, fees, say).await?;
            }
        }
        Ok(())
    }

    /// Whether it is paid, and with how much gas.
    async fn assess(
        &self,
        payer: &Payer<'_, DynProvider>,
        due: Due,
        from: Option<Address>,
        fees: Fees,
    ) -> Result<Line> {
        let state = match self.policy.objection(&due) {
            Some(reason) => State::Open(reason),
            None => match payer.gas(&due, from).await? {
                Err(reason) => State::Open(reason),
                Ok(gas) => match self.policy.objection_to_gas(&due, gas, fees.max_per_gas) {
                    Some(reason) => State::Open(reason),
                    None => State::ToPay(Some(gas)),
                },
            },
        };
        Ok(Line { due, state })
    }

    async fn splits(&self, splits: &[Address]) -> Result<Vec<Due>> {
        let mut tokens = self.chosen.clone();
        tokens.insert(ETHER);
        Ok(distribute::splits_of(self.provider, splits, &tokens).await?)
    }

    fn show(&self, lines: &[Line], fees: Fees) {
        if self.left_out > 0 {
            println!(
                "What was earned in {} other token(s) is not looked at (--token).",
                self.left_out
            );
        }
        if lines.is_empty() {
            println!("Nobody is owed anything.");
            return;
        }
        print!(
            "{}",
            distribute::table(lines, &self.names, fees.max_per_gas)
        );
    }

    /// Writes it whole or not at all.
    fn write_csv(&self, path: &Path, lines: &[Line]) -> Result<()> {
        let text = distribute::csv(lines, &self.names, self.network.explorer);
        let unfinished = path.with_extension("csv.new");
        let write = || {
            let mut file = std::fs::File::create(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        println!("The report is {}.", path.display());
        Ok(())
    }
}

/// The least that is paid of each token, in its smallest unit.
fn minimums(
    config: &Config,
    tokens: &Tokens,
    names: &TokenNames,
) -> Result<BTreeMap<Address, U256>> {
    let mut minimums = BTreeMap::new();
    for Minimum { token, amount } in &config.minimums {
        let name = names.symbol(*token);
        if !tokens.include(*token) {
            bail!("--min names {token}, and --token does not");
        }
        let units = match names.decimals(*token) {
            Some(decimals) => parse_units(amount, decimals)
                .with_context(|| format!("--min: `{amount}` is no amount of {name}"))?
                .get_absolute(),
            None if amount.bytes().all(|byte| byte == b'0') => U256::ZERO,
            None => bail!(
                "{token} does not tell its decimals, so that nobody knows how much {amount} of it is: --min {token}=0 pays \
                 whatever is owed"
            ),
        };
        if minimums.insert(*token, units).is_some() {
            bail!("--min names {name} twice");
        }
    }
    for token in &config.tokens {
        if *token != ETHER && !minimums.contains_key(token) {
            bail!(
                "{} needs a least amount that is worth the gas to you: --min {token}=5, in whole ones; 0 pays whatever is owed",
                names.symbol(*token)
            );
        }
    }
    Ok(minimums)
}

fn say(progress: Progress) {
    match progress {
        Progress::Scanned(..) => {}
        Progress::Resumed(count) => {
            println!("waiting for {count} transaction(s) of an earlier run")
        }
        Progress::Sent(due, transaction) => {
            let what = match due.kind {
                Kind::Claim => "claim for",
                Kind::Distribute => "split",
            };
            println!("sent {transaction}: {what} {}", due.account);
        }
    }
}
