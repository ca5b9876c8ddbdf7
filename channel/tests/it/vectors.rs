//! The vectors that the TypeScript mirror passes too. They fail here when the rules drift; `UPDATE_VECTORS=1 cargo test` writes them anew.

use std::{env, fs, path::Path};

use paystream_channel::{
    ChannelTerms, ContentId, Funding, Network, Payment, TermsFields,
    bitcoin::{Amount, FeeRate, ScriptBuf, consensus::encode::serialize_hex},
    closing_transaction, complete_closing, due_paid, max_paid, refund_fee, refund_transaction,
    session_digest, sign_session_start, split, viewer_limit,
};
use serde_json::{Value, json};

use crate::fixture::{
    fields, funding, output, p2pkh, p2sh, p2tr, p2wpkh, p2wsh, provider_secret, terms, terms_with,
    viewer_secret,
};

fn check(name: &str, vectors: Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(format!("{name}.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(&vectors).unwrap());
    if env::var_os("UPDATE_VECTORS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(committed, text, "{} has drifted", path.display());
}

fn hex_of(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn several_terms() -> Vec<(&'static str, ChannelTerms)> {
    let mut cases = vec![
        ("a creator with nine tenths on regtest", terms()),
        (
            "one payee on the main network",
            terms_with(|fields| {
                fields.network = Network::Bitcoin;
                fields.creator_share_bps = 0;
                fields.creator_script = ScriptBuf::new();
                fields.expiry_height = 900_000;
            }),
        ),
        (
            "the whole to the creator, taproot change, on testnet4",
            terms_with(|fields| {
                fields.network = Network::Testnet4;
                fields.creator_share_bps = 10_000;
                fields.creator_script = p2tr(0x44);
                fields.change_script = p2tr(0x45);
                fields.expiry_height = 32_768;
            }),
        ),
        (
            "legacy payees on signet, the largest numbers",
            terms_with(|fields| {
                fields.network = Network::Signet;
                fields.creator_script = p2pkh(0xc1);
                fields.provider_script = p2sh(0xb1);
                fields.change_script = p2wsh(0xa1);
                fields.expiry_height = 499_999_999;
                fields.msat_per_second = u64::MAX;
                fields.fee = Amount::from_sat(210_000_000_000_000);
            }),
        ),
    ];
    for height in [16, 17, 128, 256] {
        cases.push((
            "a height where the push changes its form",
            terms_with(|fields| fields.expiry_height = height),
        ));
    }
    cases
}

#[test]
fn terms_give_the_id_script_address_and_descriptor_of_the_vectors() {
    let vectors: Vec<_> = several_terms()
        .into_iter()
        .map(|(name, terms)| {
            json!({
                "name": name,
                "terms": terms,
                "canonical_bytes": hex_of(&terms.canonical_bytes()),
                "channel_id": terms.channel_id(),
                "witness_script": terms.witness_script().to_hex_string(),
                "script_pubkey": terms.funding_script().to_hex_string(),
                "address": terms.address().to_string(),
                "descriptor": terms.descriptor(),
                "payment_link": terms.payment_link(Amount::from_sat(123_450), "Paystream: a (first) stream & more"),
            })
        })
        .collect();
    check("terms", vectors.into());
}

#[test]
fn terms_are_refused_as_in_the_vectors() {
    type Flaw = (&'static str, fn(&mut TermsFields));
    let cases: [Flaw; 13] = [
        ("one key for both sides", |fields| {
            fields.viewer_key = fields.provider_key
        }),
        ("no height", |fields| fields.expiry_height = 0),
        ("a time for a height", |fields| {
            fields.expiry_height = 500_000_000
        }),
        ("no fee", |fields| fields.fee = Amount::ZERO),
        ("a fee beyond reason", |fields| {
            fields.fee = Amount::from_sat(210_000_000_000_001)
        }),
        ("no price", |fields| fields.msat_per_second = 0),
        ("a share above the whole", |fields| {
            fields.creator_share_bps = 10_001
        }),
        ("a script without a share", |fields| {
            fields.creator_share_bps = 0
        }),
        ("a share without a script", |fields| {
            fields.creator_script = ScriptBuf::new()
        }),
        ("one script for both payees", |fields| {
            fields.creator_script = fields.provider_script.clone()
        }),
        ("a creator's script that pays nobody", |fields| {
            fields.creator_script = ScriptBuf::new_op_return([1])
        }),
        ("a provider without a script", |fields| {
            fields.provider_script = ScriptBuf::new()
        }),
        ("change to a legacy script", |fields| {
            fields.change_script = p2pkh(1)
        }),
    ];
    let vectors: Vec<_> = cases
        .into_iter()
        .map(|(name, change)| {
            let mut fields = fields();
            change(&mut fields);
            json!({ "name": name, "terms": fields, "code": ChannelTerms::new(fields.clone()).unwrap_err().code() })
        })
        .collect();
    check("terms_refused", vectors.into());
}

#[test]
fn amounts_are_split_as_in_the_vectors() {
    let with = |share: u16, creator: ScriptBuf, provider: ScriptBuf| {
        terms_with(|fields| {
            fields.creator_share_bps = share;
            fields.creator_script = if share == 0 {
                ScriptBuf::new()
            } else {
                creator
            };
            fields.provider_script = provider;
        })
    };
    let capacity = Amount::from_sat(100_000);
    let max = 100_000 - 316 - 294;
    let cases = [
        (
            "nine tenths to the creator",
            with(9_000, p2wpkh(1), p2wpkh(2)),
            vec![1, 293, 294, 326, 327, 2_929, 2_930, 2_940, 50_001, max],
        ),
        (
            "half each, P2WPKH",
            with(5_000, p2wpkh(1), p2wpkh(2)),
            vec![293, 294, 586, 587, 588, 589],
        ),
        (
            "a tenth to the creator",
            with(1_000, p2wpkh(1), p2wpkh(2)),
            vec![326, 327, 2_930, 2_931, 2_940],
        ),
        (
            "half each, the provider's P2PKH",
            with(5_000, p2wpkh(1), p2pkh(2)),
            vec![400, 545, 546, 586, 587, 1_091, 1_092],
        ),
        (
            "half each, the creator's P2PKH",
            with(5_000, p2pkh(1), p2wpkh(2)),
            vec![293, 294, 586, 587, 588, 1_090, 1_091],
        ),
        (
            "the whole to the creator",
            with(10_000, p2tr(1), p2wpkh(2)),
            vec![293, 294, 329, 330, 10_000],
        ),
        (
            "one payee",
            with(0, p2wpkh(1), p2sh(2)),
            vec![539, 540, 541, max],
        ),
        (
            "one part in ten thousand",
            with(1, p2wpkh(1), p2wpkh(2)),
            vec![1, 294, 99_000, max],
        ),
    ];
    let vectors: Vec<_> = cases
        .into_iter()
        .map(|(name, terms, amounts)| {
            let rows: Vec<_> = amounts
                .into_iter()
                .map(|paid| {
                    let payouts = split(&terms, capacity, Amount::from_sat(paid)).unwrap();
                    json!({
                        "paid_sat": paid.to_string(),
                        "provider_sat": payouts.provider.to_sat().to_string(),
                        "creator_sat": payouts.creator.to_sat().to_string(),
                        "change_sat": payouts.change.to_sat().to_string(),
                    })
                })
                .collect();
            let most = max_paid(&terms, capacity);
            let refused: Vec<_> = [Amount::ZERO, most + Amount::ONE_SAT, Amount::MAX_MONEY]
                .into_iter()
                .map(|paid| json!({ "paid_sat": paid.to_sat().to_string(), "code": split(&terms, capacity, paid).unwrap_err().code() }))
                .collect();
            json!({
                "name": name, "terms": terms, "capacity_sat": capacity.to_sat().to_string(), "max_paid_sat": most.to_sat().to_string(),
                "rows": rows, "refused": refused,
            })
        })
        .collect();
    check("split", vectors.into());
}

fn several_fundings() -> Vec<(&'static str, ChannelTerms, Funding)> {
    let two = Funding::new(vec![output(0xf2, 0, 60_000), output(0xf1, 300, 40_000)]).unwrap();
    let mut cases = vec![("two funding outputs", terms(), two)];
    cases.extend(
        several_terms()
            .into_iter()
            .take(3)
            .map(|(name, terms)| (name, terms, funding(100_000))),
    );
    cases
}

#[test]
fn payments_and_closing_transactions_are_those_of_the_vectors() {
    let mut vectors = Vec::new();
    for (name, terms, funding) in several_fundings() {
        for (sequence, paid) in [(1, 20), (2, 400), (7, 45_678)] {
            let paid = Amount::from_sat(paid);
            let unsigned = closing_transaction(&terms, &funding, paid).unwrap();
            let payment =
                Payment::sign(&terms, &funding, sequence, paid, &viewer_secret()).unwrap();
            let closing =
                complete_closing(&terms, &funding, &payment, &provider_secret(), &[]).unwrap();
            vectors.push(json!({
                "name": name,
                "viewer_secret": hex_of(&viewer_secret().secret_bytes()),
                "provider_secret": hex_of(&provider_secret().secret_bytes()),
                "terms": terms,
                "funding": funding,
                "unsigned": serialize_hex(unsigned.transaction()),
                "digests": unsigned.viewer_digests(&terms).iter().map(|digest| hex_of(digest)).collect::<Vec<_>>(),
                "payment": payment,
                "closing": serialize_hex(&closing),
                "closing_txid": closing.compute_txid(),
            }));
        }
    }
    check("payments", vectors.into());
}

#[test]
fn refunds_are_those_of_the_vectors() {
    let vectors: Vec<_> = several_fundings()
        .into_iter()
        .map(|(name, terms, funding)| {
            let rate = FeeRate::from_sat_per_kwu(375);
            let fee = refund_fee(&terms, &funding, rate).unwrap();
            let refund = refund_transaction(&terms, &funding, fee)
                .unwrap()
                .sign(&terms, &viewer_secret())
                .unwrap();
            json!({
                "name": name,
                "viewer_secret": hex_of(&viewer_secret().secret_bytes()),
                "terms": terms,
                "funding": funding,
                "msat_per_vbyte": "1500",
                "fee_sat": fee.to_sat().to_string(),
                "refund": serialize_hex(&refund),
                "refund_txid": refund.compute_txid(),
            })
        })
        .collect();
    check("refunds", vectors.into());
}

#[test]
fn session_starts_are_signed_as_in_the_vectors() {
    let vectors: Vec<_> = [[0; 32], [0x5a; 32], [0xff; 32]]
        .into_iter()
        .map(|nonce| {
            let (channel_id, content_id) = (terms().channel_id(), ContentId([0xc0; 32]));
            json!({
                "nonce": hex_of(&nonce),
                "channel_id": channel_id,
                "content_id": content_id,
                "viewer_secret": hex_of(&viewer_secret().secret_bytes()),
                "digest": hex_of(&session_digest(&nonce, channel_id, content_id)),
                "signature": sign_session_start(&nonce, channel_id, content_id, &viewer_secret()),
            })
        })
        .collect();
    check("sessions", vectors.into());
}

#[test]
fn dues_are_those_of_the_vectors() {
    let mut vectors = Vec::new();
    for (base, ms, credit, rate) in [
        (0, 0, 0, 20_000),
        (0, 1, 0, 1),
        (0, 1_000, 0, 20_000),
        (20, 2_000, 0, 20_000),
        (140, 3_000, 750, 20_000),
        (140, 500, 750, 20_000),
        (7, 1_001, 0, 999),
        (1_000_000, 86_400_000, 12, 123_456_789),
    ] {
        let base_amount = Amount::from_sat(base);
        vectors.push(json!({
            "base_sat": base.to_string(), "ms": ms, "credit_ms": credit, "tick_ms": 1_000, "msat_per_second": rate.to_string(),
            "due_sat": due_paid(base_amount, ms, credit, rate).unwrap().to_sat().to_string(),
            "limit_sat": viewer_limit(base_amount, ms, 1_000, rate).unwrap().to_sat().to_string(),
        }));
    }
    check("dues", vectors.into());
}
