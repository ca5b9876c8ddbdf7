//! The configuration of `paystream-streamer serve`: every flag, its meaning and its bounds.
//!
//! Secrets are never given as flags, only the files that hold them; so a `Config` may be logged.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use clap::Args;
use paystream_channel::Network;
use url::Url;

use crate::store::StoreOptions;

/// The settings of a streamer.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address of the HTTP interface (offers, channels, sessions, WHIP, WHEP).
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_LISTEN",
        default_value = "127.0.0.1:8280"
    )]
    pub listen: SocketAddr,
    /// Where viewers reach that interface; it is registered on Ethereum with each stream.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_PUBLIC_URL",
        default_value = "http://127.0.0.1:8280"
    )]
    pub public_url: Url,
    /// UDP address of all media.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_MEDIA_LISTEN",
        default_value = "0.0.0.0:8281"
    )]
    pub media_listen: SocketAddr,
    /// Addresses that viewers are told for media, where they differ from the one listened on (NAT, wildcard).
    #[arg(long, env = "PAYSTREAM_STREAMER_ANNOUNCE", value_delimiter = ',')]
    pub announce: Vec<IpAddr>,
    /// Folder of the journal of payments, the seed of the channel keys, and stored announcements. Back it up: it is money.
    #[arg(long, env = "PAYSTREAM_STREAMER_DATA_DIR")]
    pub data_dir: PathBuf,

    /// JSON-RPC of an Ethereum node.
    #[arg(long, env = "PAYSTREAM_STREAMER_ETHEREUM_RPC")]
    pub ethereum_rpc: Url,
    /// The deployment record of the contracts: deployments/<chain id>.json.
    #[arg(long, env = "PAYSTREAM_STREAMER_DEPLOYMENT")]
    pub deployment: PathBuf,
    /// A file with the operator's private key (0x and 64 hex digits). It registers streams (and so needs ether for gas) and signs heartbeats.
    #[arg(long, env = "PAYSTREAM_STREAMER_OPERATOR_KEY_FILE")]
    pub operator_key_file: PathBuf,
    /// A file with the operator's token (at least 32 characters, readable by its owner only): whoever shows it as a bearer token manages
    /// this streamer over HTTP. Without it nobody does.
    #[arg(long, env = "PAYSTREAM_STREAMER_OPERATOR_TOKEN_FILE")]
    pub operator_token_file: Option<PathBuf>,
    /// Send viewers' signed payments in this token, when this provider's share is so much (in the token's smallest unit): 0x... or
    /// 0x...:share; repeatable, or separated by commas. Without it no payment is sent. `any` is for development: anybody can make a
    /// token that is worth nothing, and have you pay gas for it.
    #[arg(long, env = "PAYSTREAM_STREAMER_RELAY_TOKEN", value_delimiter = ',')]
    pub relay_token: Vec<RelayedToken>,
    /// The most that is spent on gas for others in 24 hours, in wei: half for viewers' payments, half for what creators sign or ask for;
    /// 0 sends nothing for anybody.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_RELAY_DAILY_GAS_WEI",
        default_value_t = 50_000_000_000_000_000
    )]
    pub relay_daily_gas_wei: u128,
    /// The most that is paid for a unit of gas, in gwei.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_FEE_PER_GAS_GWEI", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub max_fee_per_gas_gwei: u64,
    /// Seconds after which an Ethereum transaction that is in no block is sent again with a higher fee.
    #[arg(long, env = "PAYSTREAM_STREAMER_REPLACE_AFTER_SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub replace_after_seconds: u64,
    /// A FlatDirectory of EthStorage, in which the operator may store small files on chain (POST /upload-content-web3).
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_WEB3_DIRECTORY",
        requires = "web3_key_file"
    )]
    pub web3_directory: Option<alloy::primitives::Address>,
    /// A file with the private key of that directory's owner, who pays for the files. Not the operator's: nothing else may send with it.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_WEB3_KEY_FILE",
        requires = "web3_directory"
    )]
    pub web3_key_file: Option<PathBuf>,
    /// The largest file that is stored on chain, in bytes. 24 KB cost about 5.4 million gas.
    #[arg(long, env = "PAYSTREAM_STREAMER_WEB3_MAX_BYTES", default_value_t = 1 << 20)]
    pub web3_max_bytes: usize,
    /// The JSON-RPC address of an EthStorage node, to read back what is stored in blobs. Without it their hashes on the chain are compared.
    #[arg(long, env = "PAYSTREAM_STREAMER_WEB3_ETHSTORAGE_RPC")]
    pub web3_ethstorage_rpc: Option<Url>,
    /// The indexer that is told which streams are alive. Without it nobody is told.
    #[arg(long, env = "PAYSTREAM_STREAMER_INDEXER_URL")]
    pub indexer_url: Option<Url>,
    /// Seconds between two heartbeats.
    #[arg(long, env = "PAYSTREAM_STREAMER_HEARTBEAT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=25))]
    pub heartbeat_seconds: u64,

    /// Bitcoin network: bitcoin, testnet4, signet or regtest.
    #[arg(long, env = "PAYSTREAM_STREAMER_BITCOIN_NETWORK", default_value = "signet", value_parser = network)]
    pub bitcoin_network: Network,
    /// JSON-RPC of your own Bitcoin Core; no other view of the chain is believed.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_BITCOIN_RPC",
        default_value = "http://127.0.0.1:38332"
    )]
    pub bitcoin_rpc: Url,
    /// The node's cookie file; it is read again when the node has been restarted.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_BITCOIN_COOKIE_FILE",
        conflicts_with = "bitcoin_rpc_user",
        required_unless_present = "bitcoin_rpc_user"
    )]
    pub bitcoin_cookie_file: Option<PathBuf>,
    /// The node's RPC user, where there is no cookie file.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_BITCOIN_RPC_USER",
        requires = "bitcoin_rpc_password_file"
    )]
    pub bitcoin_rpc_user: Option<String>,
    /// A file with the password of that user.
    #[arg(long, env = "PAYSTREAM_STREAMER_BITCOIN_RPC_PASSWORD_FILE")]
    pub bitcoin_rpc_password_file: Option<PathBuf>,
    /// Your Bitcoin address: your share is paid to it when a channel closes.
    #[arg(long, env = "PAYSTREAM_STREAMER_BITCOIN_PAYOUT")]
    pub bitcoin_payout: String,
    /// Milliseconds between two looks at the Bitcoin node.
    #[arg(long, env = "PAYSTREAM_STREAMER_BITCOIN_POLL_MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=10_000))]
    pub bitcoin_poll_ms: u64,
    /// How long payments on open channels are still taken while the Bitcoin node does not answer.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_BITCOIN_GRACE_SECONDS",
        default_value_t = 600
    )]
    pub bitcoin_grace_seconds: u64,
    /// Feerate of closing transactions where the node has no estimate, in sat/vB.
    #[arg(long, env = "PAYSTREAM_STREAMER_FALLBACK_FEERATE_SAT_VB", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub fallback_feerate_sat_vb: u64,
    /// The highest feerate that a channel fixes for its closing transaction, in sat/vB.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_FEERATE_SAT_VB", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub max_feerate_sat_vb: u64,
    /// How many blocks a channel lives; after that the viewer can take everything back alone.
    #[arg(long, env = "PAYSTREAM_STREAMER_CHANNEL_BLOCKS", default_value_t = 288, value_parser = clap::value_parser!(u32).range(220..=2012))]
    pub channel_blocks: u32,
    /// Confirmations of a channel's funding before more than the preview is served.
    #[arg(long, env = "PAYSTREAM_STREAMER_MIN_CONFIRMATIONS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub min_confirmations: u32,

    /// The tick of payment in milliseconds.
    #[arg(long, env = "PAYSTREAM_STREAMER_TICK_MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(500..=10_000))]
    pub tick_ms: u64,
    /// Seconds of (paid) media before the funding is confirmed.
    #[arg(long, env = "PAYSTREAM_STREAMER_PREVIEW_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub preview_seconds: u64,
    /// A channel is closed after this many seconds without a session, or without a payment in one.
    #[arg(long, env = "PAYSTREAM_STREAMER_IDLE_CLOSE_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub idle_close_seconds: u64,
    /// Days for which a finished channel (closed, refunded or lost) is kept in the journal; in any case until 100 more blocks have come.
    #[arg(long, env = "PAYSTREAM_STREAMER_KEEP_FINISHED_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub keep_finished_days: u32,
    /// Serve this creator's contents only (repeatable, or separated by commas). Without it, anybody's.
    #[arg(long, env = "PAYSTREAM_STREAMER_ALLOW_CREATOR", value_delimiter = ',')]
    pub allow_creator: Vec<Address>,

    /// Sessions at a time, in all.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_SESSIONS", default_value_t = 2000)]
    pub max_sessions: usize,
    /// HTTP requests that are worked on at a time, in all; sockets of sessions do not count, they have a bound of their own.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_REQUESTS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_requests: u32,
    /// Publishers at a time, in all.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_PUBLISHERS", default_value_t = 64)]
    pub max_publishers: usize,
    /// Channels without funding at a time, for each client address.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_MAX_CHANNELS_PER_ADDRESS",
        default_value_t = 32
    )]
    pub max_channels_per_address: usize,
    /// Messages a second on each session's socket.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_MESSAGES_PER_SECOND", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub max_messages_per_second: u32,
    /// The largest HTTP body in bytes.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_MAX_BODY_BYTES",
        default_value_t = 65_536
    )]
    pub max_body_bytes: usize,
    /// Where content is kept.
    #[command(flatten)]
    pub content: StoreOptions,
    /// Bytes of one uploaded file.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_UPLOAD_BYTES", default_value_t = 21_474_836_480, value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    pub max_upload_bytes: u64,
    /// Requests that send an upload's bytes at a time, in all; a quarter of them from one network. The operator's token finds two more.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_UPLOADS", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_uploads: u32,
    /// Bytes of each creator's uploads and stored videos, in all. The operator has no such bound, but the store's own.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_CREATOR_QUOTA_BYTES",
        default_value_t = 53_687_091_200
    )]
    pub creator_quota_bytes: u64,
    /// Each creator's uploads and stored videos, in number.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_CREATOR_QUOTA_ITEMS",
        default_value_t = 1000
    )]
    pub creator_quota_items: u64,
    /// An upload that nobody goes on with for so many seconds is removed.
    #[arg(long, env = "PAYSTREAM_STREAMER_UPLOAD_EXPIRY_SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub upload_expiry_seconds: u64,
    /// Uploads that are prepared with ffmpeg at a time.
    #[arg(long, env = "PAYSTREAM_STREAMER_MAX_PREPARATIONS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub max_preparations: u32,
    /// Bytes of memory that each ffmpeg may use.
    #[arg(long, env = "PAYSTREAM_STREAMER_PREPARATION_MEMORY_BYTES", default_value_t = 4_294_967_296, value_parser = clap::value_parser!(u64).range(268_435_456..))]
    pub preparation_memory_bytes: u64,
    /// Take clients' addresses from X-Forwarded-For: only behind a proxy of your own that sets it.
    #[arg(
        long,
        env = "PAYSTREAM_STREAMER_TRUST_FORWARDED_FOR",
        default_value_t = false
    )]
    pub trust_forwarded_for: bool,
}

/// A token in which signed payments are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayedToken {
    /// The token; nothing stands for any.
    pub token: Option<Address>,
    /// The least share of a view that the provider wants, in the token's smallest unit.
    pub min_share: U256,
}

impl std::str::FromStr for RelayedToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "any" {
            return Ok(Self {
                token: None,
                min_share: U256::ONE,
            });
        }
        let (token, share) = text.split_once(':').unwrap_or((text, "1"));
        let token: Address = token
            .parse()
            .map_err(|_| "a token is 0x and 40 hex digits, or `any`".to_owned())?;
        let min_share = U256::from_str_radix(share, 10)
            .map_err(|_| "the share after the colon is not a whole number".to_owned())?;
        if token == Address::ZERO {
            return Err("ether is not a token".to_owned());
        }
        Ok(Self {
            token: Some(token),
            min_share: min_share.max(U256::ONE),
        })
    }
}

impl Config {
    /// The least share of a view in this token for which its payment is sent; nothing when none is.
    #[must_use]
    pub fn relay_min_share(&self, token: Address) -> Option<U256> {
        let listed = |token| self.relay_token.iter().find(|listed| listed.token == token);
        let found = listed(Some(token)).or_else(|| listed(None));
        found.map(|found| found.min_share)
    }

    /// The tick as a duration.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }

    /// How long a channel may be unused before it is closed.
    #[must_use]
    pub fn idle_close(&self) -> Duration {
        Duration::from_secs(self.idle_close_seconds)
    }

    /// How long finished channels are kept.
    #[must_use]
    pub fn keep_finished(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_finished_days) * 86_400)
    }

    /// The addresses that viewers are told for media.
    #[must_use]
    pub fn media_addresses(&self) -> Vec<IpAddr> {
        if !self.announce.is_empty() {
            return self.announce.clone();
        }
        let listen = self.media_listen.ip();
        if listen.is_unspecified() {
            vec![IpAddr::from([127, 0, 0, 1])]
        } else {
            vec![listen]
        }
    }

    /// The public URL as it is registered on chain: without a slash at its end.
    #[must_use]
    pub fn public_base(&self) -> String {
        self.public_url.as_str().trim_end_matches('/').to_owned()
    }
}

fn network(text: &str) -> Result<Network, String> {
    match text {
        "bitcoin" => Ok(Network::Bitcoin),
        "testnet4" => Ok(Network::Testnet4),
        "signet" => Ok(Network::Signet),
        "regtest" => Ok(Network::Regtest),
        _ => Err("one of bitcoin, testnet4, signet, regtest is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(relayed: &[&str]) -> Config {
        let required = [
            "serve",
            "--public-url=https://streamer.example",
            "--media-listen=127.0.0.1:8281",
            "--data-dir=data",
            "--ethereum-rpc=http://127.0.0.1:8545",
            "--deployment=deployment.json",
            "--operator-key-file=operator.key",
            "--bitcoin-cookie-file=cookie",
            "--bitcoin-payout=tb1q",
        ];
        #[derive(Parser)]
        struct Command {
            #[command(flatten)]
            config: Config,
        }
        let arguments = required.iter().chain(relayed);
        Command::try_parse_from(arguments).unwrap().config
    }

    #[test]
    fn payments_are_sent_in_the_tokens_that_are_named_and_in_no_others() {
        let token = Address::repeat_byte(1);
        let other = Address::repeat_byte(2);
        let one = Some(U256::ONE);
        assert_eq!(config(&[]).relay_min_share(token), None);
        let any = config(&["--relay-token=any"]);
        assert_eq!(any.relay_min_share(token), one);
        let named = format!("--relay-token={token}:500");
        let named = config(&[&named]);
        assert_eq!(named.relay_min_share(token), Some(U256::from(500)));
        assert_eq!(named.relay_min_share(other), None);
        let both = format!("--relay-token=any,{token}:500");
        let both = config(&[&both]);
        assert_eq!(both.relay_min_share(token), Some(U256::from(500)));
        assert_eq!(both.relay_min_share(other), one);
    }
}
