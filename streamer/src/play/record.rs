//! What is on disk of each channel from before money moves until it is back: its terms, its key and its funding.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::secp256k1::SecretKey;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};
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
/// Up to so many dust limits a refund may cost what it costs: at the least fee rate, too, it is a tenth or nearly.
const SMALL: u64 = 10;

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

impl Record {
    /// The wallet's coins that the funding spends.
    fn coins(&self) -> anyhow::Result<Vec<OutPoint>> {
        let transaction: Transaction = deserialize_hex(&self.transaction)
            .context("the funding transaction in its record is damaged")?;
        let inputs = transaction.input.into_iter();
        Ok(inputs.map(|input| input.previous_output).collect())
    }
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
    /// Each channel is looked up where its record says; at the other server only when that one does not answer.
    ///
    /// # Errors
    /// When a record cannot be read: money may be in it.
    pub async fn look_after(
        &self,
        http: &reqwest::Client,
        other: Option<&Url>,
    ) -> anyhow::Result<usize> {
        let mut failures = 0;
        for record in self.list()? {
            let id = record.terms.channel_id();
            let looked = async {
                let (chain, tip) = view(&record, http, other).await?;
                self.settle(&record, &chain, tip, http).await
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

    /// A record is finished on the sight of what spent its funding, or the coins of a funding that nobody has seen, and by nothing else: a
    /// server may be behind, or of another chain.
    async fn settle(
        &self,
        record: &Record,
        chain: &Esplora,
        tip: u32,
        http: &reqwest::Client,
    ) -> anyhow::Result<String> {
        let coins = chain.coins(&record.terms.address()).await?;
        if !coins.is_empty() {
            if tip < record.terms.expiry_height {
                let channel = Channel::of(record, http)?;
                channel.remind().await;
                return Ok(channel.close().await);
            }
            if let Some((txid, value)) = refund(record, chain, &coins).await? {
                return Ok(format!("refunded {} sat by {txid}", value.to_sat()));
            }
        }
        let funding = record.funding.txid;
        if !chain.knows(funding).await? {
            return self.unseen(record, chain).await;
        }
        let spender = chain.spender(record.funding.outpoint()).await;
        match spender
            .with_context(|| format!("nobody says what became of its funding {funding}"))?
        {
            Some((txid, true)) => {
                self.finish(record)?;
                Ok(format!("settled by {txid}"))
            }
            Some((txid, false)) => Ok(format!("{txid} waits for a block")),
            None => Ok(format!(
                "its funding {funding} is not seen on the chain; it is kept, and looked for again"
            )),
        }
    }

    /// Looks after a funding that nobody has seen: its run ended before it was sent. It is not sent again, which would only cost fees: its
    /// coins are the wallet's, and once a block has spent one of them otherwise it never can be in one.
    async fn unseen(&self, record: &Record, chain: &Esplora) -> anyhow::Result<String> {
        let funding = record.funding.txid;
        for coin in record.coins()? {
            if let Some((txid, true)) = chain.spender(coin).await?
                && txid != funding
            {
                self.finish(record)?;
                return Ok(format!(
                    "nothing was paid: its funding {funding} never was in a block, and {txid} has spent its coins"
                ));
            }
        }
        Ok(format!(
            "nothing was paid, as far as {} can see: it has no funding {funding}, and the coins for that are the wallet's; it is kept until they are spent",
            chain.url
        ))
    }
}

/// The chain, and its height, as the record's own server shows it. Another one stands in only while that does not answer, and only if it
/// knows the record's funding or what that spends, which no other chain has.
async fn view(
    record: &Record,
    http: &reqwest::Client,
    other: Option<&Url>,
) -> anyhow::Result<(Esplora, u32)> {
    let own = Esplora::new(http.clone(), &record.esplora)?;
    let silent = match own.tip().await {
        Ok(tip) => return Ok((own, tip)),
        Err(error) => error,
    };
    let Some(url) = other else {
        return Err(silent);
    };
    let other = Esplora::new(http.clone(), url)?;
    let tip = other.tip().await?;
    let funding = record.funding.outpoint();
    let coins = other.coins(&record.terms.address()).await?;
    let mut known =
        coins.iter().any(|coin| coin.outpoint == funding) || other.knows(funding.txid).await?;
    if !known {
        for coin in record.coins()? {
            known = known || other.knows(coin.txid).await?;
        }
    }
    ensure!(
        known,
        "{silent:#}; and {} does not know its funding {}",
        other.url,
        funding.txid
    );
    Ok((other, tip))
}

/// Spends what is worth it to the viewer; `None` when nothing is.
async fn refund(
    record: &Record,
    chain: &Esplora,
    coins: &[Coin],
) -> anyhow::Result<Option<(Txid, Amount)>> {
    let terms = &record.terms;
    let rate = chain.rate().await?;
    let outputs = refundable(record, coins, rate)?;
    if outputs.is_empty() {
        return Ok(None);
    }
    let funding = Funding::new(outputs)?;
    let capacity = funding.capacity();
    let dust = dust_limit(&terms.change_script);
    let fee = refund_fee(terms, &funding, rate)?;
    ensure!(
        is_modest(fee, capacity) || capacity <= dust * SMALL,
        "a refund of {} sat would cost {} sat now, at {} sat/vB: more than a tenth. Nothing was sent and nothing is lost; run play --refund later, when fees are lower",
        capacity.to_sat(),
        fee.to_sat(),
        rate.to_sat_per_vb_ceil()
    );
    let affordable = capacity.checked_sub(dust).unwrap_or(Amount::ZERO);
    let fee = fee.min(affordable);
    let transaction = refund_transaction(terms, &funding, fee)?;
    let transaction = transaction.sign(terms, &record.secret_key)?;
    chain
        .broadcast(&transaction)
        .await
        .with_context(|| format!("the refund {} was not taken", serialize_hex(&transaction)))?;
    Ok(Some((transaction.compute_txid(), capacity - fee)))
}

/// The funding, and of what else came to the address, by mistake or to make the refund dear, that which is confirmed and hardly adds to the cost.
fn refundable(
    record: &Record,
    coins: &[Coin],
    rate: FeeRate,
) -> anyhow::Result<Vec<FundingOutput>> {
    let fee = |outputs| -> anyhow::Result<Amount> {
        Ok(refund_fee(&record.terms, &Funding::new(outputs)?, rate)?)
    };
    let alone = fee(vec![record.funding])?;
    let mut outputs = Vec::new();
    for coin in coins {
        if coin.outpoint == record.funding.outpoint() {
            outputs.push(record.funding);
            continue;
        }
        let output = FundingOutput {
            txid: coin.outpoint.txid,
            vout: coin.outpoint.vout,
            value: coin.value,
        };
        // Two inputs cost more than one.
        let more = fee(vec![record.funding, output])? - alone;
        if coin.confirmed && is_modest(more, coin.value) {
            outputs.push(output);
        }
    }
    Ok(outputs)
}

/// Whether a fee is at most a tenth of what is left of a value.
fn is_modest(fee: Amount, value: Amount) -> bool {
    value
        .checked_sub(fee)
        .is_some_and(|rest| rest.to_sat() / 10 >= fee.to_sat())
}

#[cfg(test)]
mod tests {
    use bitcoin::ScriptBuf;
    use bitcoin::hashes::Hash;
    use bitcoin::secp256k1::{PublicKey, Secp256k1};
    use paystream_channel::{ContentId, Network, TermsFields};

    use super::*;

    fn record() -> Record {
        let secret = |byte| SecretKey::from_slice(&[byte; 32]).unwrap();
        let public = |byte| PublicKey::from_secret_key(&Secp256k1::new(), &secret(byte));
        let script = |byte| ScriptBuf::from_bytes([&[0, 20][..], &[byte; 20]].concat());
        let terms = ChannelTerms::new(TermsFields {
            network: Network::Regtest,
            content_id: ContentId([1; 32]),
            viewer_key: public(1),
            provider_key: public(2),
            expiry_height: 388,
            fee: Amount::from_sat(316),
            msat_per_second: 20_000,
            creator_share_bps: 0,
            creator_script: ScriptBuf::new(),
            provider_script: script(1),
            change_script: script(2),
        });
        Record {
            provider: "http://127.0.0.1:1".parse().unwrap(),
            esplora: "http://127.0.0.1:1".parse().unwrap(),
            terms: terms.unwrap(),
            secret_key: secret(1),
            funding: FundingOutput {
                txid: Txid::from_byte_array([9; 32]),
                vout: 0,
                value: Amount::from_sat(100_000),
            },
            transaction: String::new(),
        }
    }

    fn coin(vout: u32, sat: u64, confirmed: bool) -> Coin {
        Coin {
            outpoint: OutPoint::new(Txid::from_byte_array([9; 32]), vout),
            value: Amount::from_sat(sat),
            confirmed,
        }
    }

    #[test]
    fn a_refund_spends_the_funding_and_only_what_else_is_worth_its_own_fee() {
        let rate = FeeRate::from_sat_per_vb(10).unwrap();
        let spent = |coins: &[Coin]| {
            let outputs = refundable(&record(), coins, rate).unwrap();
            outputs.iter().map(|output| output.vout).collect::<Vec<_>>()
        };
        let dust = [coin(3, 330, true), coin(4, 1500, true)];
        assert_eq!(spent(&[coin(0, 100_000, false)]), [0]);
        assert_eq!(
            spent(&[
                coin(1, 50_000, true),
                coin(0, 100_000, true),
                coin(2, 50_000, false),
                dust[0].clone(),
                dust[1].clone(),
            ]),
            [1, 0]
        );
        assert!(spent(&dust).is_empty());
    }

    #[test]
    fn a_fee_is_modest_up_to_a_tenth_of_what_is_refunded() {
        for (fee, value, modest) in [
            (0, 0, true),
            (100, 1100, true),
            (100, 1099, false),
            (100, 99, false),
        ] {
            let (fee, value) = (Amount::from_sat(fee), Amount::from_sat(value));
            assert_eq!(is_modest(fee, value), modest, "{fee} of {value}");
        }
    }
}
