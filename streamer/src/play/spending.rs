//! A channel from the viewer's side: agreed, written down, funded, and closed at the end (docs/protocol.md, sections 3 and 6).

use std::time::Duration;

use alloy::primitives::B256;
use anyhow::{Context, bail, ensure};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction};
use paystream_channel::{
    ChannelId, ChannelState, ChannelTerms, ContentId, Funding, FundingOutput, split,
};

use super::esplora::Esplora;
use super::offer::Rail;
use super::provider::{Provider, Refused};
use super::record::{Record, Records};
use super::session::Session;
use super::wallet::fresh_secret;

/// How often the provider is asked about the funding.
const LOOK: Duration = Duration::from_secs(1);
/// How long the funding may take to reach the provider's node.
const ON_ITS_WAY: Duration = Duration::from_secs(120);
/// How long a provider may take to hear of a funding once more.
const REMINDING: Duration = Duration::from_secs(10);
/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(30);

/// What a channel is wanted for.
pub(super) struct Request<'a> {
    pub provider: Provider,
    pub esplora: Esplora,
    pub content_id: B256,
    pub rail: &'a Rail,
    pub change_script: ScriptBuf,
}

/// A channel whose terms have been checked, and that nobody has paid into.
pub(super) struct Agreed {
    pub terms: ChannelTerms,
    secret: SecretKey,
    provider: Provider,
    esplora: Esplora,
}

/// A channel that money has gone into.
pub(super) struct Channel {
    pub provider: Provider,
    pub terms: ChannelTerms,
    pub secret: SecretKey,
    pub funding: Funding,
    /// The most that was ever signed; not known of a channel of an earlier run.
    pub signed: Option<Amount>,
    /// The most that the provider acknowledged.
    pub paid: Amount,
}

impl Request<'_> {
    /// Agrees on terms, and checks everything that the provider says.
    ///
    /// # Errors
    /// When the terms are not what they must be; when somebody does not answer.
    pub async fn agree(self) -> anyhow::Result<Agreed> {
        let secret = fresh_secret();
        let key = PublicKey::from_secret_key(&Secp256k1::new(), &secret);
        let tip = self.esplora.tip().await?;
        let (key_hex, script) = (key.to_string(), self.change_script.to_hex_string());
        let view = self
            .provider
            .open(self.content_id, &key_hex, &script)
            .await?;
        let terms = view.terms;
        let own = terms.viewer_key == key
            && terms.change_script == self.change_script
            && terms.content_id == ContentId(self.content_id.0);
        ensure!(own, "the provider changed the viewer's own terms");
        ensure!(
            self.rail.gives(&terms),
            "the channel's terms are not those of the offer; if they have just changed, try again"
        );
        ensure!(
            terms.expiry_fits(tip),
            "the channel would expire at block {}, and the chain is at {tip}",
            terms.expiry_height
        );
        ensure!(
            view.channel_id == terms.channel_id() && view.address == terms.address().to_string(),
            "the provider's address is not that of the channel's terms"
        );
        Ok(Agreed {
            terms,
            secret,
            provider: self.provider,
            esplora: self.esplora,
        })
    }
}

impl Agreed {
    /// Writes down what a refund needs, and then pays.
    ///
    /// # Errors
    /// When it cannot be written, or the transaction is not taken; it is said then what that means for the money.
    pub async fn fund(
        self,
        records: &Records,
        transaction: Transaction,
        capacity: Amount,
    ) -> anyhow::Result<Channel> {
        let funding = FundingOutput {
            txid: transaction.compute_txid(),
            vout: 0,
            value: capacity,
        };
        let all = Funding::new(vec![funding])?;
        all.check_capacity(&self.terms)?;
        records.save(&Record {
            provider: self.provider.base().clone(),
            esplora: self.esplora.url.clone(),
            terms: self.terms.clone(),
            secret_key: self.secret,
            funding,
            transaction: serialize_hex(&transaction),
        })?;
        self.esplora
            .broadcast(&transaction)
            .await
            .with_context(|| {
                format!(
                    "the funding {} was not taken, or nobody says so; the next run looks after it",
                    funding.txid
                )
            })?;
        eprintln!(
            "channel {}: {} sat by {}; what is left comes back at the end, or from block {} on",
            self.terms.channel_id(),
            capacity.to_sat(),
            funding.txid,
            self.terms.expiry_height
        );
        Ok(Channel {
            provider: self.provider,
            terms: self.terms,
            secret: self.secret,
            funding: all,
            signed: Some(Amount::ZERO),
            paid: Amount::ZERO,
        })
    }
}

impl Channel {
    /// The channel of an earlier run.
    ///
    /// # Errors
    /// When the record makes no sense.
    pub fn of(record: &Record, http: &reqwest::Client) -> anyhow::Result<Self> {
        Ok(Self {
            provider: Provider::new(http.clone(), &record.provider)?,
            terms: record.terms.clone(),
            secret: record.secret_key,
            funding: Funding::new(vec![record.funding])?,
            signed: None,
            paid: Amount::ZERO,
        })
    }

    pub fn id(&self) -> ChannelId {
        self.terms.channel_id()
    }

    /// Tells the provider of the funding, and waits until it is confirmed.
    ///
    /// # Errors
    /// When the provider does not see it, or it was spent otherwise.
    pub async fn becomes_open(&self) -> anyhow::Result<()> {
        let outpoints = self.funding.outputs().iter().map(FundingOutput::outpoint);
        for outpoint in outpoints {
            let hinting = tokio::time::timeout(ON_ITS_WAY, self.hint(outpoint)).await;
            hinting.context("the provider does not see the funding")??;
        }
        let mut told = None;
        loop {
            let view = self.provider.show(self.id()).await?;
            match view.state {
                ChannelState::Open => return Ok(()),
                ChannelState::Unconfirmed | ChannelState::AwaitingFunding => {}
                state @ (ChannelState::Closing | ChannelState::Closed | ChannelState::Lost) => {
                    bail!("the channel is {state}")
                }
            }
            if told != Some(view.confirmations) {
                told = Some(view.confirmations);
                eprintln!("waiting for a block that confirms the channel");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn hint(&self, outpoint: OutPoint) -> anyhow::Result<()> {
        loop {
            match self.provider.hint(self.id(), outpoint).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    let refused = error.downcast_ref::<Refused>();
                    let wait = refused
                        .is_some_and(|why| why.code == "funding_not_found" || why.may_pass());
                    if !wait {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Tells the provider of the funding once, whatever it answers: the run that paid it may have ended before it did.
    pub async fn remind(&self) {
        for output in self.funding.outputs() {
            let hint = self.provider.hint(self.id(), output.outpoint());
            let _ = tokio::time::timeout(REMINDING, hint).await;
        }
    }

    /// Has the provider close, and tells what came of it.
    pub async fn close(mut self) -> String {
        let left = match tokio::time::timeout(LEAVING, self.leave()).await {
            Ok(left) => left,
            Err(_) => Err(anyhow::anyhow!("the provider does not answer")),
        };
        // A provider that had closed before refuses the session, and shows the channel all the same.
        let shown = self.provider.show(self.id()).await.ok();
        let closing = left
            .as_ref()
            .ok()
            .cloned()
            .flatten()
            .or_else(|| shown.as_ref().and_then(|view| view.closing_txid.clone()));
        if self.paid == Amount::ZERO {
            self.paid = shown.map_or(Amount::ZERO, |view| Amount::from_sat(view.paid_sat));
        }
        let parts = split(&self.terms, self.funding.capacity(), self.paid);
        match (closing, parts) {
            (Some(txid), Ok(parts)) => format!(
                "paid {} sat: provider {}, creator {}; closing fee {}; {} sat come back by {txid}",
                (parts.provider + parts.creator).to_sat(),
                parts.provider.to_sat(),
                parts.creator.to_sat(),
                self.terms.fee.to_sat(),
                parts.change.to_sat()
            ),
            _ => format!(
                "the provider did not close the channel{}: {} sat, less what was paid ({} sat), come back from block {} on; run this again then, or with --refund",
                left.err()
                    .map(|why| format!(" ({why:#})"))
                    .unwrap_or_default(),
                self.funding.capacity().to_sat(),
                self.paid.to_sat(),
                self.terms.expiry_height
            ),
        }
    }

    async fn leave(&mut self) -> anyhow::Result<Option<String>> {
        let session = Session::start_to_leave(self).await?;
        session.leave(self).await
    }
}
