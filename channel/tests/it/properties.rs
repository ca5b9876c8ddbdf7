//! The rules of money as properties, over every kind of script, share, fee and amount.

use paystream_channel::{
    Accepted, ChannelState, ChannelTerms, Payment, accept, bitcoin::Amount, bitcoin::ScriptBuf,
    closing_transaction, due_paid, dust_limit, max_paid, media_paid_ms, refund_transaction, split,
    viewer_limit,
};
use proptest::prelude::*;

use crate::fixture::{funding, p2pkh, p2sh, p2tr, p2wpkh, p2wsh, terms_with, viewer_secret};

const MAX_SAT: u64 = 2_100_000_000_000_000;

fn payee_script(byte: u8) -> impl Strategy<Value = ScriptBuf> {
    prop_oneof![
        Just(p2pkh(byte)),
        Just(p2sh(byte)),
        Just(p2wpkh(byte)),
        Just(p2wsh(byte)),
        Just(p2tr(byte))
    ]
}

fn change_script() -> impl Strategy<Value = ScriptBuf> {
    prop_oneof![Just(p2wpkh(3)), Just(p2wsh(3)), Just(p2tr(3))]
}

prop_compose! {
    fn any_terms()(
        share in prop_oneof![Just(0u16), Just(10_000), Just(9_000), 1u16..10_000],
        creator in payee_script(1),
        provider in payee_script(2),
        change in change_script(),
        fee in 1u64..5_000,
    ) -> ChannelTerms {
        terms_with(|fields| {
            fields.creator_share_bps = share;
            fields.creator_script = if share == 0 { ScriptBuf::new() } else { creator };
            fields.provider_script = provider;
            fields.change_script = change;
            fields.fee = Amount::from_sat(fee);
        })
    }
}

prop_compose! {
    /// Terms, a capacity that can pay something, and an amount within the bound: often small, where dust is, and sometimes the bound itself.
    fn any_payment()(terms in any_terms(), spare in prop_oneof![1u64..3_000, 1u64..=10_000_000, 1u64..=MAX_SAT - 100_000])(
        paid in prop_oneof![1..=spare.min(1_500), 1..=spare, Just(spare)],
        terms in Just(terms),
        spare in Just(spare),
    ) -> (ChannelTerms, Amount, Amount) {
        let capacity = Amount::from_sat(spare) + terms.fee + dust_limit(&terms.change_script);
        (terms, capacity, Amount::from_sat(paid))
    }
}

fn exact_creator_part(terms: &ChannelTerms, paid: Amount) -> u64 {
    u64::try_from(
        (u128::from(paid.to_sat()) * u128::from(terms.creator_share_bps)).div_ceil(10_000),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn outputs_and_fee_always_add_up_to_the_capacity((terms, capacity, paid) in any_payment()) {
        let closing = closing_transaction(&terms, &funding(capacity.to_sat()), paid).unwrap();
        let outputs: Amount = closing.transaction().output.iter().map(|output| output.value).sum();
        prop_assert_eq!(outputs + terms.fee, capacity);
        let payouts = closing.payouts();
        prop_assert_eq!(payouts.provider + payouts.creator + payouts.change + terms.fee, capacity);
    }

    #[test]
    fn no_output_is_under_its_dust_limit_and_the_change_is_always_made((terms, capacity, paid) in any_payment()) {
        let closing = closing_transaction(&terms, &funding(capacity.to_sat()), paid).unwrap();
        for output in &closing.transaction().output {
            prop_assert!(output.value >= dust_limit(&output.script_pubkey));
        }
        prop_assert_eq!(&closing.transaction().output.last().unwrap().script_pubkey, &terms.change_script);
    }

    #[test]
    fn less_than_one_dust_limit_is_displaced((terms, capacity, paid) in any_payment()) {
        let payouts = split(&terms, capacity, paid).unwrap();
        let creator = Amount::from_sat(exact_creator_part(&terms, paid));
        let provider = paid - creator;
        let creator_loss = creator.checked_sub(payouts.creator).unwrap_or(Amount::ZERO);
        let provider_loss = provider.checked_sub(payouts.provider).unwrap_or(Amount::ZERO);
        prop_assert!(provider_loss < dust_limit(&terms.provider_script));
        if creator_loss > Amount::ZERO {
            prop_assert!(creator_loss < dust_limit(&terms.creator_script));
        }
        // The viewer never pays more than it signed for, and keeps less than one dust limit of it.
        let viewer_keeps = paid - payouts.provider - payouts.creator;
        prop_assert!(viewer_keeps < dust_limit(&terms.provider_script));
    }

    #[test]
    fn the_creator_gets_its_share_to_the_satoshi_once_both_reach_their_limits((terms, capacity, paid) in any_payment()) {
        let creator = exact_creator_part(&terms, paid);
        let provider = paid.to_sat() - creator;
        prop_assume!(provider >= 546 && (creator == 0 || creator >= 546));
        let payouts = split(&terms, capacity, paid).unwrap();
        prop_assert_eq!((payouts.provider.to_sat(), payouts.creator.to_sat()), (provider, creator));
    }

    #[test]
    fn an_amount_over_the_bound_is_refused((terms, capacity, _) in any_payment(), excess in 1u64..1_000_000) {
        let max = max_paid(&terms, capacity);
        prop_assert!(split(&terms, capacity, max).is_ok());
        prop_assert_eq!(split(&terms, capacity, max + Amount::from_sat(excess)).unwrap_err().code(), "amount_exceeds_capacity");
    }

    #[test]
    fn a_capacity_that_cannot_pay_is_refused_and_never_panics(terms in any_terms(), capacity in 0u64..6_000, paid in 0u64..=u64::MAX) {
        let (capacity, paid) = (Amount::from_sat(capacity), Amount::from_sat(paid));
        let bound = max_paid(&terms, capacity);
        prop_assert_eq!(split(&terms, capacity, paid).is_ok(), paid > Amount::ZERO && paid <= bound);
    }

    #[test]
    fn the_provider_is_never_paid_on_trust_by_the_meter(
        base in 0u64..1_000_000_000,
        covers in 0u64..100_000_000,
        credit in 0u64..10_000,
        rate in 1u64..1_000_000_000,
    ) {
        let base = Amount::from_sat(base);
        let due = due_paid(base, covers, credit, rate).unwrap();
        // What is due covers what it says, and one satoshi less does not.
        prop_assert!(media_paid_ms(base, due, credit, rate) >= covers);
        if due > base {
            prop_assert!(media_paid_ms(base, due - Amount::ONE_SAT, credit, rate) < covers);
        }
        prop_assert!(due_paid(base, media_paid_ms(base, due, credit, rate), credit, rate).unwrap() <= due);
    }

    #[test]
    fn a_viewer_pays_every_due_that_is_within_two_ticks_of_its_clock(
        base in 0u64..1_000_000_000,
        open in 0u64..100_000_000,
        ahead in 0u64..=2_000,
        credit in 0u64..10_000,
        rate in 1u64..1_000_000_000,
    ) {
        let base = Amount::from_sat(base);
        prop_assert!(due_paid(base, open + ahead, credit, rate).unwrap() <= viewer_limit(base, open, 1_000, rate).unwrap());
    }

    #[test]
    fn the_meter_overflows_into_an_error(base in 0u64..=u64::MAX, ms in 0u64..=u64::MAX, credit in 0u64..=u64::MAX, rate in 0u64..=u64::MAX) {
        let base = Amount::from_sat(base);
        for amount in [due_paid(base, ms, credit, rate), viewer_limit(base, ms, credit, rate)].into_iter().flatten() {
            prop_assert!(amount >= base && amount <= Amount::MAX_MONEY);
        }
        let _ = media_paid_ms(base, base, credit, rate);
    }

    #[test]
    fn a_refund_gives_back_everything_but_its_fee((terms, capacity, _) in any_payment(), fee in 0u64..10_000) {
        let fee = Amount::from_sat(fee);
        match refund_transaction(&terms, &funding(capacity.to_sat()), fee) {
            Ok(refund) => prop_assert_eq!(refund.transaction().output[0].value + fee, capacity),
            Err(_) => prop_assert!(capacity < fee + dust_limit(&terms.change_script)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever arrives: accepted amounts rise strictly and stay in the bound, sequences have no gap, a refusal changes nothing, and every
    /// accepted payment closes by itself the same way whatever came before it.
    #[test]
    fn any_course_of_payments_keeps_the_rules(course in prop::collection::vec((0u32..4, 0u64..120, any::<bool>(), any::<bool>()), 1..20)) {
        let terms = terms_with(|fields| fields.fee = Amount::from_sat(400));
        let funding = funding(5_000);
        let mut last: Option<Payment> = None;
        for (ahead, step_sat, downwards, spoil) in course {
            let (sequence, paid) = last.as_ref().map_or((0, 0), |last| (last.sequence, last.paid.to_sat()));
            let wanted = if downwards { paid.saturating_sub(step_sat) } else { paid + step_sat * 10 };
            let Ok(mut payment) = Payment::sign(&terms, &funding, sequence + ahead, Amount::from_sat(wanted), &viewer_secret()) else {
                prop_assert!(wanted == 0 || Amount::from_sat(wanted) > max_paid(&terms, funding.capacity()));
                continue;
            };
            if spoil {
                payment.signatures[0].0[40] ^= 0x40;
            }
            match accept(&terms, &funding, ChannelState::Open, 100, last.as_ref(), &payment) {
                Ok(Accepted::New) => {
                    prop_assert!(!spoil && payment.sequence == sequence + 1 && payment.paid.to_sat() > paid);
                    prop_assert!(payment.paid <= max_paid(&terms, funding.capacity()));
                    prop_assert_eq!(
                        accept(&terms, &funding, ChannelState::Open, 100, Some(&payment), &payment),
                        Ok(Accepted::Repeat)
                    );
                    let closing = closing_transaction(&terms, &funding, payment.paid).unwrap();
                    prop_assert_eq!(closing.payouts(), split(&terms, funding.capacity(), payment.paid).unwrap());
                    last = Some(payment);
                }
                Ok(Accepted::Repeat) => prop_assert_eq!(Some(&payment), last.as_ref()),
                Err(_) => prop_assert!(spoil || payment.sequence != sequence + 1 || payment.paid.to_sat() <= paid),
            }
        }
    }
}
