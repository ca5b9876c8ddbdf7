use proptest::prelude::*;

use super::*;

#[path = "blocks_tests.rs"]
mod blocks;

const SETTINGS: Settings = Settings {
    delivery: Delivery::Stream,
    tick_ms: 1000,
    msat_per_second: 20_000,
    base_sat: 0,
    credit_ms: 0,
    preview_ms: 10_000,
    debt: Debt {
        unpaid_ms: 0,
        dearest_leaf_ms: 0,
    },
};

fn open(settings: Settings) -> Meter {
    let mut meter = Meter::new(settings);
    meter.channel(ChannelCondition::Open, 100_000);
    meter.media(MediaCondition::Flowing);
    meter
}

fn dues(effects: &[Effect]) -> Vec<u64> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Due { paid_sat, .. } => Some(*paid_sat),
            Effect::Limit(_) | Effect::Gate { .. } | Effect::Warn(_) | Effect::Exhausted => None,
        })
        .collect()
}

#[test]
fn nothing_is_delivered_before_the_first_payment() {
    let mut meter = open(SETTINGS);
    let effects = meter.tick(0);
    assert!(effects.contains(&Effect::Gate {
        open: false,
        reason: GateReason::PaymentDue
    }));
    assert_eq!(dues(&effects), [20]);
    assert_eq!(meter.limit, 0);
}

#[test]
fn a_payment_opens_the_gate_for_what_it_pays() {
    let mut meter = open(SETTINGS);
    meter.tick(0);
    meter.paid(20);
    let effects = meter.tick(10);
    assert!(effects.contains(&Effect::Limit(1000)));
    assert!(effects.contains(&Effect::Gate {
        open: true,
        reason: GateReason::Paid
    }));
}

#[test]
fn an_unpaid_due_is_repeated_each_tick_and_not_more_often() {
    let mut meter = open(SETTINGS);
    let asked: usize = (0..=3000)
        .step_by(50)
        .map(|now| dues(&meter.tick(now)).len())
        .sum();
    assert_eq!(asked, 4);
}

#[test]
fn the_gate_shuts_when_the_paid_media_is_used_and_a_warning_follows() {
    let mut meter = open(SETTINGS);
    meter.paid(20);
    meter.tick(0);
    meter.delivered(1000);
    assert!(meter.tick(1000).contains(&Effect::Gate {
        open: false,
        reason: GateReason::PaymentDue
    }));
    assert!(
        meter
            .tick(2000)
            .contains(&Effect::Warn(Warning::PaymentOverdue))
    );
}

#[test]
fn what_a_session_delivered_beyond_what_was_paid_is_left_as_a_debt() {
    let mut meter = open(SETTINGS);
    meter.paid(20);
    meter.tick(0);
    meter.delivered(1200);
    assert_eq!(meter.debt().unpaid_ms, 200);
    meter.paid(40);
    assert_eq!((meter.debt().unpaid_ms, meter.credit_ms()), (0, 800));
}

#[test]
fn an_offline_stream_asks_for_nothing() {
    let mut meter = open(SETTINGS);
    meter.media(MediaCondition::Offline);
    assert!(dues(&meter.tick(0)).is_empty());
}

#[test]
fn an_unconfirmed_channel_delivers_no_more_than_its_preview() {
    let mut meter = Meter::new(Settings {
        preview_ms: 1500,
        ..SETTINGS
    });
    meter.channel(ChannelCondition::Unconfirmed, 100_000);
    meter.media(MediaCondition::Flowing);
    meter.paid(40);
    assert!(meter.tick(0).contains(&Effect::Limit(1500)));
    meter.delivered(1500);
    let effects = meter.tick(1500);
    assert!(effects.contains(&Effect::Gate {
        open: false,
        reason: GateReason::PreviewUsed
    }));
    assert!(dues(&effects).is_empty());
    meter.channel(ChannelCondition::Open, 100_000);
    assert!(meter.tick(1600).contains(&Effect::Limit(2000)));
}

#[test]
fn a_reorganisation_pauses_beyond_the_preview_and_a_confirmation_resumes() {
    let mut meter = Meter::new(Settings {
        preview_ms: 0,
        ..SETTINGS
    });
    meter.channel(ChannelCondition::Open, 100_000);
    meter.media(MediaCondition::Flowing);
    meter.paid(40);
    meter.tick(0);
    meter.delivered(500);
    meter.channel(ChannelCondition::Unconfirmed, 100_000);
    let effects = meter.tick(500);
    assert!(effects.contains(&Effect::Limit(500)));
    assert!(effects.contains(&Effect::Gate {
        open: false,
        reason: GateReason::PreviewUsed
    }));
}

#[test]
fn a_channel_without_room_for_a_tick_is_exhausted_when_the_paid_media_is_used() {
    let mut meter = Meter::new(SETTINGS);
    meter.channel(ChannelCondition::Open, 39);
    meter.media(MediaCondition::Flowing);
    assert_eq!(dues(&meter.tick(0)), [20]);
    meter.paid(20);
    meter.tick(1);
    meter.delivered(900);
    assert!(!meter.tick(900).contains(&Effect::Exhausted));
    meter.delivered(1000);
    assert!(meter.tick(1000).contains(&Effect::Exhausted));
}

#[test]
fn credit_of_an_earlier_session_is_delivered_before_anything_is_asked() {
    let mut meter = open(Settings {
        base_sat: 100,
        credit_ms: 1400,
        ..SETTINGS
    });
    let effects = meter.tick(0);
    assert!(effects.contains(&Effect::Limit(1400)));
    assert!(dues(&effects).is_empty());
    meter.delivered(700);
    assert_eq!(dues(&meter.tick(700)), [120]);
}

#[test]
fn a_price_below_a_satoshi_a_tick_asks_for_one_satoshi_and_delivers_what_it_buys() {
    let mut meter = open(Settings {
        msat_per_second: 10,
        ..SETTINGS
    });
    assert_eq!(dues(&meter.tick(0)), [1]);
    meter.paid(1);
    assert!(meter.tick(1).contains(&Effect::Limit(100_000)));
}

/// A viewer answers so many dues, each by the next look, and then no more; time goes by the millisecond. `looks` apart the session
/// looks at the meter, and a frame is so long. Answers how long after the first unanswered due the last frame passed and the gate shut.
fn stop_after(tick_ms: u64, looks: u64, frame: u64, mut answers: usize) -> (u64, u64) {
    let mut meter = open(Settings {
        tick_ms,
        ..SETTINGS
    });
    let (mut limit, mut delivered, mut next_frame, mut last_frame) = (0, 0, 0, 0);
    let (mut answer, mut unanswered) = (None, None);
    for now in 0.. {
        // As `media::meter` has it: a frame passes below the limit, and reaches at most 250 ms over it.
        if now >= next_frame && delivered < limit && delivered + frame <= limit + 250 {
            (delivered, next_frame, last_frame) = (delivered + frame, now + frame, now);
        }
        if now % looks > 0 {
            continue;
        }
        meter.delivered(delivered);
        if let Some(paid_sat) = answer.take() {
            meter.paid(paid_sat);
        }
        for effect in meter.tick(now) {
            match effect {
                Effect::Limit(ms) => limit = ms,
                Effect::Due { paid_sat, .. } if answers > 0 => {
                    answers -= 1;
                    answer = Some(paid_sat);
                }
                Effect::Due { .. } => unanswered = unanswered.or(Some(now)),
                Effect::Gate { open: false, .. } => {
                    if let Some(asked) = unanswered {
                        return (last_frame.saturating_sub(asked), now - asked);
                    }
                }
                Effect::Gate { open: true, .. } | Effect::Warn(_) | Effect::Exhausted => {}
            }
        }
    }
    unreachable!("time does not end")
}

#[test]
fn when_payment_stops_the_gate_shuts_within_a_tick_and_250_ms_of_the_first_unanswered_due() {
    for tick_ms in [500, 1000, 2000, 10_000] {
        for looks in [1, 10, 100] {
            for frame in [1, 16, 33, 42, 100, 250] {
                for answered in 1..8 {
                    let (last_frame, shut) = stop_after(tick_ms, looks, frame, answered);
                    let case = format!("tick {tick_ms}, looks {looks}, frame {frame}, {answered}");
                    assert!(shut <= tick_ms + 250, "{case}: the gate shut after {shut}");
                    assert!(
                        last_frame <= tick_ms,
                        "{case}: the last frame passed after {last_frame}"
                    );
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Pay,
    Confirm(bool),
    Media(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u64..1500).prop_map(Step::Wait),
        4 => Just(Step::Pay),
        1 => any::<bool>().prop_map(Step::Confirm),
        1 => any::<bool>().prop_map(Step::Media),
    ]
}

proptest! {
    /// The media thread delivers up to the limit. Whatever happens, no unpaid media is delivered, nobody pays for two ticks
    /// in advance (but for the satoshi that rounding may add), and a due always rises.
    #[test]
    fn nobody_is_ever_ahead_of_the_other_by_more_than_the_protocol_allows(
        rate in 1u64..5_000_000,
        tick_ms in 500u64..5000,
        credit_ms in 0u64..3000,
        base_sat in 0u64..1000,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let settings = Settings { tick_ms, msat_per_second: rate, base_sat, credit_ms, preview_ms: 4000, ..SETTINGS };
        let mut meter = Meter::new(settings);
        let max = 1_000_000;
        let (mut now, mut last_due, mut paid) = (0u64, None, base_sat);
        meter.channel(ChannelCondition::Unconfirmed, max);
        meter.media(MediaCondition::Flowing);
        let satoshi_ms = 1_000_000u64.div_ceil(rate);
        for step in steps {
            match step {
                Step::Wait(ms) => {
                    now += ms;
                    let deliverable = if meter.media == MediaCondition::Flowing { ms } else { 0 };
                    let next = (meter.delivered_ms() + deliverable).min(meter.limit.max(meter.delivered_ms()));
                    meter.delivered(next);
                }
                Step::Pay => if let Some(amount) = last_due.take() {
                    prop_assert!(amount > paid);
                    paid = amount;
                    meter.paid(amount);
                },
                Step::Confirm(open) => {
                    meter.channel(if open { ChannelCondition::Open } else { ChannelCondition::Unconfirmed }, max);
                }
                Step::Media(flowing) => {
                    meter.media(if flowing { MediaCondition::Flowing } else { MediaCondition::Offline });
                }
            }
            for effect in meter.tick(now) {
                match effect {
                    Effect::Due { paid_sat, .. } => {
                        prop_assert!(paid_sat <= max);
                        last_due = Some(paid_sat);
                    }
                    Effect::Gate { open, .. } if open => prop_assert!(meter.delivered_ms() < meter.covered_ms()),
                    Effect::Limit(_) | Effect::Gate { .. } | Effect::Warn(_) | Effect::Exhausted => {}
                }
            }
            prop_assert!(meter.limit <= meter.covered_ms());
            prop_assert!(meter.delivered_ms() <= meter.covered_ms());
            prop_assert!(meter.preview_used_ms() <= 4000);
            prop_assert!(meter.credit_ms() <= (2 * tick_ms).max(credit_ms) + satoshi_ms);
        }
    }
}
