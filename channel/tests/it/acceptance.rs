//! Section 4.3 as a table: each reason for a refusal, and what is not a reason.

use paystream_channel::{
    Accepted, ChannelError, ChannelState, ChannelTerms, CompactSignature, Funding, Payment, accept,
    bitcoin::Amount,
};

use crate::fixture::{funding, provider_secret, terms, terms_with, viewer_secret};

const TIP: u32 = 100;

struct Channel {
    terms: ChannelTerms,
    funding: Funding,
    last: Payment,
}

/// A channel of 100000 sat with one accepted payment: sequence 1, 20 sat.
fn channel() -> Channel {
    let (terms, funding) = (terms(), funding(100_000));
    let last = Payment::sign(&terms, &funding, 1, Amount::from_sat(20), &viewer_secret()).unwrap();
    Channel {
        terms,
        funding,
        last,
    }
}

impl Channel {
    fn payment(&self, sequence: u32, sat: u64) -> Payment {
        Payment::sign(
            &self.terms,
            &self.funding,
            sequence,
            Amount::from_sat(sat),
            &viewer_secret(),
        )
        .unwrap()
    }

    fn decide(&self, payment: &Payment) -> Result<Accepted, ChannelError> {
        accept(
            &self.terms,
            &self.funding,
            ChannelState::Open,
            TIP,
            Some(&self.last),
            payment,
        )
    }

    fn code(&self, payment: &Payment) -> &'static str {
        self.decide(payment).unwrap_err().code()
    }
}

#[test]
fn the_first_payment_has_sequence_one() {
    let channel = channel();
    let first = |payment: &Payment| {
        accept(
            &channel.terms,
            &channel.funding,
            ChannelState::Unconfirmed,
            TIP,
            None,
            payment,
        )
    };
    assert_eq!(first(&channel.last), Ok(Accepted::New));
    assert_eq!(
        first(&channel.payment(0, 20)).unwrap_err().code(),
        "sequence_mismatch"
    );
    assert_eq!(
        first(&channel.payment(2, 20)).unwrap_err().code(),
        "sequence_mismatch"
    );
}

#[test]
fn the_next_sequence_with_more_is_accepted() {
    let channel = channel();
    assert_eq!(channel.decide(&channel.payment(2, 21)), Ok(Accepted::New));
}

#[test]
fn an_exact_repeat_is_acknowledged_again_in_every_state_and_at_every_height() {
    let channel = channel();
    use ChannelState::{AwaitingFunding, Closed, Closing, Lost, Open, Unconfirmed};
    for state in [AwaitingFunding, Unconfirmed, Open, Closing, Closed, Lost] {
        for tip in [TIP, channel.terms.expiry_height] {
            let decision = accept(
                &channel.terms,
                &channel.funding,
                state,
                tip,
                Some(&channel.last),
                &channel.last,
            );
            assert_eq!(decision, Ok(Accepted::Repeat));
        }
    }
}

#[test]
fn the_same_sequence_with_anything_else_changed_is_refused() {
    let channel = channel();
    assert_eq!(channel.code(&channel.payment(1, 40)), "sequence_mismatch");
    let mut other_signature = channel.last.clone();
    other_signature.signatures[0].0[5] ^= 1;
    assert_eq!(channel.code(&other_signature), "sequence_mismatch");
}

#[test]
fn a_gap_in_the_sequence_is_refused() {
    let channel = channel();
    assert_eq!(channel.code(&channel.payment(3, 60)), "sequence_mismatch");
}

#[test]
fn the_last_sequence_number_there_is_has_no_successor_and_does_not_wrap_around() {
    let channel = channel();
    let last = channel.payment(u32::MAX, 20);
    let decision = accept(
        &channel.terms,
        &channel.funding,
        ChannelState::Open,
        TIP,
        Some(&last),
        &channel.payment(0, 40),
    );
    assert_eq!(decision.unwrap_err().code(), "sequence_mismatch");
}

#[test]
fn an_amount_that_does_not_rise_is_refused() {
    let channel = channel();
    assert_eq!(channel.code(&channel.payment(2, 20)), "amount_not_rising");
    assert_eq!(channel.code(&channel.payment(2, 19)), "amount_not_rising");
}

#[test]
fn the_bound_leaves_the_fee_and_a_change_output() {
    let channel = channel();
    let max = 100_000 - 316 - 294;
    assert_eq!(channel.decide(&channel.payment(2, max)), Ok(Accepted::New));
    let over = Payment {
        paid: Amount::from_sat(max + 1),
        sequence: 2,
        ..channel.payment(2, max)
    };
    assert_eq!(channel.code(&over), "amount_exceeds_capacity");
    let all_money = Payment {
        paid: Amount::from_sat(u64::MAX),
        ..over
    };
    assert_eq!(channel.code(&all_money), "amount_exceeds_capacity");
}

#[test]
fn a_payment_for_another_channel_is_refused() {
    let channel = channel();
    let other = terms_with(|fields| fields.expiry_height += 1);
    let foreign = Payment::sign(
        &other,
        &channel.funding,
        2,
        Amount::from_sat(40),
        &viewer_secret(),
    )
    .unwrap();
    assert_eq!(channel.code(&foreign), "wrong_channel");
    // And its signature is worth nothing under this channel's id.
    assert_eq!(
        channel.code(&Payment {
            channel_id: channel.terms.channel_id(),
            ..foreign
        }),
        "bad_signature"
    );
}

#[test]
fn a_signature_that_is_not_the_viewers_over_exactly_this_amount_is_refused() {
    let channel = channel();
    let good = channel.payment(2, 1_000);
    let digest =
        paystream_channel::closing_transaction(&channel.terms, &channel.funding, good.paid)
            .unwrap()
            .viewer_digests(&channel.terms)[0];
    let with = |signature| Payment {
        signatures: vec![signature],
        ..good.clone()
    };
    let by_provider = with(CompactSignature::sign(digest, &provider_secret()));
    assert_eq!(channel.code(&by_provider), "bad_signature");
    let of_less = with(channel.payment(2, 999).signatures[0]);
    assert_eq!(channel.code(&of_less), "bad_signature");
    assert_eq!(
        channel.code(&with(CompactSignature([0; 64]))),
        "bad_signature"
    );
    assert_eq!(
        channel.code(&with(CompactSignature([0xff; 64]))),
        "bad_signature"
    );
}

#[test]
fn amounts_under_the_dust_limits_share_one_transaction_and_so_one_signature() {
    let channel = channel();
    assert_eq!(
        channel.payment(2, 39).signatures,
        channel.payment(3, 293).signatures
    );
    assert_ne!(
        channel.payment(2, 293).signatures,
        channel.payment(3, 294).signatures
    );
}

#[test]
fn a_signature_with_a_high_s_is_refused() {
    let channel = channel();
    let mut payment = channel.payment(2, 40);
    payment.signatures[0] = with_high_s(payment.signatures[0]);
    assert_eq!(channel.code(&payment), "bad_signature");
}

#[test]
fn a_list_of_signatures_of_another_length_is_refused() {
    let channel = channel();
    let mut payment = channel.payment(2, 40);
    payment.signatures.push(payment.signatures[0]);
    assert_eq!(channel.code(&payment), "malformed");
    payment.signatures.clear();
    assert_eq!(channel.code(&payment), "malformed");
}

#[test]
fn payments_are_taken_in_the_states_unconfirmed_and_open_only() {
    let channel = channel();
    let next = channel.payment(2, 40);
    let decide = |state| {
        accept(
            &channel.terms,
            &channel.funding,
            state,
            TIP,
            Some(&channel.last),
            &next,
        )
    };
    assert_eq!(decide(ChannelState::Unconfirmed), Ok(Accepted::New));
    assert_eq!(decide(ChannelState::Open), Ok(Accepted::New));
    for state in [
        ChannelState::AwaitingFunding,
        ChannelState::Closing,
        ChannelState::Closed,
        ChannelState::Lost,
    ] {
        assert_eq!(decide(state).unwrap_err().code(), "channel_not_open");
    }
}

#[test]
fn payments_stop_seventy_two_blocks_before_the_expiry() {
    let channel = channel();
    let next = channel.payment(2, 40);
    let at = |tip| {
        accept(
            &channel.terms,
            &channel.funding,
            ChannelState::Open,
            tip,
            Some(&channel.last),
            &next,
        )
    };
    assert_eq!(at(388 - 73), Ok(Accepted::New));
    assert_eq!(at(388 - 72).unwrap_err().code(), "channel_expired");
    assert_eq!(at(u32::MAX).unwrap_err().code(), "channel_expired");
}

#[test]
fn the_viewer_cannot_sign_with_another_key_than_the_channels() {
    let channel = channel();
    let refused = Payment::sign(
        &channel.terms,
        &channel.funding,
        2,
        Amount::from_sat(40),
        &provider_secret(),
    );
    assert_eq!(refused.unwrap_err().code(), "bad_signature");
}

/// The same signature with `n - s`, which verifies by the curve's mathematics alone.
pub fn with_high_s(signature: CompactSignature) -> CompactSignature {
    use paystream_channel::bitcoin::secp256k1::SecretKey;
    let negated = SecretKey::from_slice(&signature.0[32..]).unwrap().negate();
    let mut bytes = signature.0;
    bytes[32..].copy_from_slice(&negated.secret_bytes());
    CompactSignature(bytes)
}
