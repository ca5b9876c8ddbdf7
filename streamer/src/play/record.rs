//! What is on disk of each channel from before money moves until it is back: its terms, its key and its funding.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::secp256k1::SecretKey;
use bitcoin::{Amount, Txid};
use paystream_channel::{
    ChannelTerms, Funding, FundingOutput, dust_limit, refund_fee, refund_transaction,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::esplora::{Coin, Esplora};
use super::spending::Channel;
use super::wallet::write_new;

/// How long one channel of an earlier run may hold up this one.
const PATIENCE: Duration = Duration::from_secs(60);

/// A channel that money went, or was about to go, into.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub provider: Url,
    pub esplora: Url,
    pub terms: ChannelTerms,
    pub secret_key: SecretKey,
    pub funding: FundingOutput,
    /// The funding transaction, to be sent again by hand should it get lost.
    pub transaction: String,
}

/// The folder of the records. One process has it at a time: two would spend the same coins, and close each other's channels.
pub(super) struct Records {
    folder: PathBuf,
    _lock: File,
}

impl Records {
    /// Opens the folder, which is made when it is not there.
    ///
    /// # Errors
    /// When another process has it; when it cannot be written.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        let name = folder.display().to_string();
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.with_context(|| name.clone())?;
        let lock = File::create(folder.join("lock")).with_context(|| name.clone())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another run uses {name}; wait for it, or say --state-dir")
            }
            Err(TryLockError::Error(error)) => return Err(error).context(name),
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Writes a record; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, record: &Record) -> anyhow::Result<()> {
        let path = self.path("channel", record);
        let text = serde_json::to_vec_pretty(record)?;
        write_new(&path, &text).with_context(|| path.display().to_string())
    }

    /// Settles what earlier runs left: closes what a provider still closes, refunds what is due. Answers how many could not be looked after.
    ///
    /// # Errors
    /// When a record cannot be read: money may be in it.
    pub async fn look_after(
        &self,
        http: &reqwest::Client,
        esplora: Option<&Url>,
    ) -> anyhow::Result<usize> {
        let mut failures = 0;
        for record in self.list()? {
            let id = record.terms.channel_id();
            let looked = async {
                let url = esplora.unwrap_or(&record.esplora);
                let chain = Esplora::new(http.clone(), url)?;
                self.settle(&record, &chain, http).await
            };
            let said = tokio::time::timeout(PATIENCE, looked).await;
            match said.unwrap_or_else(|_| bail!("nobody answers in time")) {
                Ok(said) => eprintln!("channel {id}: {said}"),
                Err(error) => {
                    failures += 1;
                    eprintln!("channel {id}: {error:#}");
                }
            }
        }
        Ok(failures)
    }

    fn list(&self) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("channel-") || !name.ends_with(".json") {
                continue;
            }
            let text = fs::read(&path).with_context(|| path.display().to_string())?;
            let record = serde_json::from_slice(&text);
            records.push(record.with_context(|| format!("{}: not a channel", path.display()))?);
        }
        Ok(records)
    }

    fn path(&self, kind: &str, record: &Record) -> PathBuf {
        let id = record.terms.channel_id();
        self.folder.join(format!("{kind}-{id}.json"))
    }

    /// Nothing more can happen to it. The key is kept: somebody might pay to the address once more.
    fn finish(&self, record: &Record) -> anyhow::Result<()> {
        fs::rename(self.path("channel", record), self.path("settled", record))?;
        Ok(())
    }

    async fn settle(
        &self,
        record: &Record,
        chain: &Esplora,
        http: &reqwest::Client,
    ) -> anyhow::Result<String> {
        let expiry = record.terms.expiry_height;
        let tip = chain.tip().await?;
        let coins = chain.coins(&record.terms.address()).await?;
        if !coins.is_empty() {
            if tip < expiry {
                return Ok(Channel::of(record, http)?.close().await);
            }
            let (txid, value) = refund(record, chain, &coins).await?;
            return Ok(format!("refunded {} sat by {txid}", value.to_sat()));
        }
        // A server that does not know the funding says so with an error.
        match chain
            .spender(record.funding.outpoint())
            .await
            .ok()
            .flatten()
        {
            Some((txid, true)) => {
                self.finish(record)?;
                Ok(format!("settled by {txid}"))
            }
            Some((txid, false)) => Ok(format!("{txid} waits for a block")),
            None if tip >= expiry => {
                self.finish(record)?;
                Ok("it was never funded".to_owned())
            }
            None => Ok("its funding is not seen on the chain".to_owned()),
        }
    }
}

async fn refund(
    record: &Record,
    chain: &Esplora,
    coins: &[Coin],
) -> anyhow::Result<(Txid, Amount)> {
    let terms = &record.terms;
    // All that the address holds, also what came to it by mistake.
    let outputs = coins.iter().map(|coin| FundingOutput {
        txid: coin.outpoint.txid,
        vout: coin.outpoint.vout,
        value: coin.value,
    });
    let funding = Funding::new(outputs.collect())?;
    let affordable = funding
        .capacity()
        .checked_sub(dust_limit(&terms.change_script))
        .unwrap_or(Amount::ZERO);
    let fee = refund_fee(terms, &funding, chain.rate().await?)?.min(affordable);
    let transaction = refund_transaction(terms, &funding, fee)?;
    let transaction = transaction.sign(terms, &record.secret_key)?;
    chain
        .broadcast(&transaction)
        .await
        .with_context(|| format!("the refund {} was not taken", serialize_hex(&transaction)))?;
    Ok((transaction.compute_txid(), funding.capacity() - fee))
}
