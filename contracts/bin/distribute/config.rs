//! What `paystream-distribute` is told, on the command line or by the environment.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use alloy::primitives::Address;
use alloy::primitives::utils::parse_units;
use clap::Parser;
use paystream_contracts::distribute::ETHER;
use url::Url;

use crate::key::Place;

const AFTER_HELP: &str = "\
Without --execute this is a dry run: it reads the chain, lists who is owed what and what paying it would cost, and sends
nothing. With --execute it pushes every account's earnings to the account itself (claimFor), then has every split pay its
recipients (distribute). Anybody may do that, with any key: the money goes to its owner and nowhere else, and the key only
pays for gas.

Running it again is always safe: what was paid is not owed any more. Each transaction is written to the journal before it is
sent, and the next run first sees those of an interrupted one to their end.

Anybody can make a token and credit anybody with it. So only ether is paid, and the tokens that --token names.

  scripts/distribute-earnings sepolia --rpc-url https://...
  scripts/distribute-earnings sepolia --rpc-url https://... --account paystream-deployer --min ether=0.01 --execute";

/// Pushes what creators and providers have earned to them, and has splits pay their recipients.
#[derive(Parser)]
#[command(
    name = "scripts/distribute-earnings",
    bin_name = "scripts/distribute-earnings",
    after_help = AFTER_HELP
)]
pub struct Config {
    /// Where: sepolia or local
    pub network: String,

    /// Send; without it, nothing is sent
    #[arg(long)]
    pub execute: bool,

    /// A token that is paid beside ether; may be repeated
    #[arg(long = "token", value_name = "ADDRESS")]
    pub tokens: Vec<Address>,

    /// Pay in whatever token anybody earned, also in one that somebody made to have you pay gas; those without --min, any amount
    #[arg(long, conflicts_with = "tokens")]
    pub all_tokens: bool,

    /// The least that is paid in a token, in whole ones: `ether=0.01`, or `0x...=5`, which each --token needs; may be repeated.
    /// Without one for ether, a payment in ether has to be worth its gas
    #[arg(long = "min", value_name = "TOKEN=AMOUNT")]
    pub minimums: Vec<Minimum>,

    /// The most that is paid for a unit of gas, in gwei; when it costs more, nothing is sent
    #[arg(long, default_value = "200")]
    pub max_fee_gwei: Gwei,

    /// The most gas for one payment; what needs more stays owed
    #[arg(long, default_value_t = 2_000_000)]
    pub max_gas: u64,

    /// How many transactions are on their way at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub batch: u8,

    /// The Ethereum node. The environment variable keeps an access token in it out of sight of other users
    #[arg(long, env = "PAYSTREAM_DISTRIBUTE_RPC_URL", hide_env_values = true)]
    pub rpc_url: Option<Url>,

    /// The keystore of this name in ~/.foundry/keystores, where `cast wallet import` puts it
    #[arg(long, env = "PAYSTREAM_DISTRIBUTE_ACCOUNT", group = "key")]
    pub account: Option<String>,

    /// A keystore file (Web3 Secret Storage)
    #[arg(long, env = "PAYSTREAM_DISTRIBUTE_KEYSTORE", group = "key")]
    pub keystore: Option<PathBuf>,

    /// A file with a private key (0x and 64 hex digits), not encrypted
    #[arg(long, env = "PAYSTREAM_DISTRIBUTE_KEY_FILE", group = "key")]
    pub key_file: Option<PathBuf>,

    /// A file with the keystore's password; without it, the terminal is asked
    #[arg(long, env = "PAYSTREAM_DISTRIBUTE_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,

    /// The deployment record [default: deployments/<chain id>.json]
    #[arg(long)]
    pub deployment: Option<PathBuf>,

    /// The journal of what was sent [default: distribute-<chain id>.journal in this folder]
    #[arg(long)]
    pub journal: Option<PathBuf>,

    /// The report for a spreadsheet, of all that the journal knows [default with --execute: distribute-<chain id>.csv in this
    /// folder]
    #[arg(long)]
    pub csv: Option<PathBuf>,
}

/// A price of gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gwei(u128);

impl Gwei {
    /// In wei.
    pub const fn wei(self) -> u128 {
        self.0
    }
}

impl FromStr for Gwei {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |character: char| character.is_ascii_digit() || character == '.';
        let is_number = text.chars().all(plain) && text.starts_with(|first: char| first != '.');
        let wei = is_number
            .then(|| parse_units(text, 9).ok()?.get_absolute().try_into().ok())
            .flatten();
        wei.map(Self)
            .ok_or(format!("`{text}` is no number of gwei"))
    }
}

/// The least that is paid in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimum {
    /// Which token.
    pub token: Address,
    /// In whole tokens, as it was written.
    pub amount: String,
}

impl FromStr for Minimum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (token, amount) = text
            .split_once('=')
            .ok_or("it has to be TOKEN=AMOUNT, as ether=0.01")?;
        let token = match token {
            "ether" => ETHER,
            token => token
                .parse()
                .map_err(|_| format!("`{token}` is neither ether nor an address"))?,
        };
        let plain = |character: char| character.is_ascii_digit() || character == '.';
        if amount.is_empty() || !amount.chars().all(plain) {
            return Err(format!("`{amount}` is no amount"));
        }
        let amount = amount.to_owned();
        Ok(Self { token, amount })
    }
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
    fn a_dry_run_is_the_default_and_minimums_name_their_token() {
        let parse = |arguments: &[&str]| {
            Config::try_parse_from([&["distribute", "sepolia"], arguments].concat())
        };
        assert!(!parse(&[]).unwrap().execute);
        let config = parse(&["--min", "ether=0.01"]).unwrap();
        let expected = Minimum {
            token: ETHER,
            amount: "0.01".to_owned(),
        };
        assert_eq!(config.minimums, [expected]);
        for bad in ["0.01", "ether=", "ether=-1", "usdc=5", "ether=1e3"] {
            assert!(parse(&["--min", bad]).is_err(), "{bad}");
        }
        assert_eq!(config.max_fee_gwei.wei(), 200_000_000_000);
        let config = parse(&["--max-fee-gwei", "0.5"]).unwrap();
        assert_eq!(config.max_fee_gwei.wei(), 500_000_000);
        for bad in ["", "-1", "x", "1e3"] {
            assert!(parse(&["--max-fee-gwei", bad]).is_err(), "{bad}");
        }
        assert!(parse(&["--all-tokens", "--token", &ETHER.to_string()]).is_err());
    }
}
