//! The book: all channels of this provider, and the only way to change one.

mod ends;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::B256;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, ScriptBuf};
use jiff::Timestamp;
use paystream_channel::{
    Accepted, ChannelError, ChannelId, ChannelState, ChannelTerms, ContentId, Funding,
    FundingOutput, Payment, TermsFields, accept,
};

use super::chain::Chain;
use super::channel::Channel;
use super::quote::Quote;
use super::record::{Record, Stage};
use super::view::ChannelView;
use crate::bitcoin::BitcoinNode;
use crate::error::{Code, Error, Result, refused};
use crate::journal::{Journal, Loaded};
use crate::keys::ChannelKeys;

impl From<ChannelError> for Error {
    fn from(error: ChannelError) -> Self {
        refused(
            Code::from_wire(error.code()).unwrap_or(Code::Malformed),
            error.to_string(),
        )
    }
}

/// What a viewer brings to open a channel.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The content to be paid for.
    pub content: B256,
    /// The viewer's key, fresh.
    pub viewer_key: PublicKey,
    /// Where change and refunds go.
    pub change_script: ScriptBuf,
    /// Who asks.
    pub client: IpAddr,
}

/// What became of a payment.
#[derive(Debug, Clone)]
pub struct Paid {
    /// Whether it changed anything; an exact repeat does not.
    pub accepted: Accepted,
    /// The record, as it is on disk now.
    pub record: Arc<Record>,
}

/// All channels.
pub struct Book {
    journal: Journal,
    node: Arc<dyn BitcoinNode>,
    chain: Arc<Chain>,
    keys: Arc<ChannelKeys>,
    min_confirmations: u32,
    grace: Duration,
    max_per_address: usize,
    next_key: AtomicU32,
    channels: Mutex<HashMap<ChannelId, Arc<Channel>>>,
}

/// The rules of the book, from the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Confirmations before a channel is open.
    pub min_confirmations: u32,
    /// How old a view of the chain may be for a payment.
    pub grace: Duration,
    /// Unfunded channels for each client address.
    pub max_per_address: usize,
}

impl Book {
    /// The book as the journal has it.
    #[must_use]
    pub fn new(
        journal: Journal,
        loaded: Loaded,
        node: Arc<dyn BitcoinNode>,
        chain: Arc<Chain>,
        keys: Arc<ChannelKeys>,
        rules: Rules,
    ) -> Arc<Self> {
        let channels = loaded
            .records
            .into_iter()
            .map(|record| (record.id, Channel::new(record, None)))
            .collect();
        Arc::new(Self {
            journal,
            node,
            chain,
            keys,
            min_confirmations: rules.min_confirmations,
            grace: rules.grace,
            max_per_address: rules.max_per_address,
            next_key: AtomicU32::new(loaded.next_key),
            channels: Mutex::new(channels),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ChannelId, Arc<Channel>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All channels.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Channel>> {
        self.lock().values().cloned().collect()
    }

    /// A channel by its id.
    ///
    /// # Errors
    /// `unknown_channel`
    pub fn find(&self, id: ChannelId) -> Result<Arc<Channel>> {
        self.lock()
            .get(&id)
            .cloned()
            .ok_or_else(|| refused(Code::UnknownChannel, format!("there is no channel {id}")))
    }

    /// A record as it is shown to the viewer.
    #[must_use]
    pub fn view(&self, record: &Record) -> ChannelView {
        ChannelView::of(record, self.min_confirmations)
    }

    /// The state of a record on the wire.
    #[must_use]
    pub fn state(&self, record: &Record) -> ChannelState {
        record.state(self.min_confirmations)
    }

    /// Opens a channel on a quote, with a key of its own.
    ///
    /// # Errors
    /// `rate_limited` when the client has too many unfunded channels; `unsupported_script`; when the journal fails.
    pub async fn open(
        self: &Arc<Self>,
        quote: Quote,
        request: OpenRequest,
    ) -> Result<Arc<Channel>> {
        let waiting = self
            .lock()
            .values()
            .filter(|channel| {
                channel.client == Some(request.client)
                    && channel.record().stage == Stage::AwaitingFunding
            })
            .count();
        if waiting >= self.max_per_address {
            return Err(refused(
                Code::RateLimited,
                "too many channels of this address await their funding",
            ));
        }
        let key_index = self.next_key.fetch_add(1, Ordering::Relaxed);
        let terms = ChannelTerms::new(TermsFields {
            network: quote.network,
            content_id: ContentId(request.content.0),
            viewer_key: request.viewer_key,
            provider_key: self.keys.public(key_index)?,
            expiry_height: quote.expiry_height,
            fee: quote.fee,
            msat_per_second: quote.msat_per_second,
            creator_share_bps: quote.creator_share_bps,
            creator_script: quote.creator_script,
            provider_script: quote.provider_script,
            change_script: request.change_script,
        })?;
        let record = Record {
            id: terms.channel_id(),
            key_index,
            terms,
            stage: Stage::AwaitingFunding,
            payment: None,
            credit_ms: 0,
            preview_used_ms: 0,
            created_at: Timestamp::now().as_second(),
            finished: None,
        };
        let channel = Channel::new(record.clone(), Some(request.client));
        let book = Arc::clone(self);
        settle(async move {
            book.journal.put(&record).await?;
            book.lock().insert(record.id, Arc::clone(&channel));
            Ok(channel)
        })
        .await
    }

    /// Looks an output up on our node and takes it as the channel's funding.
    ///
    /// # Errors
    /// `funding_not_found`, `wrong_script`, `capacity_too_low`, `funding_conflict`; unavailable when the node does not answer.
    pub async fn fund(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        outpoint: OutPoint,
    ) -> Result<Arc<Record>> {
        let conflict = || {
            refused(
                Code::FundingConflict,
                "the channel has another funding output already",
            )
        };
        if let Some(funding) = channel.record().stage.funding() {
            let same = funding
                .outputs()
                .iter()
                .any(|output| output.outpoint() == outpoint);
            return if same {
                Ok(channel.record())
            } else {
                Err(conflict())
            };
        }
        let output = self.node.output(outpoint).await?.ok_or_else(|| {
            refused(
                Code::FundingNotFound,
                "the provider's node does not see that output unspent (yet)",
            )
        })?;
        let tx_out = bitcoin::TxOut {
            value: output.value,
            script_pubkey: output.script,
        };
        self.change(channel, move |record| {
            if let Some(funding) = record.stage.funding() {
                let same = funding
                    .outputs()
                    .iter()
                    .any(|output| output.outpoint() == outpoint);
                return if same { Ok(None) } else { Err(conflict()) };
            }
            let funding = Funding::new(vec![FundingOutput::from_tx_out(
                &record.terms,
                outpoint,
                &tx_out,
            )?])?;
            funding.check_capacity(&record.terms)?;
            let stage = Stage::Funded {
                funding,
                confirmations: output.confirmations,
            };
            Ok(Some(Record {
                stage,
                ..record.clone()
            }))
        })
        .await
    }

    /// Takes a payment: verifies it, writes it to disk, and only then returns. `credit_ms` tells, for the new amount, how much
    /// media will be paid for and not delivered.
    ///
    /// # Errors
    /// As [`accept`]; unavailable when the node has not been heard of for longer than the grace; when the journal fails. Then nothing has changed.
    pub async fn pay(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        payment: Payment,
        preview_used_ms: u64,
        credit_ms: impl FnOnce(u64) -> u64 + Send + 'static,
    ) -> Result<Paid> {
        let (chain, grace, min_confirmations) =
            (Arc::clone(&self.chain), self.grace, self.min_confirmations);
        let mut accepted = Accepted::Repeat;
        let (verdict, told) = tokio::sync::oneshot::channel();
        let record = self
            .change(channel, move |record| {
                let state = record.state(min_confirmations);
                let Some(funding) = record.stage.funding() else {
                    return Err(ChannelError::NotOpen(state).into());
                };
                if record.payment.as_ref() == Some(&payment) {
                    return Ok(None);
                }
                let tip = chain.within(grace)?.tip.height;
                match accept(
                    &record.terms,
                    funding,
                    state,
                    tip,
                    record.payment.as_ref(),
                    &payment,
                )? {
                    Accepted::Repeat => Ok(None),
                    Accepted::New => {
                        // The receiver waits below; it cannot be gone unless the session is.
                        let _ = verdict.send(());
                        let credit_ms = credit_ms(payment.paid.to_sat());
                        Ok(Some(Record {
                            payment: Some(payment),
                            credit_ms,
                            preview_used_ms,
                            ..record.clone()
                        }))
                    }
                }
            })
            .await?;
        if told.await.is_ok() {
            accepted = Accepted::New;
            channel.touch();
        }
        Ok(Paid { accepted, record })
    }

    /// Writes down what a session leaves behind.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn leave_credit(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        credit_ms: u64,
        preview_used_ms: u64,
    ) -> Result<()> {
        self.change(channel, move |record| {
            Ok(Some(Record {
                credit_ms,
                preview_used_ms,
                ..record.clone()
            }))
        })
        .await?;
        Ok(())
    }

    /// Moves a channel to a stage, if it is still as it was when that was decided.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn advance(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        from: Stage,
        to: Stage,
    ) -> Result<Arc<Record>> {
        self.change(channel, move |record| {
            Ok((record.stage == from).then(|| Record {
                stage: to,
                finished: None,
                ..record.clone()
            }))
        })
        .await
    }

    /// The one way to change a record: under the channel's lock decide, write to disk, publish. `None` changes nothing.
    async fn change(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        decide: impl FnOnce(&Record) -> Result<Option<Record>> + Send + 'static,
    ) -> Result<Arc<Record>> {
        let (book, channel) = (Arc::clone(self), Arc::clone(channel));
        settle(async move {
            let _turn = channel.turn.lock().await;
            let Some(next) = decide(&channel.record())? else {
                return Ok(channel.record());
            };
            book.journal.put(&next).await?;
            let next = Arc::new(next);
            channel.current.send_replace(Arc::clone(&next));
            Ok(next)
        })
        .await
    }
}

/// Runs a change to its end even when whoever asked for it goes away, so that memory and disk never differ.
async fn settle<T: Send + 'static>(
    change: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(change)
        .await
        .map_err(|error| Error::Internal(error.to_string()))?
}
