//! Stored video, paid for block by block.

use std::collections::VecDeque;

use super::*;

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

#[derive(Debug, Clone)]
enum Step {
    Read(u64),
    Wait(u64),
    Check,
    BreakOff,
    Confirm(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u64..15_000).prop_map(Step::Read),
        3 => (1u64..1500).prop_map(Step::Wait),
        4 => Just(Step::Check),
        1 => Just(Step::BreakOff),
        1 => any::<bool>().prop_map(Step::Confirm),
    ]
}

proptest! {
    /// Whatever comes: no more than two ticks or one leaf is given on trust, no due exceeds what was delivered or can be paid, and dues rise.
    #[test]
    fn never_more_on_trust_than_two_ticks_or_one_leaf(
        rate in 1u64..5_000_000,
        tick_ms in 500u64..5000,
        credit_ms in 0u64..3000,
        base_sat in 0u64..1000,
        max in 1000u64..50_000,
        unpaid_ms in 0u64..40_000,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let settings = Settings { tick_ms, msat_per_second: rate, base_sat, credit_ms, preview_ms: 4000, debt: Debt { unpaid_ms, dearest_leaf_ms: 0 }, ..BLOCKS };
        let mut meter = Meter::new(settings);
        meter.channel(ChannelCondition::Unconfirmed, max);
        meter.media(MediaCondition::Flowing);
        let (mut now, mut asked, mut paid, mut last_due, mut dearest) = (0u64, None, base_sat, None, 0);
        for step in steps {
            match step {
                Step::Read(leaf) => {
                    if meter.sends(leaf) {
                        dearest = dearest.max(leaf);
                        meter.awaits(None);
                    } else {
                        meter.awaits(Some(leaf));
                    }
                }
                Step::Wait(ms) => now += ms,
                Step::Check => if let Some(amount) = asked.take() {
                    prop_assert!(amount > paid);
                    paid = amount;
                    meter.paid(amount);
                },
                Step::BreakOff => {
                    meter.broken_off(0);
                    asked = None;
                }
                Step::Confirm(open) => {
                    meter.channel(if open { ChannelCondition::Open } else { ChannelCondition::Unconfirmed }, max);
                }
            }
            for effect in meter.tick(now) {
                if let Effect::Due { paid_sat, covers_ms, .. } = effect {
                    prop_assert!(covers_ms <= meter.delivered_ms());
                    prop_assert!(paid_sat <= meter.price_until(meter.delivered_ms()));
                    prop_assert!(paid_sat <= max.max(base_sat));
                    prop_assert!(last_due.is_none_or(|at| now - at >= 100));
                    last_due = Some(now);
                    asked = Some(paid_sat);
                }
            }
            prop_assert!(meter.owed_ms() <= (2 * tick_ms).max(dearest));
            prop_assert!(meter.preview_used_ms() <= 4000);
            let borne = (16 * tick_ms).max(2 * dearest).max(unpaid_ms);
            prop_assert!(unpaid_ms + meter.debt().unpaid_ms <= borne + (2 * tick_ms).max(dearest));
            prop_assert!(meter.charged_ms() + meter.written_off_ms == meter.delivered_ms());
        }
    }

    /// A viewer who pays each due for what it has checked gets every leaf of the film, in turn, and has paid for it in the end.
    #[test]
    fn a_viewer_who_pays_each_due_gets_everything(
        rate in 1u64..5_000_000,
        tick_ms in 500u64..5000,
        leaves in prop::collection::vec(0u64..20_000, 1..100),
        delay in 1u64..3000,
    ) {
        let mut meter = Meter::new(Settings { tick_ms, msat_per_second: rate, ..BLOCKS });
        let max = 2_100_000_000_000_000;
        meter.channel(ChannelCondition::Open, max);
        meter.media(MediaCondition::Flowing);
        let whole: u64 = leaves.iter().sum();
        let (mut now, mut answer) = (0, None);
        let mut leaves = leaves.into_iter().peekable();
        for _ in 0..10_000 {
            while let Some(leaf) = leaves.peek() {
                if !meter.sends(*leaf) {
                    break;
                }
                leaves.next();
            }
            meter.awaits(leaves.peek().copied());
            for effect in meter.tick(now) {
                match effect {
                    Effect::Due { paid_sat, .. } => answer = answer.or(Some((now + delay, paid_sat))),
                    Effect::Exhausted => prop_assert!(false, "exhausted"),
                    Effect::Limit(_) | Effect::Gate { .. } | Effect::Warn(_) => {}
                }
            }
            if let Some((_, paid_sat)) = answer.filter(|(at, _)| *at <= now) {
                meter.paid(paid_sat);
                answer = None;
            }
            now += 50;
        }
        prop_assert_eq!(leaves.next(), None);
        prop_assert_eq!(meter.delivered_ms(), whole);
        prop_assert_eq!(meter.owed_ms(), 0);
        prop_assert_eq!(meter.paid_sat, meter.price_until(whole).max(meter.settings.base_sat));
    }
}

/// A viewer with several responses, a network that loses what is under way when one is broken off, and dues that are answered late.
#[derive(Debug, Clone)]
enum Move {
    Send(u64, u64),
    Arrive(u64),
    BreakOff(u64),
    Wait(u64),
    Pay,
}

fn move_() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => (0u64..4, 1u64..4000).prop_map(|(response, ms)| Move::Send(response, ms)),
        6 => (0u64..4).prop_map(Move::Arrive),
        1 => (0u64..4).prop_map(Move::BreakOff),
        2 => (1u64..500).prop_map(Move::Wait),
        3 => Just(Move::Pay),
    ]
}

proptest! {
    /// However the responses of a viewer break: when it has paid what it may sign, for all that it has checked, it owes nothing, as long as
    /// what was lost is borne. So it never stands before a shut gate that it may not open.
    #[test]
    fn a_viewer_is_never_asked_for_what_it_has_not_got(
        rate in 1u64..100_000,
        credit_ms in 0u64..5000,
        moves in prop::collection::vec(move_(), 1..150),
    ) {
        let settings = Settings { msat_per_second: rate, credit_ms, ..BLOCKS };
        let mut meter = reading(settings);
        meter.channel(ChannelCondition::Open, 2_100_000_000_000);
        let price = |ms: u64| (ms.saturating_sub(credit_ms) * rate).div_ceil(1_000_000);
        let mut under_way: [VecDeque<u64>; 4] = Default::default();
        let mut generation = [0u64; 4];
        let (mut now, mut start, mut checked, mut waiting) = (0, 0, 0, VecDeque::new());
        let mut lost_in_all = 0;
        for next in moves {
            match next {
                Move::Send(response, ms) => {
                    start += 1;
                    let slot = usize::try_from(response).unwrap();
                    if meter.send(response + 4 * generation[slot], Leaf { start, ms }) {
                        under_way[slot].push_back(ms);
                    }
                }
                Move::Arrive(response) => {
                    checked += under_way[usize::try_from(response).unwrap()].pop_front().unwrap_or(0);
                }
                Move::BreakOff(response) => {
                    let slot = usize::try_from(response).unwrap();
                    lost_in_all += under_way[slot].drain(..).sum::<u64>();
                    meter.broken_off(response + 4 * generation[slot]);
                    generation[slot] += 1;
                }
                Move::Wait(ms) => now += ms,
                Move::Pay => while waiting.front().is_some_and(|due| *due <= price(checked)) {
                    meter.paid(waiting.pop_front().unwrap());
                },
            }
            waiting.extend(due(&meter.tick(now)).map(|(paid_sat, _)| paid_sat));
            prop_assert!(checked <= meter.delivered_ms());
        }
        // Everything that is under way arrives, and the viewer pays what it may.
        for (slot, leaves) in under_way.iter_mut().enumerate() {
            checked += leaves.drain(..).sum::<u64>();
            meter.finished(u64::try_from(slot).unwrap() + 4 * generation[slot]);
        }
        for _ in 0..10 {
            now += 5000;
            waiting.clear();
            waiting.extend(due(&meter.tick(now)).map(|(paid_sat, _)| paid_sat));
            for due in waiting.drain(..).filter(|due| *due <= price(checked)) {
                meter.paid(due);
            }
        }
        let all_was_borne = meter.written_off_ms < (16_000).max(2 * meter.dearest_leaf_ms);
        if all_was_borne {
            prop_assert!(meter.owed_ms() == 0, "{} ms are owed; {checked} of {} ms were checked", meter.owed_ms(), meter.delivered_ms());
        }
        prop_assert!(meter.written_off_ms <= (16_000).max(2 * meter.dearest_leaf_ms));
        if lost_in_all == 0 {
            prop_assert!(meter.paid_sat >= price(checked) || !all_was_borne || meter.written_off_ms > 0);
        }
    }
}
