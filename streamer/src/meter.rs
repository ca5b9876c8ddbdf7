//! The meter of one session: pure, without a clock, a socket or a disk.
//!
//! It is told what happens and answers with [`Effect`]s. Time is milliseconds since the session's start; media is
//! milliseconds delivered since the session's start, credit of an earlier session included in what is paid.
//!
//! # A live stream ([`Delivery::Stream`], docs/protocol.md 5.2) is paid for in advance
//!
//! With `covered` the media that is paid for, `delivered` what the viewer got, `limit` what the media thread may
//! deliver, and the conditions of [`ChannelCondition`] and [`MediaCondition`], the gate is a function of the state:
//!
//! | channel | media | delivered | gate | limit | due |
//! |---|---|---|---|---|---|
//! | `Closed` | any | any | shut, `channel_not_open` | 0 | none |
//! | any other | `Offline` | any | shut, `stream_offline` | paid | none |
//! | `Unconfirmed` | any | at the preview's end | shut, `preview_used` | preview | none |
//! | any other | any | at `covered` | shut, `payment_due` | paid | yes, each tick |
//! | any other | `Waiting` | below | shut, `waiting_for_media` | paid | when short |
//! | any other | `Flowing` | below | open, `paid` | paid | when short |
//!
//! "When short" is: less than three quarters of a tick of paid media is left. A due asks for one tick beyond what is
//! paid; so nobody ever has two ticks paid in advance, and the quarter keeps a viewer's own clock, which may lag a
//! little behind the media's, from finding a due too high. Where no further tick fits into the capacity there is no due; when the
//! paid media is used up then, the session is [`Effect::Exhausted`].
//!
//! `limit` never exceeds `covered`, and grows only by a payment that is on disk (the session calls [`Meter::paid`]
//! after the journal's commit) or, while unconfirmed, by the funding's confirmation. Forbidden: a due with nothing
//! deliverable, a limit beyond the paid media, a due that is not above what is paid.
//!
//! # Stored video ([`Delivery::Blocks`], docs/protocol.md 12.4) is paid for when it has been checked
//!
//! Each leaf of the file that is sent counts as `delivered` what it costs. With `owed` what is delivered and not paid for, a leaf may be
//! sent ([`Meter::send`]) when `owed` is 0, or when `owed` and the leaf are at most two ticks together; so at most two ticks or one leaf,
//! whichever is more, is given on trust. It must also fit into the capacity and, while the funding is unconfirmed, into the preview. `next` is
//! the cheapest leaf that a response waits for:
//!
//! | channel | responses | `next` | gate | due |
//! |---|---|---|---|---|
//! | `Closed` | any | any | shut, `channel_not_open` | none |
//! | any other | none | – | shut, `waiting_for_media` | when owed |
//! | `Unconfirmed` | some | beyond the preview | shut, `preview_used` | when owed |
//! | any other | some | not to be sent before a payment | shut, `payment_due` | when owed |
//! | any other | some | none, or to be sent | open, `paid` | when owed |
//!
//! A due asks for what is delivered and never for more: at most one every 100 ms, and none while another is unanswered for less than a tick.
//! When nothing is owed and `next` does not fit into the capacity the session is [`Effect::Exhausted`]. Media that was under way in a
//! response when the viewer broke it off may never have arrived, and a viewer pays for nothing that it has not checked: such media
//! ([`UnderWay`]) is written off and remembered as a debt, as long as what the channel leaves unpaid in all is borne ([`Debt`]). A payment that
//! shows that it arrived after all takes that back. Forbidden: a due above what is delivered, a leaf that the capacity could not pay.
//!
//! # Payments ahead
//!
//! A viewer may pay for more than is due. After a crash the provider knows what was paid, and of what was delivered what it wrote down last
//! ([`Meter::noted`]): so no more than `UNNOTED_TICKS` or one leaf is delivered of such a credit before it is written down anew.

mod blocks;
mod dues;
mod gate;
mod notes;
mod under_way;

use bitcoin::Amount;
use paystream_channel::media_paid_ms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::under_way::UnderWay;
pub use self::under_way::{Leaf, ResponseId};
use crate::stored::Debt;

/// How media reaches the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it is published; paid for by the tick, in advance.
    Stream,
    /// In blocks that the viewer asks for and checks; paid for afterwards.
    Blocks,
}

/// What the meter needs to know at a session's start.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How media reaches the viewer.
    pub delivery: Delivery,
    /// The tick.
    pub tick_ms: u64,
    /// The price.
    pub msat_per_second: u64,
    /// What the channel had paid at the session's start.
    pub base_sat: u64,
    /// Media paid for in an earlier session and not delivered.
    pub credit_ms: u64,
    /// Media that may still be delivered while the funding is unconfirmed.
    pub preview_ms: u64,
    /// What earlier sessions of the channel left unpaid. For [`Delivery::Blocks`].
    pub debt: Debt,
}

/// The channel, as far as metering is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelCondition {
    /// Payments are refused.
    Closed,
    /// Seen, but not confirmed.
    Unconfirmed,
    /// Confirmed.
    Open,
}

/// The stream and the viewer's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaCondition {
    /// Nobody publishes.
    Offline,
    /// The viewer has no media connection yet.
    Waiting,
    /// Media flows when the gate is open.
    Flowing,
}

/// Why the gate is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum GateReason {
    PaymentDue,
    Paid,
    PreviewUsed,
    ChannelNotOpen,
    StreamOffline,
    WaitingForMedia,
}

/// A warning of the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// The capacity lasts less than a minute more.
    CapacityLow,
    /// A due has not been paid for a tick since the gate shut.
    PaymentOverdue,
    /// Only the preview is served until the funding confirms.
    Preview,
}

/// What the session is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The media thread may deliver so much and no more.
    Limit(u64),
    /// Tell the viewer that the gate has changed.
    Gate {
        /// Whether it is open.
        open: bool,
        /// Why.
        reason: GateReason,
    },
    /// Ask for a payment.
    Due {
        /// The cumulative amount.
        paid_sat: u64,
        /// The media it pays for, from the session's start.
        covers_ms: u64,
        /// How much media is delivered without it before the gate shuts.
        deadline_ms: u64,
    },
    /// Warn the viewer.
    Warn(Warning),
    /// No further tick fits into the capacity and all that was paid for is delivered.
    Exhausted,
}

/// The meter of one session.
#[derive(Debug, Clone)]
pub struct Meter {
    settings: Settings,
    channel: ChannelCondition,
    media: MediaCondition,
    max_paid_sat: u64,
    paid_sat: u64,
    delivered_ms: u64,
    written_off_ms: u64,
    under_way: UnderWay,
    dearest_leaf_ms: u64,
    /// The credit that the journal knows.
    noted_credit_ms: u64,
    unconfirmed_delivered_ms: u64,
    next_leaf_ms: Option<u64>,
    limit: u64,
    gate: Option<(bool, GateReason)>,
    /// The due that is not answered yet, and when it was sent.
    due: Option<(u64, u64)>,
    /// The most that was ever asked for of stored video.
    asked_sat: u64,
    /// When the last due for stored video was sent, answered or not.
    asked_at: Option<u64>,
    shut_since: Option<u64>,
    warned_capacity: bool,
    warned_overdue: bool,
    warned_preview: bool,
    exhausted: bool,
}

impl Meter {
    /// A meter with the gate shut.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            channel: ChannelCondition::Closed,
            media: MediaCondition::Offline,
            max_paid_sat: settings.base_sat,
            paid_sat: settings.base_sat,
            delivered_ms: 0,
            written_off_ms: 0,
            under_way: UnderWay::default(),
            dearest_leaf_ms: 0,
            noted_credit_ms: settings.credit_ms,
            unconfirmed_delivered_ms: 0,
            next_leaf_ms: None,
            limit: 0,
            gate: None,
            due: None,
            asked_sat: 0,
            asked_at: None,
            shut_since: None,
            warned_capacity: false,
            warned_overdue: false,
            warned_preview: false,
            exhausted: false,
        }
    }

    /// The channel's condition, and the most that it can ever pay.
    pub fn channel(&mut self, condition: ChannelCondition, max_paid_sat: u64) {
        self.channel = condition;
        self.max_paid_sat = max_paid_sat;
    }

    /// The stream's and the connection's condition.
    pub fn media(&mut self, condition: MediaCondition) {
        self.media = condition;
    }

    /// So much media has been delivered since the session's start. It never falls.
    pub fn delivered(&mut self, delivered_ms: u64) {
        let fresh = delivered_ms.saturating_sub(self.delivered_ms);
        self.delivered_ms += fresh;
        if self.channel == ChannelCondition::Unconfirmed {
            self.unconfirmed_delivered_ms += fresh;
        }
    }

    /// A payment of so much in all is on disk.
    pub fn paid(&mut self, paid_sat: u64) {
        if paid_sat > self.paid_sat {
            self.paid_sat = paid_sat;
            self.due = None;
            // Beyond what was asked for it is paid ahead, and proves nothing.
            let proven_ms = self.proven_ms(paid_sat.min(self.asked_sat));
            let arrived_ms = proven_ms.saturating_sub(self.charged_ms());
            self.written_off_ms -= arrived_ms.min(self.written_off_ms);
            self.forget_what_arrived();
        }
    }

    /// The media that is paid for, from the session's start.
    #[must_use]
    pub fn covered_ms(&self) -> u64 {
        let Settings {
            base_sat,
            credit_ms,
            msat_per_second,
            ..
        } = self.settings;
        media_paid_ms(
            Amount::from_sat(base_sat),
            Amount::from_sat(self.paid_sat),
            credit_ms,
            msat_per_second,
        )
    }

    /// Media that is paid for and not delivered.
    #[must_use]
    pub fn credit_ms(&self) -> u64 {
        self.covered_ms().saturating_sub(self.charged_ms())
    }

    /// Media that is delivered and to be paid for: all of it but what was written off.
    #[must_use]
    pub fn charged_ms(&self) -> u64 {
        self.delivered_ms - self.written_off_ms
    }

    /// Media that is delivered and neither paid for nor written off.
    #[must_use]
    pub fn owed_ms(&self) -> u64 {
        self.charged_ms().saturating_sub(self.covered_ms())
    }

    /// Media that was delivered in this session while the funding was unconfirmed.
    #[must_use]
    pub fn preview_used_ms(&self) -> u64 {
        self.unconfirmed_delivered_ms
    }

    /// The media delivered in this session.
    #[must_use]
    pub fn delivered_ms(&self) -> u64 {
        self.delivered_ms
    }

    /// What follows from all that happened, at `now_ms`.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let limit = self.limit_now();
        if limit != self.limit {
            self.limit = limit;
            effects.push(Effect::Limit(limit));
        }
        let gate = self.gate_now();
        if self.gate != Some(gate) {
            self.gate = Some(gate);
            effects.push(Effect::Gate {
                open: gate.0,
                reason: gate.1,
            });
        }
        self.warn(now_ms, gate, &mut effects);
        self.ask(now_ms, gate, &mut effects);
        effects
    }
}

#[cfg(test)]
#[path = "meter/tests.rs"]
mod tests;
