//! What the journal knows of a payment ahead, and how much is delivered of one that it does not know of.

use bitcoin::Amount;
use paystream_channel::media_paid_ms;

use super::Meter;

/// So many ticks of what was paid ahead may be delivered before the journal knows of it.
const UNNOTED_TICKS: u64 = 16;
/// When so many have been, the journal should know.
const NOTE_TICKS: u64 = 4;

impl Meter {
    /// The journal knows that so much is paid for and not delivered.
    pub fn noted(&mut self, credit_ms: u64) {
        self.noted_credit_ms = credit_ms;
    }

    /// Whether the journal should be told of what was delivered ([`Meter::credit_ms`]).
    #[must_use]
    pub fn is_worth_a_note(&self) -> bool {
        let unnoted = self.unnoted_ms();
        let is_waited_for = self.next_leaf_ms.is_some() && self.credit_ms() > 0;
        unnoted >= NOTE_TICKS.saturating_mul(self.settings.tick_ms)
            || (unnoted > 0 && is_waited_for)
    }

    /// Media that would be delivered a second time if the journal were all that is known.
    pub(super) fn unnoted_ms(&self) -> u64 {
        self.noted_credit_ms.saturating_sub(self.credit_ms())
    }

    pub(super) fn is_within_what_is_noted(&self, leaf_ms: u64) -> bool {
        let unnoted = self.unnoted_ms();
        let then = unnoted.saturating_add(leaf_ms.min(self.credit_ms()));
        unnoted == 0 || then <= self.borne_unnoted_ms()
    }

    /// Some ticks; or a satoshi, where that buys more: nobody can pay for less.
    pub(super) fn borne_unnoted_ms(&self) -> u64 {
        let rate = self.settings.msat_per_second;
        let satoshi = media_paid_ms(Amount::ZERO, Amount::ONE_SAT, 0, rate);
        UNNOTED_TICKS
            .saturating_mul(self.settings.tick_ms)
            .max(satoshi)
    }
}
