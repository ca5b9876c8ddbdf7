//! How channels end: closed with the last payment, or forgotten.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::Transaction;
use futures::StreamExt;
use jiff::Timestamp;
use paystream_channel::complete_closing;

use super::{Book, settle};
use crate::bitcoin::Broadcast;
use crate::channels::channel::Channel;
use crate::channels::record::{Finished, Record, Stage};
use crate::error::Result;

/// Closes that wait for the node together when the streamer stops.
const CLOSES_AT_A_TIME: usize = 8;
/// A channel that nobody funds is forgotten after this.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

impl Book {
    /// Ends a channel: journals the closing transaction of the last payment, then broadcasts it. Idempotent.
    ///
    /// A broadcast that fails is tried again by the watcher. A channel without funding stays as it is.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn close(self: &Arc<Self>, channel: &Arc<Channel>) -> Result<Arc<Record>> {
        let keys = Arc::clone(&self.keys);
        let record = self
            .change(channel, move |record| {
                let stage = match (&record.stage, &record.payment) {
                    (Stage::Funded { funding, .. } | Stage::Lost { funding }, Some(payment)) => {
                        let secret = keys.secret(record.key_index)?;
                        let transaction =
                            complete_closing(&record.terms, funding, payment, &secret, &[])?;
                        Stage::Closing {
                            funding: funding.clone(),
                            transaction,
                        }
                    }
                    (Stage::Funded { funding, .. }, None) => Stage::Ended {
                        funding: funding.clone(),
                    },
                    (
                        Stage::AwaitingFunding
                        | Stage::Ended { .. }
                        | Stage::Closing { .. }
                        | Stage::Closed { .. },
                        _,
                    )
                    | (Stage::Lost { .. }, None) => return Ok(None),
                };
                Ok(Some(Record {
                    stage,
                    finished: None,
                    ..record.clone()
                }))
            })
            .await?;
        if let Stage::Closing { transaction, .. } = &record.stage {
            self.broadcast(channel, transaction).await;
        }
        Ok(record)
    }

    /// Closes every channel that is funded and has a payment: a provider that stops does not know when it is back.
    pub async fn close_all_paid(self: &Arc<Self>) {
        let paid = self.all().into_iter().filter(|channel| {
            let record = channel.record();
            matches!(record.stage, Stage::Funded { .. }) && record.payment.is_some()
        });
        futures::stream::iter(paid)
            .for_each_concurrent(CLOSES_AT_A_TIME, |channel| async move {
                if let Err(error) = self.close(&channel).await {
                    error.log();
                }
            })
            .await;
    }

    /// Broadcasts a closing transaction that the journal holds; what fails is logged, once, and tried again later.
    pub async fn broadcast(&self, channel: &Channel, transaction: &Transaction) {
        let (id, txid) = (channel.record().id, transaction.compute_txid());
        let reason = match self.node.broadcast(transaction).await {
            Ok(Broadcast::Accepted) => {
                tracing::info!(channel = %id, %txid, "broadcast the closing transaction");
                channel.is_news("broadcast", "accepted");
                return;
            }
            Ok(Broadcast::Refused(reason)) => format!("the node refuses it: {reason}"),
            Err(error) => error.to_string(),
        };
        // A close of unconfirmed funding is refused at every look until the funding confirms.
        if channel.is_news("broadcast", &reason) {
            tracing::warn!(channel = %id, %txid, reason, "the closing transaction waits; it is tried again");
        } else {
            tracing::debug!(channel = %id, %txid, reason, "the closing transaction still waits");
        }
    }

    /// Forgets a channel that nobody funded for an hour.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn forget_if_stale(self: &Arc<Self>, channel: &Arc<Channel>) -> Result<()> {
        let age = Timestamp::now()
            .as_second()
            .saturating_sub(channel.record().created_at);
        if age < FORGET_AFTER.as_secs().cast_signed() || channel.unused_for() < FORGET_AFTER {
            return Ok(());
        }
        self.forget(channel, |record| record.stage == Stage::AwaitingFunding)
            .await
    }

    /// Notes that a channel is finished, if it is still at the stage at which that was decided.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn finish(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        stage: Stage,
        finished: Finished,
    ) -> Result<()> {
        self.change(channel, move |record| {
            Ok((record.stage == stage).then(|| Record {
                finished: Some(finished),
                ..record.clone()
            }))
        })
        .await?;
        Ok(())
    }

    /// Forgets a channel that was noted as finished.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn forget_finished(self: &Arc<Self>, channel: &Arc<Channel>) -> Result<()> {
        self.forget(channel, |record| record.finished.is_some())
            .await
    }

    /// Takes a channel out of the journal and out of the book, if it is still one that may be forgotten.
    async fn forget(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        may_be_forgotten: fn(&Record) -> bool,
    ) -> Result<()> {
        let (book, channel) = (Arc::clone(self), Arc::clone(channel));
        settle(async move {
            let _turn = channel.turn.lock().await;
            let record = channel.record();
            if !may_be_forgotten(&record) {
                return Ok(());
            }
            book.journal.forget(record.id).await?;
            book.lock().remove(&record.id);
            Ok(())
        })
        .await
    }
}
