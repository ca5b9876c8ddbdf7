//! Leaves of stored video: whether one may be sent, and what becomes of what did not arrive.

use bitcoin::Amount;
use paystream_channel::media_paid_ms;

use super::{ChannelCondition, Leaf, Meter, ResponseId, Settings};
use crate::stored::Debt;

/// So many ticks of stored video may be given on trust.
pub(super) const TRUST_TICKS: u64 = 2;

impl Meter {
    /// A leaf is about to be sent in a response. `false`, with nothing counted, when it may not be sent now.
    pub fn send(&mut self, response: ResponseId, leaf: Leaf) -> bool {
        if let Some(lost_ms) = self.under_way.asked_again(leaf) {
            self.write_off(lost_ms);
        }
        let may = self.may_send(leaf.ms) && self.is_within_what_is_noted(leaf.ms);
        if may {
            self.delivered(self.delivered_ms.saturating_add(leaf.ms));
            self.dearest_leaf_ms = self.dearest_leaf_ms.max(leaf.ms);
            self.under_way.sent(response, leaf);
            self.forget_what_arrived();
        }
        may
    }

    /// The cheapest leaf that a response waits for, if one waits.
    pub fn awaits(&mut self, next_leaf_ms: Option<u64>) {
        self.next_leaf_ms = next_leaf_ms;
    }

    /// All of a response has been handed over.
    pub fn finished(&mut self, response: ResponseId) {
        self.under_way.finished(response);
    }

    /// The viewer broke a response off: what of it may not have arrived is not asked for any more, as far as that is borne.
    pub fn broken_off(&mut self, response: ResponseId) {
        let lost_ms = self.under_way.broken_off(response);
        self.write_off(lost_ms);
    }

    pub(super) fn write_off(&mut self, lost_ms: u64) {
        let unpaid_ms = self
            .settings
            .debt
            .unpaid_ms
            .saturating_add(self.written_off_ms);
        let so_far = Debt {
            unpaid_ms,
            dearest_leaf_ms: self.dearest_leaf_ms.max(self.settings.debt.dearest_leaf_ms),
        };
        let borne = so_far.left(self.settings.tick_ms).unwrap_or(0);
        let lost_ms = lost_ms.min(self.unproven_ms()).min(borne);
        self.written_off_ms += lost_ms;
        self.forget_what_arrived();
        if self.owed_ms() == 0 {
            self.due = None;
        }
    }

    /// Media that a viewer must have checked before it signs so much in answer to a due: with less, it would sign a satoshi less.
    pub(super) fn proven_ms(&self, paid_sat: u64) -> u64 {
        let Settings {
            base_sat,
            credit_ms,
            msat_per_second,
            ..
        } = self.settings;
        if paid_sat <= base_sat {
            return 0;
        }
        let base = Amount::from_sat(base_sat);
        let less = Amount::from_sat(paid_sat - 1);
        media_paid_ms(base, less, credit_ms, msat_per_second).saturating_add(1)
    }

    /// Media that is charged, and of which nothing shows yet that it arrived.
    pub(super) fn unproven_ms(&self) -> u64 {
        self.charged_ms()
            .saturating_sub(self.proven_ms(self.paid_sat))
    }

    pub(super) fn forget_what_arrived(&mut self) {
        // What was written off may be what arrived, and something else what did not.
        let most = self.unproven_ms().saturating_add(self.written_off_ms);
        self.under_way.at_most(most);
    }

    /// What the session leaves unpaid: what is owed, and what was written off.
    #[must_use]
    pub fn debt(&self) -> Debt {
        Debt {
            unpaid_ms: self.owed_ms().saturating_add(self.written_off_ms),
            dearest_leaf_ms: self.dearest_leaf_ms,
        }
    }

    pub(super) fn may_send(&self, leaf_ms: u64) -> bool {
        let owed = self.owed_ms();
        let trusted = TRUST_TICKS.saturating_mul(self.settings.tick_ms);
        self.channel != ChannelCondition::Closed
            && !self.beyond_preview(leaf_ms)
            && (owed == 0 || owed.saturating_add(leaf_ms) <= trusted)
            && self.can_be_paid(leaf_ms)
    }

    pub(super) fn beyond_preview(&self, leaf_ms: u64) -> bool {
        let end = self.unconfirmed_delivered_ms.saturating_add(leaf_ms);
        self.channel == ChannelCondition::Unconfirmed
            && leaf_ms > 0
            && end > self.settings.preview_ms
    }

    pub(super) fn can_be_paid(&self, leaf_ms: u64) -> bool {
        self.price_until(self.charged_ms().saturating_add(leaf_ms))
            <= self.max_paid_sat.max(self.paid_sat)
    }
}
