//! Stored video, paid for block by block.

use super::*;

#[path = "blocks_properties.rs"]
mod properties;

const BLOCKS: Settings = Settings {
    delivery: Delivery::Blocks,
    ..SETTINGS
};

fn reading(settings: Settings) -> Meter {
    let mut meter = open(settings);
    meter.tick(0);
    meter
}

impl Meter {
    /// Sends a leaf in the one response that there is, each from another place.
    fn sends(&mut self, ms: u64) -> bool {
        let start = self.delivered_ms;
        self.send(0, Leaf { start, ms })
    }
}

fn due(effects: &[Effect]) -> Option<(u64, u64)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Due {
            paid_sat,
            covers_ms,
            ..
        } => Some((*paid_sat, *covers_ms)),
        Effect::Limit(_) | Effect::Gate { .. } | Effect::Warn(_) | Effect::Exhausted => None,
    })
}

const fn shut(reason: GateReason) -> Effect {
    Effect::Gate {
        open: false,
        reason,
    }
}

#[test]
fn two_ticks_are_given_on_trust_and_not_a_millisecond_more() {
    let mut meter = reading(BLOCKS);
    assert!(meter.sends(1200));
    assert!(meter.sends(800));
    assert!(!meter.sends(1));
    assert!(meter.sends(0), "what costs nothing is given even then");
    assert_eq!(meter.owed_ms(), 2000);
}

#[test]
fn one_leaf_of_any_length_is_given_on_trust_when_nothing_is_owed() {
    let mut meter = reading(BLOCKS);
    assert!(meter.sends(12_000));
    assert!(!meter.sends(1));
    meter.paid(239);
    assert!(!meter.sends(5000), "50 ms are still owed");
    meter.paid(240);
    assert!(meter.sends(5000));
}

#[test]
fn a_due_asks_for_what_was_delivered_and_a_payment_lets_the_next_leaf_go() {
    let mut meter = reading(BLOCKS);
    assert_eq!(due(&meter.tick(1)), None);
    meter.sends(1500);
    meter.awaits(Some(1500));
    let effects = meter.tick(2);
    assert_eq!(due(&effects), Some((30, 1500)));
    assert!(effects.contains(&shut(GateReason::PaymentDue)));
    meter.paid(30);
    assert!(meter.sends(1500));
    meter.awaits(None);
    assert!(meter.tick(3).contains(&Effect::Gate {
        open: true,
        reason: GateReason::Paid
    }));
}

#[test]
fn dues_are_a_tenth_of_a_second_apart_and_an_unanswered_one_is_repeated_after_a_tick() {
    let mut meter = reading(BLOCKS);
    meter.sends(500);
    assert_eq!(due(&meter.tick(10)), Some((10, 500)));
    meter.sends(500);
    assert_eq!(due(&meter.tick(500)), None, "the first is not answered yet");
    meter.paid(10);
    assert_eq!(due(&meter.tick(500)), Some((20, 1000)));
    meter.paid(20);
    meter.sends(500);
    assert_eq!(due(&meter.tick(599)), None);
    assert_eq!(meter.next_due_at(), Some(600));
    assert_eq!(due(&meter.tick(600)), Some((30, 1500)));
    meter.sends(500);
    assert_eq!(due(&meter.tick(1599)), None);
    assert_eq!(due(&meter.tick(1600)), Some((40, 2000)));
}

#[test]
fn a_viewer_who_reads_nothing_is_asked_for_what_it_owes_and_for_nothing_more() {
    let mut meter = reading(BLOCKS);
    meter.sends(700);
    meter.media(MediaCondition::Waiting);
    let effects = meter.tick(5);
    assert!(effects.contains(&shut(GateReason::WaitingForMedia)));
    assert_eq!(due(&effects), Some((14, 700)));
    meter.paid(14);
    for now in (100..100_000).step_by(100) {
        assert_eq!(due(&meter.tick(now)), None);
    }
}

#[test]
fn an_unconfirmed_channel_gets_the_preview_in_whole_leaves_and_is_asked_for_it() {
    let mut meter = reading(Settings {
        preview_ms: 1000,
        ..BLOCKS
    });
    meter.channel(ChannelCondition::Unconfirmed, 100_000);
    assert!(meter.sends(0));
    assert!(meter.sends(600));
    assert!(!meter.sends(401));
    meter.awaits(Some(401));
    let effects = meter.tick(1);
    assert!(effects.contains(&shut(GateReason::PreviewUsed)));
    assert_eq!(due(&effects), Some((12, 600)));
    meter.channel(ChannelCondition::Open, 100_000);
    assert!(meter.sends(401));
    assert_eq!(meter.preview_used_ms(), 600);
}

#[test]
fn a_leaf_that_the_capacity_cannot_pay_ends_the_session_once_nothing_is_owed() {
    let mut meter = reading(BLOCKS);
    meter.channel(ChannelCondition::Open, 39);
    assert!(meter.sends(1900));
    assert!(!meter.sends(100), "2000 ms cost 40 sat");
    meter.awaits(Some(100));
    let effects = meter.tick(1);
    assert_eq!(due(&effects), Some((38, 1900)));
    assert!(!effects.contains(&Effect::Exhausted));
    meter.paid(38);
    assert!(meter.tick(2).contains(&Effect::Exhausted));
    assert!(!meter.tick(3).contains(&Effect::Exhausted));
}

#[test]
fn a_closed_channel_gives_nothing_and_asks_for_nothing() {
    let mut meter = reading(BLOCKS);
    meter.sends(500);
    meter.channel(ChannelCondition::Closed, 100_000);
    assert!(!meter.sends(0));
    let effects = meter.tick(1);
    assert!(effects.contains(&shut(GateReason::ChannelNotOpen)));
    assert_eq!(due(&effects), None);
}

#[test]
fn what_was_lost_under_way_is_written_off_up_to_a_bound_and_is_remembered() {
    let mut meter = reading(Settings {
        debt: Debt {
            unpaid_ms: 13_000,
            dearest_leaf_ms: 5000,
        },
        ..BLOCKS
    });
    let unpaid = |meter: &Meter| (meter.owed_ms(), meter.debt().unpaid_ms);
    meter.sends(2000);
    assert!(!meter.sends(1000));
    meter.broken_off(0);
    assert_eq!(unpaid(&meter), (0, 2000));
    assert!(meter.sends(2000));
    assert_eq!(due(&meter.tick(1)), Some((40, 2000)));
    meter.broken_off(0);
    assert_eq!(unpaid(&meter), (1000, 4000), "no more than 16 s are borne");
    assert_eq!(due(&meter.tick(2000)), Some((20, 1000)));
}

#[test]
fn a_leaf_may_be_lost_twice_whatever_it_costs() {
    let mut meter = reading(BLOCKS);
    for lost in [1, 2] {
        assert!(meter.sends(40_000));
        meter.broken_off(0);
        assert_eq!(meter.owed_ms(), 0);
        assert_eq!(meter.debt().unpaid_ms, lost * 40_000);
    }
    assert!(meter.sends(40_000));
    meter.broken_off(0);
    assert_eq!(meter.owed_ms(), 40_000);
}

#[test]
fn what_was_written_off_and_is_paid_after_all_is_no_debt() {
    let mut meter = reading(BLOCKS);
    meter.sends(12_000);
    assert_eq!(due(&meter.tick(1)), Some((240, 12_000)));
    meter.broken_off(0);
    assert_eq!(meter.debt().unpaid_ms, 12_000);
    meter.paid(240);
    let satoshi = 50;
    assert!(meter.debt().unpaid_ms < satoshi, "it paid for what it got");
    assert!(meter.credit_ms() < satoshi);
    assert!(meter.sends(12_000));
    assert_eq!(due(&meter.tick(200)), Some((480, 23_951)));
}

#[test]
fn what_is_paid_ahead_does_not_pay_for_what_was_lost() {
    let mut meter = reading(BLOCKS);
    meter.sends(2000);
    meter.broken_off(0);
    meter.paid(100);
    assert_eq!((meter.credit_ms(), meter.debt().unpaid_ms), (5000, 2000));
}

#[test]
fn of_two_responses_each_loses_its_own_in_whatever_order_they_break() {
    for order in [[1, 2], [2, 1]] {
        let mut meter = reading(BLOCKS);
        assert!(meter.send(1, Leaf { start: 0, ms: 1000 }));
        assert!(meter.send(2, Leaf { start: 9, ms: 600 }));
        meter.broken_off(order[0]);
        meter.broken_off(order[1]);
        assert_eq!((meter.owed_ms(), meter.debt().unpaid_ms), (0, 1600));
    }
}

#[test]
fn a_payment_for_one_response_does_not_prove_that_another_arrived() {
    let mut meter = reading(BLOCKS);
    assert!(meter.send(1, Leaf { start: 0, ms: 1000 }));
    assert_eq!(due(&meter.tick(1)), Some((20, 1000)));
    assert!(meter.send(2, Leaf { start: 9, ms: 1000 }));
    // Signed when the second response's leaf had come; the first's never does.
    meter.paid(20);
    meter.broken_off(1);
    assert_eq!(
        meter.owed_ms(),
        0,
        "the viewer has paid for all that it got"
    );
}

#[test]
fn a_leaf_that_was_handed_over_and_is_asked_for_again_is_charged_once() {
    let mut meter = reading(BLOCKS);
    let leaf = Leaf { start: 7, ms: 2000 };
    assert!(meter.send(1, leaf));
    meter.finished(1);
    assert_eq!(meter.owed_ms(), 2000);
    assert!(meter.send(2, leaf), "it did not arrive");
    assert_eq!((meter.owed_ms(), meter.debt().unpaid_ms), (2000, 4000));
    meter.finished(2);
    assert_eq!(due(&meter.tick(1)), Some((40, 2000)));
    meter.paid(40);
    assert!(meter.send(3, leaf));
    assert!(meter.owed_ms() > 1950, "once paid it is bought anew");
}

#[test]
fn what_was_lost_of_an_earlier_credit_is_credit_again() {
    let mut meter = reading(Settings {
        credit_ms: 1400,
        ..BLOCKS
    });
    meter.sends(1500);
    meter.broken_off(0);
    assert_eq!((meter.owed_ms(), meter.credit_ms()), (0, 1400));
}

#[test]
fn of_what_is_paid_ahead_no_more_is_delivered_than_the_journal_is_told_of() {
    let mut meter = reading(BLOCKS);
    meter.paid(2000);
    meter.noted(100_000);
    let mut given = 0;
    while meter.sends(1000) {
        given += 1000;
    }
    assert_eq!(given, 16_000);
    assert!(meter.is_worth_a_note());
    meter.noted(meter.credit_ms());
    assert!(!meter.is_worth_a_note());
    assert!(meter.sends(40_000), "one leaf of any length");
    assert!(!meter.sends(1000));
}

#[test]
fn a_dear_leaf_that_waits_for_the_journal_is_worth_a_note() {
    let mut meter = reading(BLOCKS);
    meter.paid(2000);
    meter.noted(100_000);
    assert!(meter.sends(1000));
    assert!(!meter.is_worth_a_note());
    assert!(!meter.sends(15_001));
    meter.awaits(Some(15_001));
    assert!(meter.is_worth_a_note());
}

#[test]
fn credit_of_an_earlier_session_pays_for_the_first_leaves() {
    let mut meter = reading(Settings {
        base_sat: 100,
        credit_ms: 1400,
        ..BLOCKS
    });
    assert!(meter.sends(1000));
    assert_eq!(due(&meter.tick(1)), None);
    assert!(meter.sends(1000));
    assert_eq!(due(&meter.tick(200)), Some((112, 2000)));
    assert_eq!(meter.credit_ms(), 0);
}
