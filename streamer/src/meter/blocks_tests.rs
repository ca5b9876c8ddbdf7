//! Stored video, paid for block by block.

use super::*;

const BLOCKS: Settings = Settings {
    delivery: Delivery::Blocks,
    write_off_ms: 16_000,
    ..SETTINGS
};

fn reading(settings: Settings) -> Meter {
    let mut meter = open(settings);
    meter.tick(0);
    meter
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
    assert!(meter.send(1200));
    assert!(meter.send(800));
    assert!(!meter.send(1));
    assert!(meter.send(0), "what costs nothing is given even then");
    assert_eq!(meter.owed_ms(), 2000);
}

#[test]
fn one_leaf_of_any_length_is_given_on_trust_when_nothing_is_owed() {
    let mut meter = reading(BLOCKS);
    assert!(meter.send(12_000));
    assert!(!meter.send(1));
    meter.paid(239);
    assert!(!meter.send(5000), "50 ms are still owed");
    meter.paid(240);
    assert!(meter.send(5000));
}

#[test]
fn a_due_asks_for_what_was_delivered_and_a_payment_lets_the_next_leaf_go() {
    let mut meter = reading(BLOCKS);
    assert_eq!(due(&meter.tick(1)), None);
    meter.send(1500);
    meter.awaits(Some(1500));
    let effects = meter.tick(2);
    assert_eq!(due(&effects), Some((30, 1500)));
    assert!(effects.contains(&shut(GateReason::PaymentDue)));
    meter.paid(30);
    assert!(meter.send(1500));
    meter.awaits(None);
    assert!(meter.tick(3).contains(&Effect::Gate {
        open: true,
        reason: GateReason::Paid
    }));
}

#[test]
fn dues_are_a_tenth_of_a_second_apart_and_an_unanswered_one_is_repeated_after_a_tick() {
    let mut meter = reading(BLOCKS);
    meter.send(500);
    assert_eq!(due(&meter.tick(10)), Some((10, 500)));
    meter.send(500);
    assert_eq!(due(&meter.tick(500)), None, "the first is not answered yet");
    meter.paid(10);
    assert_eq!(due(&meter.tick(500)), Some((20, 1000)));
    meter.paid(20);
    meter.send(500);
    assert_eq!(due(&meter.tick(599)), None);
    assert_eq!(meter.next_due_at(), Some(600));
    assert_eq!(due(&meter.tick(600)), Some((30, 1500)));
    meter.send(500);
    assert_eq!(due(&meter.tick(1599)), None);
    assert_eq!(due(&meter.tick(1600)), Some((40, 2000)));
}

#[test]
fn a_viewer_who_reads_nothing_is_asked_for_what_it_owes_and_for_nothing_more() {
    let mut meter = reading(BLOCKS);
    meter.send(700);
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
    assert!(meter.send(0));
    assert!(meter.send(600));
    assert!(!meter.send(401));
    meter.awaits(Some(401));
    let effects = meter.tick(1);
    assert!(effects.contains(&shut(GateReason::PreviewUsed)));
    assert_eq!(due(&effects), Some((12, 600)));
    meter.channel(ChannelCondition::Open, 100_000);
    assert!(meter.send(401));
    assert_eq!(meter.preview_used_ms(), 600);
}

#[test]
fn a_leaf_that_the_capacity_cannot_pay_ends_the_session_once_nothing_is_owed() {
    let mut meter = reading(BLOCKS);
    meter.channel(ChannelCondition::Open, 39);
    assert!(meter.send(1900));
    assert!(!meter.send(100), "2000 ms cost 40 sat");
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
    meter.send(500);
    meter.channel(ChannelCondition::Closed, 100_000);
    assert!(!meter.send(0));
    let effects = meter.tick(1);
    assert!(effects.contains(&shut(GateReason::ChannelNotOpen)));
    assert_eq!(due(&effects), None);
}

#[test]
fn what_was_lost_under_way_is_written_off_up_to_a_bound_and_is_remembered() {
    let mut meter = reading(Settings {
        write_off_ms: 3000,
        ..BLOCKS
    });
    meter.send(2000);
    assert!(!meter.send(1000));
    meter.write_off(5000);
    assert_eq!((meter.owed_ms(), meter.unpaid_ms()), (0, 2000));
    assert!(meter.send(2000));
    assert_eq!(due(&meter.tick(1)), Some((40, 2000)));
    meter.write_off(2000);
    assert_eq!((meter.owed_ms(), meter.unpaid_ms()), (1000, 4000));
    assert_eq!(due(&meter.tick(2000)), Some((20, 1000)));
}

#[test]
fn credit_of_an_earlier_session_pays_for_the_first_leaves() {
    let mut meter = reading(Settings {
        base_sat: 100,
        credit_ms: 1400,
        ..BLOCKS
    });
    assert!(meter.send(1000));
    assert_eq!(due(&meter.tick(1)), None);
    assert!(meter.send(1000));
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
        write_off_ms in 0u64..20_000,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let settings = Settings { tick_ms, msat_per_second: rate, base_sat, credit_ms, preview_ms: 4000, write_off_ms, ..BLOCKS };
        let mut meter = Meter::new(settings);
        meter.channel(ChannelCondition::Unconfirmed, max);
        meter.media(MediaCondition::Flowing);
        let (mut now, mut asked, mut paid, mut last_due, mut dearest) = (0u64, None, base_sat, None, 0);
        for step in steps {
            match step {
                Step::Read(leaf) => {
                    if meter.send(leaf) {
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
                    let owed = meter.owed_ms();
                    meter.write_off(owed);
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
            prop_assert!(meter.unpaid_ms() <= write_off_ms + (2 * tick_ms).max(dearest));
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
                if !meter.send(*leaf) {
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
