//! What terms and fundings are refused, and that the literal script is the miniscript it claims to be.

use std::str::FromStr;

use miniscript::{Descriptor, Segwitv0};
use paystream_channel::{
    ChannelError, ChannelTerms, Funding, FundingOutput, TermsFields,
    bitcoin::{Amount, FeeRate, OutPoint, PublicKey, ScriptBuf, TxOut, Txid, hashes::Hash},
    closing_fee, closing_max_vsize, dust_limit,
};

use crate::fixture::{
    fields, funding, output, p2pkh, p2sh, p2tr, p2wpkh, p2wsh, terms, terms_with,
};

fn code(change: impl FnOnce(&mut TermsFields)) -> &'static str {
    let mut fields = fields();
    change(&mut fields);
    ChannelTerms::new(fields).unwrap_err().code()
}

#[test]
fn each_flaw_in_terms_has_its_code() {
    assert_eq!(
        code(|fields| fields.viewer_key = fields.provider_key),
        "malformed"
    );
    assert_eq!(code(|fields| fields.expiry_height = 0), "malformed");
    assert_eq!(
        code(|fields| fields.expiry_height = 500_000_000),
        "malformed"
    );
    assert_eq!(code(|fields| fields.fee = Amount::ZERO), "malformed");
    assert_eq!(code(|fields| fields.fee = Amount::MAX_MONEY), "malformed");
    assert_eq!(
        code(|fields| fields.msat_per_second = 0),
        "rail_unavailable"
    );
    assert_eq!(
        code(|fields| fields.creator_share_bps = 10_001),
        "malformed"
    );
    assert_eq!(code(|fields| fields.creator_share_bps = 0), "malformed");
    assert_eq!(
        code(|fields| fields.creator_script = ScriptBuf::new()),
        "malformed"
    );
    assert_eq!(
        code(|fields| fields.creator_script = fields.provider_script.clone()),
        "malformed"
    );
    assert_eq!(
        code(|fields| fields.creator_script = ScriptBuf::new_op_return([1])),
        "unsupported_script"
    );
    assert_eq!(
        code(|fields| fields.provider_script = ScriptBuf::new()),
        "unsupported_script"
    );
    assert_eq!(
        code(|fields| fields.change_script = p2pkh(1)),
        "unsupported_script"
    );
    assert_eq!(
        code(|fields| fields.change_script = p2sh(1)),
        "unsupported_script"
    );
}

#[test]
fn every_standard_script_is_a_payees_and_every_witness_script_takes_change() {
    for script in [p2pkh(1), p2sh(1), p2wpkh(1), p2wsh(1), p2tr(1)] {
        terms_with(|fields| fields.creator_script = script.clone());
        terms_with(|fields| fields.provider_script = script.clone());
    }
    for script in [p2wpkh(1), p2wsh(1), p2tr(1)] {
        terms_with(|fields| fields.change_script = script);
    }
}

#[test]
fn the_dust_limits_are_those_of_the_protocol() {
    let limits = [p2pkh(1), p2sh(1), p2wpkh(1), p2wsh(1), p2tr(1)]
        .map(|script| dust_limit(&script).to_sat());
    assert_eq!(limits, [546, 540, 294, 330, 330]);
}

#[test]
fn json_of_other_shapes_is_refused() {
    let good = serde_json::to_value(terms()).unwrap();
    assert_eq!(
        serde_json::from_value::<ChannelTerms>(good.clone()).unwrap(),
        terms()
    );
    let flaws = [
        ("network", serde_json::json!("testnet3")),
        ("content_id", serde_json::json!("c0".repeat(32))),
        (
            "viewer_key",
            serde_json::json!(format!("02{}", "00".repeat(32))),
        ),
        (
            "viewer_key",
            good["viewer_key"].as_str().unwrap().to_uppercase().into(),
        ),
        ("expiry_height", serde_json::json!(-1)),
        ("expiry_height", serde_json::json!("388")),
        ("fee_sat", serde_json::json!(316)),
        ("fee_sat", serde_json::json!("0316")),
        ("fee_sat", serde_json::json!("+316")),
        ("fee_sat", serde_json::json!("18446744073709551616")),
        ("creator_share_bps", serde_json::json!(65_536)),
        ("provider_script", serde_json::json!("00")),
        ("provider_script", serde_json::json!("zz")),
        ("change_script", serde_json::Value::Null),
    ];
    for (field, value) in flaws {
        let mut terms = good.clone();
        terms[field] = value.clone();
        assert!(
            serde_json::from_value::<ChannelTerms>(terms).is_err(),
            "{field} = {value} is taken"
        );
    }
}

#[test]
fn every_field_of_the_terms_changes_the_channel_id() {
    let changes: [fn(&mut TermsFields); 11] = [
        |fields| fields.network = paystream_channel::Network::Signet,
        |fields| fields.content_id.0[31] ^= 1,
        |fields| {
            fields.viewer_key = fields
                .viewer_key
                .negate(&paystream_channel::bitcoin::secp256k1::Secp256k1::new())
        },
        |fields| {
            fields.provider_key = fields
                .provider_key
                .negate(&paystream_channel::bitcoin::secp256k1::Secp256k1::new())
        },
        |fields| fields.expiry_height += 1,
        |fields| fields.fee += Amount::ONE_SAT,
        |fields| fields.msat_per_second += 1,
        |fields| fields.creator_share_bps -= 1,
        |fields| fields.creator_script = p2wpkh(0xc2),
        |fields| fields.provider_script = p2wpkh(0xb2),
        |fields| fields.change_script = p2wpkh(0xa2),
    ];
    let mut ids: Vec<_> = changes
        .into_iter()
        .map(|change| terms_with(change).channel_id())
        .collect();
    ids.push(terms().channel_id());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

#[test]
fn the_script_is_the_miniscript_of_the_protocol() {
    for height in [
        1,
        16,
        17,
        127,
        128,
        255,
        256,
        388,
        32_767,
        32_768,
        900_000,
        8_388_608,
        499_999_999,
    ] {
        let terms = terms_with(|fields| fields.expiry_height = height);
        let text = format!(
            "and_v(v:pk({}),or_d(pk({}),after({height})))",
            terms.viewer_key, terms.provider_key
        );
        let policy = miniscript::Miniscript::<PublicKey, Segwitv0>::from_str(&text).unwrap();
        assert_eq!(
            terms.witness_script(),
            policy.encode(),
            "at height {height}"
        );
        let descriptor = Descriptor::<PublicKey>::from_str(&terms.descriptor()).unwrap();
        descriptor.sanity_check().unwrap();
        assert_eq!(descriptor.script_pubkey(), terms.funding_script());
        assert_eq!(terms.address().script_pubkey(), terms.funding_script());
    }
}

#[test]
fn the_expiry_lies_between_144_and_2016_blocks_ahead() {
    let terms = terms_with(|fields| fields.expiry_height = 10_000);
    assert!(terms.expiry_fits(10_000 - 144) && terms.expiry_fits(10_000 - 2016));
    assert!(!terms.expiry_fits(10_000 - 143) && !terms.expiry_fits(10_000 - 2017));
    assert!(!terms.expiry_fits(10_001) && !terms.expiry_fits(u32::MAX));
}

#[test]
fn a_funding_is_in_canonical_order_and_has_each_output_once() {
    let [a, b, c] = [output(1, 7, 10), output(1, 200, 20), output(2, 0, 30)];
    let funding = Funding::new(vec![c, b, a]).unwrap();
    assert_eq!(funding.outputs(), [a, b, c]);
    assert_eq!(funding.capacity(), Amount::from_sat(60));
    // As serialised: the first byte of the hash decides, which is the last in display order.
    let mut low = [9; 32];
    low[0] = 1;
    let low = FundingOutput {
        txid: Txid::from_byte_array(low),
        ..a
    };
    assert_eq!(Funding::new(vec![c, low]).unwrap().outputs()[0], low);
    assert_eq!(Funding::new(vec![a, a]).unwrap_err().code(), "malformed");
    assert_eq!(Funding::new(Vec::new()).unwrap_err().code(), "malformed");
    assert_eq!(
        Funding::new(vec![output(1, 0, u64::MAX), output(1, 1, 1)]),
        Err(ChannelError::Overflow)
    );
}

#[test]
fn a_capacity_under_ten_fees_is_refused() {
    let terms = terms();
    assert_eq!(
        funding(3_159).check_capacity(&terms).unwrap_err().code(),
        "capacity_too_low"
    );
    assert_eq!(funding(3_160).check_capacity(&terms), Ok(()));
}

#[test]
fn an_output_with_another_script_is_not_taken() {
    let terms = terms();
    let outpoint = OutPoint {
        txid: Txid::from_byte_array([1; 32]),
        vout: 0,
    };
    let mut found = TxOut {
        value: Amount::from_sat(100_000),
        script_pubkey: terms.funding_script(),
    };
    assert_eq!(
        FundingOutput::from_tx_out(&terms, outpoint, &found)
            .unwrap()
            .value,
        found.value
    );
    found.script_pubkey = terms_with(|fields| fields.expiry_height += 1).funding_script();
    assert_eq!(
        FundingOutput::from_tx_out(&terms, outpoint, &found),
        Err(ChannelError::WrongScript)
    );
}

#[test]
fn the_closing_fee_is_the_rate_times_the_largest_size_rounded_up() {
    let (creator, provider) = (p2wpkh(1), p2wpkh(2));
    let vsize = closing_max_vsize(388, &creator, &provider);
    let rate = FeeRate::from_sat_per_vb(2).unwrap();
    assert_eq!(
        closing_fee(388, &creator, &provider, rate).unwrap(),
        Amount::from_sat(2 * vsize)
    );
    assert_eq!(
        closing_fee(388, &creator, &provider, FeeRate::from_sat_per_kwu(1)).unwrap(),
        Amount::ONE_SAT
    );
    assert_eq!(
        closing_fee(388, &creator, &provider, FeeRate::MAX),
        Err(ChannelError::Overflow)
    );
    assert_eq!(
        closing_max_vsize(388, &ScriptBuf::new(), &provider) + 31,
        vsize
    );
}
