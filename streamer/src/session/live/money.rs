//! A session's money: what is paid, what is left over, and the close.

use std::time::{Duration, Instant};

use bitcoin::Amount;
use paystream_channel::{Payment, max_paid, media_paid_ms};

use super::{EndReason, Live, Next, ServerMessage, Socket};
use crate::channels::Record;
use crate::error::Result;
use crate::meter::Settings;

/// What could not be written down is tried again after this.
const NOTE_AGAIN: Duration = Duration::from_secs(2);

impl Live {
    pub(super) async fn pay(&mut self, socket: &mut Socket, payment: Payment) -> Result<Next> {
        let (delivered, preview_used_ms) =
            self.with_meter(|meter| (meter.charged_ms(), meter.preview_used_ms()));
        let Settings {
            base_sat,
            credit_ms,
            msat_per_second,
            ..
        } = self.settings;
        let covers = move |paid_sat: u64| {
            media_paid_ms(
                Amount::from_sat(base_sat),
                Amount::from_sat(paid_sat),
                credit_ms,
                msat_per_second,
            )
        };
        let preview_used_ms = self.preview_before_ms + preview_used_ms;
        let paid = self
            .app
            .book
            .pay(&self.channel, payment, preview_used_ms, move |paid_sat| {
                covers(paid_sat).saturating_sub(delivered)
            })
            .await?;
        let record = paid.record;
        let (paid_sat, sequence) = (
            record.paid_sat(),
            record
                .payment
                .as_ref()
                .map_or(0, |payment| payment.sequence),
        );
        let noted_ms = record.credit_ms;
        let receipt = ServerMessage::Receipt {
            channel_id: record.id,
            sequence,
            paid_sat: paid_sat.to_string(),
            remaining_sat: most(&record).saturating_sub(paid_sat).to_string(),
            covers_ms: covers(paid_sat),
        };
        let sent = socket.send(&receipt).await;
        self.reading.with_meter(|meter| {
            meter.paid(paid_sat);
            meter.noted(noted_ms);
        });
        Ok(if sent { Next::On } else { Next::Gone })
    }

    /// Writes down what is left of a payment ahead, so that a crash does not give away twice what was delivered of it.
    pub(super) async fn note(&mut self) {
        if self.note_again_at > Instant::now() {
            return;
        }
        match self.leave_credit().await {
            Ok(credit_ms) => self.reading.with_meter(|meter| meter.noted(credit_ms)),
            Err(error) => {
                error.log();
                self.note_again_at = Instant::now() + NOTE_AGAIN;
            }
        }
    }

    async fn leave_credit(&self) -> Result<u64> {
        let (credit_ms, preview_used_ms) =
            self.with_meter(|meter| (meter.credit_ms(), meter.preview_used_ms()));
        let preview_used_ms = self.preview_before_ms + preview_used_ms;
        self.app
            .book
            .leave_credit(&self.channel, credit_ms, preview_used_ms)
            .await?;
        Ok(credit_ms)
    }

    /// Writes down what is left over, and closes the channel where the end demands it.
    pub(super) async fn settle(&mut self, end: Option<EndReason>) -> Option<String> {
        if let Err(error) = self.leave_credit().await {
            error.log();
        }
        match end {
            Some(EndReason::Left | EndReason::Exhausted | EndReason::Shutdown) => {
                if let Err(error) = self.app.book.close(&self.channel).await {
                    error.log();
                }
            }
            Some(
                EndReason::Idle
                | EndReason::Expired
                | EndReason::Replaced
                | EndReason::Lost
                | EndReason::ProtocolError,
            )
            | None => {}
        }
        self.channel
            .record()
            .stage
            .transaction()
            .map(|transaction| transaction.compute_txid().to_string())
    }
}

/// The most that a channel can ever pay.
pub(super) fn most(record: &Record) -> u64 {
    record.stage.funding().map_or(0, |funding| {
        max_paid(&record.terms, funding.capacity()).to_sat()
    })
}
