//! What the viewer is asked for, and warned of.

use bitcoin::Amount;
use paystream_channel::due_paid;

use super::blocks::TRUST_TICKS;
use super::{ChannelCondition, Delivery, Effect, GateReason, Meter, Settings, Warning};

/// Paid media that is left in a channel at its end is as good as none when it is less than this.
const REMNANT_MS: u64 = 50;
/// When the rest of the capacity buys less than this, the viewer is warned.
const CAPACITY_LOW_MS: u64 = 60_000;
/// Dues for stored video are at least this far apart.
const DUES_APART_MS: u64 = 100;

impl Meter {
    pub(super) fn warn(
        &mut self,
        now_ms: u64,
        (_, reason): (bool, GateReason),
        effects: &mut Vec<Effect>,
    ) {
        if self.channel == ChannelCondition::Unconfirmed && !self.warned_preview {
            self.warned_preview = true;
            effects.push(Effect::Warn(Warning::Preview));
        }
        if reason == GateReason::PaymentDue {
            let since = *self.shut_since.get_or_insert(now_ms);
            if self.due.is_some()
                && !self.warned_overdue
                && now_ms.saturating_sub(since) >= self.settings.tick_ms
            {
                self.warned_overdue = true;
                effects.push(Effect::Warn(Warning::PaymentOverdue));
            }
        } else {
            self.shut_since = None;
            self.warned_overdue = false;
        }
        let rest = u128::from(self.max_paid_sat.saturating_sub(self.paid_sat)) * 1_000_000;
        let low = u128::from(self.settings.msat_per_second) * u128::from(CAPACITY_LOW_MS);
        if self.channel != ChannelCondition::Closed && rest < low && !self.warned_capacity {
            self.warned_capacity = true;
            effects.push(Effect::Warn(Warning::CapacityLow));
        }
    }

    pub(super) fn ask(&mut self, now_ms: u64, gate: (bool, GateReason), effects: &mut Vec<Effect>) {
        match self.settings.delivery {
            Delivery::Stream => self.ask_for_a_tick(now_ms, gate, effects),
            Delivery::Blocks => self.ask_for_what_is_owed(now_ms, effects),
        }
    }

    /// When a due for stored video may be sent again at the earliest; `None` when nothing is owed.
    #[must_use]
    pub fn next_due_at(&self) -> Option<u64> {
        if self.owed_ms() == 0 || self.channel == ChannelCondition::Closed {
            return None;
        }
        let apart = self.asked_at.map_or(0, |at| at + DUES_APART_MS);
        let unanswered = self.due.map_or(0, |(_, at)| at + self.settings.tick_ms);
        Some(apart.max(unanswered))
    }

    pub(super) fn ask_for_what_is_owed(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        match self.next_due_at() {
            None => self.due = None,
            Some(at) if now_ms >= at => {
                let covers_ms = self.charged_ms();
                let paid_sat = self.price_until(covers_ms);
                let trusted = TRUST_TICKS.saturating_mul(self.settings.tick_ms);
                self.due = Some((paid_sat, now_ms));
                self.asked_sat = self.asked_sat.max(paid_sat);
                self.asked_at = Some(now_ms);
                effects.push(Effect::Due {
                    paid_sat,
                    covers_ms,
                    deadline_ms: trusted.saturating_sub(self.owed_ms()),
                });
            }
            Some(_) => {}
        }
        let unpayable = self
            .next_leaf_ms
            .is_some_and(|next| !self.can_be_paid(next));
        let funded = self.channel != ChannelCondition::Closed;
        if funded && unpayable && self.owed_ms() == 0 && !self.exhausted {
            self.exhausted = true;
            effects.push(Effect::Exhausted);
        }
    }

    pub(super) fn ask_for_a_tick(
        &mut self,
        now_ms: u64,
        (_, reason): (bool, GateReason),
        effects: &mut Vec<Effect>,
    ) {
        match reason {
            GateReason::ChannelNotOpen | GateReason::StreamOffline | GateReason::PreviewUsed => {
                self.due = None;
                return;
            }
            GateReason::PaymentDue | GateReason::Paid | GateReason::WaitingForMedia => {}
        }
        let tick = self.settings.tick_ms;
        let left = self.credit_ms();
        if left >= tick - tick / 4 {
            return;
        }
        let covers_ms = self
            .covered_ms()
            .max(self.delivered_ms)
            .saturating_add(tick);
        let paid_sat = self.price_until(covers_ms);
        if paid_sat > self.max_paid_sat {
            if left < REMNANT_MS && !self.exhausted {
                self.exhausted = true;
                effects.push(Effect::Exhausted);
            }
            return;
        }
        match self.due {
            Some((amount, at)) if amount == paid_sat && now_ms.saturating_sub(at) < tick => {}
            Some(_) | None => {
                self.due = Some((paid_sat, now_ms));
                effects.push(Effect::Due {
                    paid_sat,
                    covers_ms,
                    deadline_ms: left,
                });
            }
        }
    }

    /// The cumulative amount that pays for the session's media up to `covers_ms`, rounded up to a satoshi.
    pub(super) fn price_until(&self, covers_ms: u64) -> u64 {
        let Settings {
            base_sat,
            credit_ms,
            msat_per_second,
            ..
        } = self.settings;
        due_paid(
            Amount::from_sat(base_sat),
            covers_ms,
            credit_ms,
            msat_per_second,
        )
        .map_or(u64::MAX, Amount::to_sat)
    }
}
