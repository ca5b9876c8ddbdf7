//! Looks at the chain and acts on what it means: confirmations, foreign spends, reorganisations, and the ends of channels.
//!
//! Everything it does is idempotent, and decided by [`observe`](crate::channels::observe); so a crash, a node that was away, or a missed
//! block only delays it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::OutPoint;
use futures::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::bitcoin::{BitcoinNode, NodeError, Place};
use crate::channels::{
    Action, Book, Chain, ChainView, Channel, Finished, Observation, Record, Stage, is_finished,
    is_watched, may_be_forgotten, observe,
};
use crate::error::Result;
use crate::session::EndReason;

/// Channels that are looked up at a time.
const CONCURRENCY: usize = 8;
/// The closing fee aims at confirmation within so many blocks.
const FEE_TARGET: u16 = 6;
/// A refused closing transaction, and one that the node lost, is sent again after this.
const REBROADCAST: Duration = Duration::from_secs(10);
/// The longest pause while the node does not answer.
const MAX_BACK_OFF: Duration = Duration::from_secs(10);

/// What the watcher needs.
pub struct Watcher {
    /// The node.
    pub node: Arc<dyn BitcoinNode>,
    /// Where the view of the chain goes.
    pub chain: Arc<Chain>,
    /// The channels.
    pub book: Arc<Book>,
    /// The pause between two looks.
    pub poll: Duration,
    /// When an unused channel is closed.
    pub idle_close: Duration,
    /// How long finished channels are kept.
    pub keep_finished: Duration,
    /// The feerate where the node has none.
    pub fallback_feerate: u64,
    /// The highest feerate.
    pub max_feerate: u64,
}

impl Watcher {
    /// Runs until it is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = self.poll;
        let mut last_full: Option<(String, Instant)> = None;
        loop {
            match self.look(&mut last_full).await {
                Ok(()) => pause = self.poll,
                Err(error) => {
                    pause = (pause * 2).clamp(self.poll, MAX_BACK_OFF);
                    tracing::warn!(%error, retry_ms = pause.as_millis(), "the Bitcoin node cannot be asked");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look(&self, last_full: &mut Option<(String, Instant)>) -> Result<(), NodeError> {
        let tip = self.node.tip().await?;
        let estimate = self.node.feerate_sat_vb(FEE_TARGET).await?;
        let feerate_sat_vb = estimate
            .unwrap_or(self.fallback_feerate)
            .clamp(1, self.max_feerate);
        let (height, syncing) = (tip.height, tip.syncing);
        let full = last_full
            .as_ref()
            .is_none_or(|(hash, at)| *hash != tip.hash || at.elapsed() > REBROADCAST);
        let hash = tip.hash.clone();
        self.chain.update(ChainView {
            tip,
            feerate_sat_vb,
            at: Instant::now(),
        });
        if syncing {
            return Ok(());
        }
        let channels = self.book.all();
        let mut looks = Vec::new();
        for channel in &channels {
            if full || needs_every_look(channel) {
                looks.push(self.attend(channel, height));
            }
        }
        let mut results = futures::stream::iter(looks).buffer_unordered(CONCURRENCY);
        while let Some(result) = results.next().await {
            if let Err(error) = result {
                error.log();
            }
        }
        if full {
            *last_full = Some((hash, Instant::now()));
        }
        Ok(())
    }

    async fn attend(&self, channel: &Arc<Channel>, tip: u32) -> Result<()> {
        let record = channel.record();
        if record.stage == Stage::AwaitingFunding {
            return self.book.forget_if_stale(channel).await;
        }
        if is_watched(&record, tip) {
            let seen = self.observe(&record).await?;
            self.act(channel, &record, observe(&record, &seen)).await?;
        }
        self.end_what_is_due(channel, tip).await?;
        self.retire(channel, tip).await
    }

    async fn act(&self, channel: &Arc<Channel>, record: &Record, action: Action) -> Result<()> {
        match action {
            Action::Stay => {}
            Action::Move(stage) => {
                if name(&stage) != name(&record.stage) {
                    tracing::info!(channel = %record.id, stage = name(&stage), "a channel moved");
                }
                // The channel may have been closed since it was looked at; then this look says nothing about it.
                let now = self
                    .book
                    .advance(channel, record.stage.clone(), stage)
                    .await?;
                if matches!(now.stage, Stage::Lost { .. }) {
                    end(channel, EndReason::Lost);
                }
            }
            Action::Broadcast => {
                if let Some(transaction) = record.stage.transaction() {
                    self.book.broadcast(channel, transaction).await;
                }
            }
            Action::Close => {
                self.book.close(channel).await?;
            }
        }
        Ok(())
    }

    /// Notes that a channel is finished, and forgets one that has been for long enough.
    async fn retire(&self, channel: &Arc<Channel>, tip: u32) -> Result<()> {
        let record = channel.record();
        let now = Timestamp::now().as_second();
        match record.finished {
            None if is_finished(&record, tip) => {
                let finished = Finished {
                    at: now,
                    height: tip,
                };
                let stage = record.stage.clone();
                self.book.finish(channel, stage, finished).await
            }
            Some(finished) if may_be_forgotten(finished, now, tip, self.keep_finished) => {
                // Money that a reorganisation brought back is looked after, however old it is.
                if record.payment.is_some() {
                    let seen = self.observe(&record).await?;
                    if seen.output.is_some() {
                        return self.act(channel, &record, observe(&record, &seen)).await;
                    }
                }
                tracing::debug!(channel = %record.id, stage = name(&record.stage), "forgetting a finished channel");
                self.book.forget_finished(channel).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn observe(&self, record: &Record) -> Result<Observation> {
        let outpoint = record
            .stage
            .funding()
            .and_then(|funding| funding.outputs().first())
            .map(|output| output.outpoint());
        let output = match outpoint {
            Some(OutPoint { txid, vout }) => self.node.output(OutPoint { txid, vout }).await?,
            None => None,
        };
        // Asked after the output: a close that confirms in between is then seen as a close, not as a foreign spend.
        let closing = match record.stage.transaction() {
            Some(transaction) => {
                let outputs = u32::try_from(transaction.output.len()).unwrap_or(u32::MAX);
                self.node.place(transaction.compute_txid(), outputs).await?
            }
            None => Place::Unknown,
        };
        Ok(Observation { output, closing })
    }

    async fn end_what_is_due(&self, channel: &Arc<Channel>, tip: u32) -> Result<()> {
        let record = channel.record();
        if !matches!(record.stage, Stage::Funded { .. }) {
            if let Stage::Closing { .. } = record.stage
                && tip >= record.terms.confirm_by_height()
                && channel.is_news("expiry", &tip.to_string())
            {
                tracing::error!(
                    channel = %record.id, expiry = record.terms.expiry_height, tip,
                    "a close is not confirmed and the viewer's refund comes near: raise its fee by an input of your own"
                );
            }
            return Ok(());
        }
        if tip >= record.terms.stop_height() {
            self.book.close(channel).await?;
            end(channel, EndReason::Expired);
            return Ok(());
        }
        let waits_for_confirmation = channel.holder().is_some()
            && self.book.state(&record) == paystream_channel::ChannelState::Unconfirmed;
        if channel.unused_for() >= self.idle_close && !waits_for_confirmation {
            // Without a payment there is nothing to collect; the viewer may still come back to the channel.
            if record.payment.is_some() {
                self.book.close(channel).await?;
            }
            end(channel, EndReason::Idle);
        }
        Ok(())
    }
}

/// Unconfirmed and closing channels, and those in use, are looked at every time; the others with each block.
fn needs_every_look(channel: &Channel) -> bool {
    match &channel.record().stage {
        Stage::Funded { confirmations, .. } => {
            *confirmations == 0 || channel.holder().is_some() || channel.record().payment.is_some()
        }
        Stage::Closing { .. } => true,
        Stage::AwaitingFunding
        | Stage::Ended { .. }
        | Stage::Closed { .. }
        | Stage::Lost { .. } => false,
    }
}

fn end(channel: &Channel, reason: EndReason) {
    if let Some(session) = channel.holder() {
        session.end(reason);
    }
}

fn name(stage: &Stage) -> &'static str {
    match stage {
        Stage::AwaitingFunding => "awaiting funding",
        Stage::Funded { .. } => "funded",
        Stage::Ended { .. } => "ended without a payment",
        Stage::Closing { .. } => "closing",
        Stage::Closed { .. } => "closed",
        Stage::Lost { .. } => "lost",
    }
}
