//! Whether media may be delivered now, and how far.

use super::{ChannelCondition, Delivery, GateReason, MediaCondition, Meter};

impl Meter {
    pub(super) fn limit_now(&self) -> u64 {
        if self.settings.delivery == Delivery::Blocks {
            return 0;
        }
        let unnoted = self.borne_unnoted_ms().saturating_sub(self.unnoted_ms());
        let noted = self.delivered_ms.saturating_add(unnoted);
        let paid = self.covered_ms().min(noted);
        match self.channel {
            ChannelCondition::Closed => 0,
            ChannelCondition::Unconfirmed => paid.min(self.preview_end()),
            ChannelCondition::Open => paid,
        }
    }

    pub(super) fn gate_now(&self) -> (bool, GateReason) {
        match self.settings.delivery {
            Delivery::Stream => self.gate_of_stream(),
            Delivery::Blocks => self.gate_of_blocks(),
        }
    }

    pub(super) fn gate_of_blocks(&self) -> (bool, GateReason) {
        let next = self.next_leaf_ms.unwrap_or(0);
        if self.channel == ChannelCondition::Closed {
            (false, GateReason::ChannelNotOpen)
        } else if self.media != MediaCondition::Flowing {
            (false, GateReason::WaitingForMedia)
        } else if self.beyond_preview(next) {
            (false, GateReason::PreviewUsed)
        } else if self.next_leaf_ms.is_some() && !self.may_send(next) {
            (false, GateReason::PaymentDue)
        } else {
            (true, GateReason::Paid)
        }
    }

    pub(super) fn gate_of_stream(&self) -> (bool, GateReason) {
        let preview_used = self.channel == ChannelCondition::Unconfirmed
            && self.delivered_ms >= self.preview_end();
        if self.channel == ChannelCondition::Closed {
            (false, GateReason::ChannelNotOpen)
        } else if self.media == MediaCondition::Offline {
            (false, GateReason::StreamOffline)
        } else if preview_used {
            (false, GateReason::PreviewUsed)
        } else if self.delivered_ms >= self.covered_ms() {
            (false, GateReason::PaymentDue)
        } else if self.media == MediaCondition::Waiting {
            (false, GateReason::WaitingForMedia)
        } else {
            (true, GateReason::Paid)
        }
    }

    /// The preview ends the media of an unconfirmed channel at this point of the session.
    pub(super) fn preview_end(&self) -> u64 {
        let left = self
            .settings
            .preview_ms
            .saturating_sub(self.unconfirmed_delivered_ms);
        self.delivered_ms.saturating_add(left)
    }
}
