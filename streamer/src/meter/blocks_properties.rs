//! What holds of stored video whatever the viewer does.

use std::collections::VecDeque;

use super::*;

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
