//! `paystream-streamer play`: a viewer without a browser, for scripts and tests.
//!
//! It buys like the page does, with a wallet of its own: the offer is checked, a channel is funded out of the wallet, the video is paid for by
//! what was checked and by nothing else, and at the end the channel is closed. What a refund needs is on disk before money moves; every run
//! first looks after the channels that earlier runs left behind.

mod esplora;
mod live;
mod offer;
mod provider;
mod record;
mod session;
mod spending;
mod stop;
mod stored;
mod wallet;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Context, bail, ensure};
use bitcoin::Amount;
use paystream_channel::{due_paid, dust_limit};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use esplora::Esplora;
use live::Recording;
use offer::{Offer, Rail, Wanted};
use provider::Provider;
use record::Records;
use spending::Channel;
use stored::Download;
use wallet::Wallet;

/// How often the wallet is looked at while it is waited for.
const LOOK: Duration = Duration::from_secs(3);
/// What is put into the channel beyond the price: blocks that were lost on their way are paid for again. It comes back with the change.
const SPARE: u64 = 10;
/// What a live stream may cost beyond the seconds that are wanted.
const EXTRA_SECONDS: u64 = 10;

/// What is played, from whom, and for how much at the most.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct PlayOptions {
    /// The provider's address.
    #[arg(required_unless_present = "refund")]
    provider: Option<Url>,
    /// The content's id in the registry (0x…), or the CID of a stored video.
    #[arg(required_unless_present = "refund")]
    content: Option<Wanted>,
    /// The file to write. It must not exist; until it is whole it is called <FILE>.partial, and goes on from there the next time.
    #[arg(long, value_name = "FILE", required_unless_present = "refund")]
    to: Option<PathBuf>,
    /// The most that may leave the wallet, in satoshis, with all fees. Without it nothing is paid: the offer is shown, and what it comes to.
    #[arg(long, value_name = "SAT")]
    budget_sat: Option<u64>,
    /// How many seconds of a live stream are recorded, into a Matroska file (.mkv).
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// The highest price that is accepted, in thousandths of a satoshi for a second.
    #[arg(long, value_name = "MSAT")]
    max_price: Option<u64>,
    /// The most that one block of a stored video may count as, by the video's own index. Blocks of videos are seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    max_block_seconds: u64,
    /// An Ethereum node, to compare the offer with what the creator registered: price, share, payout and CID.
    #[arg(long, env = "PAYSTREAM_PLAY_ETHEREUM_RPC", requires = "registry")]
    ethereum_rpc: Option<Url>,
    /// The address of the StreamRegistry contract, as deployments/<chain id>.json has it.
    #[arg(long, env = "PAYSTREAM_PLAY_REGISTRY", requires = "ethereum_rpc")]
    registry: Option<Address>,
    /// An Esplora server: your own view of Bitcoin. Choose one that is not the provider's. On regtest the provider's is used unless told otherwise.
    #[arg(long, env = "PAYSTREAM_PLAY_ESPLORA")]
    esplora: Option<Url>,
    /// The wallet: a file with one private key (WIF, or 64 hex digits). It is made when it does not exist [default: <STATE_DIR>/wallet.key].
    #[arg(long, env = "PAYSTREAM_PLAY_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where channels are written down until their money is back [default: ~/.paystream-viewer].
    #[arg(long, env = "PAYSTREAM_PLAY_STATE_DIR", value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Play nothing: close or refund the channels of earlier runs, as each run does first.
    #[arg(long)]
    refund: bool,
}

const HELP: &str = "\
How it goes:
  1. See what it costs. Nothing is paid yet; the wallet is made and its address shown:
       paystream-streamer play https://streamer.example 0x… --to film.mp4
  2. Say what it may cost, and send that to the wallet when it asks for it:
       paystream-streamer play https://streamer.example 0x… --to film.mp4 --budget-sat 20000
  3. It opens a channel, pays for each block once it has checked it against its CID, and closes the
     channel: provider and creator get their shares, the rest comes back to the wallet.

A live stream is recorded for as long as you say, and paid by its seconds:
       paystream-streamer play https://streamer.example 0x… --to show.mkv --for 600 --budget-sat 20000

It ends with 0 only when the whole file is there. Ctrl-C closes the channel too, and the next run goes on
with what was bought. When the provider is gone, the money that is left in the channel comes back after the
channel's expiry, some hours to two weeks later: run it again, or with --refund, at that time. Keep the state
folder until then; it holds the keys. One run at a time uses a state folder.";

/// Plays until the file is whole, or until something ends it.
///
/// # Errors
/// What went wrong, for the person at the terminal. The channel has been closed then, or it is said when its money comes back.
pub async fn play(options: PlayOptions) -> anyhow::Result<()> {
    let folder = match options.state_dir.clone() {
        Some(folder) => folder,
        None => std::env::home_dir()
            .context("there is no home folder; say --state-dir")?
            .join(".paystream-viewer"),
    };
    let records = Records::open(folder.clone())?;
    let http = provider::client()?;
    let unsettled = records.look_after(&http, options.esplora.as_ref()).await?;
    if options.refund {
        ensure!(
            unsettled == 0,
            "{unsettled} channels could not be looked after"
        );
        return Ok(());
    }
    let (Some(url), Some(wanted), Some(to)) = (&options.provider, &options.content, &options.to)
    else {
        bail!("a provider, a content and --to are needed");
    };
    let provider = Provider::new(http.clone(), url)?;
    let offer = provider.find(wanted).await?;
    let offer = match (offer, wanted) {
        // A CID that needs no offer: everybody may read it.
        (None, Wanted::Cid(cid)) => {
            return stored::read_free(&provider, Download::open(*cid, None, to)?).await;
        }
        (None, Wanted::Content(_)) => bail!("the provider has no offer for that content"),
        (Some(offer), _) => offer,
    };
    offer.answers(wanted)?;
    let (media, media_ms) = match (&offer.stored, options.seconds) {
        (Some(video), None) => {
            let mut download = Download::open(video.cid()?, Some(video.size), to)?;
            if video.free {
                return stored::read_free(&provider, download).await;
            }
            download.most_leaf_ms = options.max_block_seconds.saturating_mul(1000);
            let rest_ms = download.rest_ms().unwrap_or(video.duration_ms);
            (Media::Stored(download), rest_ms)
        }
        (Some(_), Some(_)) => bail!("--for is for live streams; a stored video is bought whole"),
        (None, None) => bail!("that content is a live stream: say how long, with --for <SECONDS>"),
        (None, Some(seconds)) => {
            ensure!(offer.live, "that stream is off air");
            // Playing begins in the provider's cache, and ends with a frame.
            let recorded_ms = seconds.saturating_add(EXTRA_SECONDS).saturating_mul(1000);
            let recording = Recording::begin(to, seconds)?;
            if options.budget_sat.is_some() {
                recording.has_room()?;
            }
            (Media::Live(recording), recorded_ms)
        }
    };
    let key_file = options.key_file.clone();
    let key_file = key_file.unwrap_or_else(|| folder.join("wallet.key"));
    let purchase = Purchase {
        options: &options,
        wallet: Wallet::load_or_create(&key_file)?,
        provider,
        records,
        http,
    };
    purchase.buy(&offer, media_ms, media).await
}

/// What is bought.
enum Media {
    Stored(Download),
    Live(Recording),
}

/// One run's purchase.
struct Purchase<'a> {
    options: &'a PlayOptions,
    wallet: Wallet,
    provider: Provider,
    records: Records,
    http: reqwest::Client,
}

impl Purchase<'_> {
    async fn buy(&self, offer: &Offer, media_ms: u64, mut media: Media) -> anyhow::Result<()> {
        let rail = offer.rail()?;
        self.agree(offer, rail).await?;
        let mut channel = self.open(offer, rail, media_ms).await?;
        let playing = async {
            channel.becomes_open().await?;
            match &mut media {
                Media::Stored(download) => stored::read_paid(&mut channel, download).await,
                Media::Live(recording) => {
                    recording.create()?;
                    live::record(&mut channel, recording).await
                }
            }
        };
        let played = tokio::select! {
            played = playing => played,
            name = stopped() => Err(anyhow::anyhow!("stopped by {}", name?)),
        };
        say(&channel.close().await)?;
        match media {
            Media::Stored(mut download) => {
                let whole = played.and_then(|()| download.finish());
                eprintln!("{}", download.standing());
                whole
            }
            Media::Live(mut recording) => {
                let whole = recording.finish();
                played.and(whole)
            }
        }
    }

    /// Whether the offer is one to accept.
    async fn agree(&self, offer: &Offer, rail: &Rail) -> anyhow::Result<()> {
        if let Some(most) = self.options.max_price {
            ensure!(
                rail.msat_per_second <= most,
                "the provider asks {} msat a second, and --max-price is {most}",
                rail.msat_per_second
            );
        }
        match (&self.options.ethereum_rpc, self.options.registry) {
            (Some(rpc), Some(registry)) => offer::compare(offer, rail, rpc, registry).await,
            _ => {
                eprintln!(
                    "price and creator's share are as the provider states them; --ethereum-rpc and --registry compare them"
                );
                Ok(())
            }
        }
    }

    /// A funded channel that is worth so much media.
    async fn open(&self, offer: &Offer, rail: &Rail, media_ms: u64) -> anyhow::Result<Channel> {
        let esplora = self.esplora(rail)?;
        let price = due_paid(Amount::ZERO, media_ms, 0, rail.msat_per_second)?;
        let address = self.wallet.address(rail.network);
        let rate = esplora.rate().await?;
        let (least, most) = rail.capacities(price, SPARE)?;
        let fee = wallet::funding_fee(1, rate)?;
        let needed = least
            .checked_add(fee)
            .context("the price is out of range")?;
        eprintln!(
            "{} msat a second: {} sat for {} s; with fees and what stays in the channel's change, {} sat are needed",
            rail.msat_per_second,
            price.to_sat(),
            media_ms.div_ceil(1000),
            needed.to_sat()
        );
        let Some(budget) = self.options.budget_sat.map(Amount::from_sat) else {
            bail!(
                "nothing was paid. To buy it, say --budget-sat {} or more; your wallet's address is {address}",
                (most + fee).to_sat()
            );
        };
        ensure!(
            budget >= needed,
            "--budget-sat {} is too little: {} sat are needed. Nothing was paid",
            budget.to_sat(),
            needed.to_sat()
        );
        let coins = self
            .coins(&esplora, &address, needed, budget.min(most + fee))
            .await?;
        let held: Amount = coins.iter().map(|coin| coin.value).sum();
        let fee = wallet::funding_fee(coins.len() as u64, rate)?;
        let mut capacity = budget
            .min(held)
            .checked_sub(fee)
            .unwrap_or(Amount::ZERO)
            .min(most);
        // A rest that is too small for an output would go to the miners, on top of the budget.
        let dust = dust_limit(&self.wallet.script());
        if held > budget && held < capacity + fee + dust {
            capacity = held.checked_sub(fee + dust).unwrap_or(Amount::ZERO);
        }
        ensure!(
            capacity >= least,
            "the wallet's coins cost {} sat to spend: a budget of {} sat is needed. Nothing was paid",
            fee.to_sat(),
            (least + fee + dust).to_sat()
        );
        let request = spending::Request {
            provider: self.provider.clone(),
            esplora,
            content_id: offer.content_id,
            rail,
            change_script: self.wallet.script(),
        };
        let agreed = request.agree().await?;
        let transaction = self
            .wallet
            .pay(&coins, agreed.terms.funding_script(), capacity, fee)?;
        agreed.fund(&self.records, transaction, capacity).await
    }

    fn esplora(&self, rail: &Rail) -> anyhow::Result<Esplora> {
        let url = match &self.options.esplora {
            Some(url) => url.clone(),
            None if rail.network == paystream_channel::Network::Regtest => {
                self.provider.url("esplora")
            }
            None => bail!(
                "--esplora is needed: an Esplora server of the network {}",
                rail.network
            ),
        };
        Esplora::new(self.http.clone(), &url)
    }

    /// Confirmed coins of the wallet that reach what is needed, and what is wanted if they can; waits for them.
    async fn coins(
        &self,
        esplora: &Esplora,
        address: &bitcoin::Address,
        needed: Amount,
        wanted: Amount,
    ) -> anyhow::Result<Vec<esplora::Coin>> {
        let mut told = None;
        loop {
            let (confirmed, others): (Vec<_>, Vec<_>) = esplora
                .coins(address)
                .await?
                .into_iter()
                .partition(|coin| coin.confirmed);
            let held: Amount = confirmed.iter().map(|coin| coin.value).sum();
            if held >= needed {
                return Ok(wallet::choose(confirmed, wanted));
            }
            let coming: Amount = others.iter().map(|coin| coin.value).sum();
            if told != Some((held, coming)) {
                told = Some((held, coming));
                let missing = (needed - held).checked_sub(coming).unwrap_or(Amount::ZERO);
                eprintln!(
                    "the wallet holds {} sat{}; {}",
                    held.to_sat(),
                    match coming {
                        Amount::ZERO => String::new(),
                        coming => format!(", and {} sat wait for a block", coming.to_sat()),
                    },
                    match missing {
                        Amount::ZERO => "waiting for a block".to_owned(),
                        missing => format!(
                            "send {} sat to bitcoin:{address}?amount={} (Ctrl-C: nothing was paid)",
                            missing.to_sat(),
                            missing.to_string_in(bitcoin::Denomination::Bitcoin)
                        ),
                    }
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Waits for the person, or the system, to end it.
async fn stopped() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("a signal"),
        _ = interrupt.recv() => Ok("Ctrl-C"),
    }
}
