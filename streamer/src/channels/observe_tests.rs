use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use bitcoin::{Amount, ScriptBuf, Transaction, Txid, absolute, transaction};
use paystream_channel::{
    ChannelTerms, ContentId, Funding, FundingOutput, Network, Payment, TermsFields,
};

use std::time::Duration;

use super::*;
use crate::channels::channel::Channel;
use crate::channels::record::Finished;
use crate::channels::retention::{is_finished, may_be_forgotten};

fn key(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}

fn public(byte: u8) -> PublicKey {
    PublicKey::from_secret_key(&Secp256k1::new(), &key(byte))
}

fn script(byte: u8) -> ScriptBuf {
    ScriptBuf::from_bytes([&[0, 20][..], &[byte; 20]].concat())
}

fn funding() -> Funding {
    let txid = Txid::from_byte_array([9; 32]);
    let value = Amount::from_sat(100_000);
    Funding::new(vec![FundingOutput {
        txid,
        vout: 0,
        value,
    }])
    .unwrap()
}

fn closing() -> Transaction {
    Transaction {
        version: transaction::Version(3),
        lock_time: absolute::LockTime::ZERO,
        input: vec![bitcoin::TxIn::default()],
        output: vec![],
    }
}

fn record(stage: Stage, paid: bool) -> Record {
    let terms = ChannelTerms::new(TermsFields {
        network: Network::Regtest,
        content_id: ContentId([1; 32]),
        viewer_key: public(1),
        provider_key: public(2),
        expiry_height: 388,
        fee: Amount::from_sat(316),
        msat_per_second: 20_000,
        creator_share_bps: 0,
        creator_script: ScriptBuf::new(),
        provider_script: script(1),
        change_script: script(2),
    })
    .unwrap();
    let payment = paid
        .then(|| Payment::sign(&terms, &funding(), 1, Amount::from_sat(1000), &key(1)).unwrap());
    Record {
        id: terms.channel_id(),
        key_index: 0,
        terms,
        stage,
        payment,
        credit_ms: 0,
        preview_used_ms: 0,
        created_at: 0,
        finished: None,
    }
}

fn stages() -> [Stage; 6] {
    let (funding, transaction) = (funding(), closing());
    [
        Stage::AwaitingFunding,
        Stage::Funded {
            funding: funding.clone(),
            confirmations: 1,
        },
        Stage::Ended {
            funding: funding.clone(),
        },
        Stage::Closing {
            funding: funding.clone(),
            transaction: transaction.clone(),
        },
        Stage::Closed {
            funding: funding.clone(),
            transaction,
            confirmations: 1,
        },
        Stage::Lost { funding },
    ]
}

fn unspent(confirmations: u32) -> Option<Output> {
    Some(Output {
        value: Amount::from_sat(100_000),
        script: ScriptBuf::new(),
        confirmations,
    })
}

/// What each stage becomes, with a payment held, for what the node shows.
#[test]
fn every_stage_answers_to_what_the_node_shows() {
    let seen = [
        (unspent(1), Place::Unknown),
        (unspent(0), Place::Unknown),
        (None, Place::Unknown),
        (None, Place::Mempool),
        (None, Place::Chain(1)),
    ];
    let expected = [
        ["stay", "stay", "stay", "stay", "stay"],
        ["stay", "funded", "lost", "lost", "lost"],
        ["stay", "stay", "lost", "lost", "lost"],
        ["broadcast", "broadcast", "lost", "stay", "closed"],
        ["closing", "closing", "closing", "closing", "stay"],
        ["close", "stay", "stay", "stay", "stay"],
    ];
    for (stage, row) in stages().into_iter().zip(expected) {
        for ((output, closing), expected) in seen.iter().zip(row) {
            let observation = Observation {
                output: output.clone(),
                closing: *closing,
            };
            let action = observe(&record(stage.clone(), true), &observation);
            assert_eq!(name(&action), expected, "{stage:?} and {observation:?}");
        }
    }
}

#[test]
fn without_a_payment_an_output_that_is_back_changes_nothing() {
    let seen = Observation {
        output: unspent(1),
        closing: Place::Unknown,
    };
    let lost = Stage::Lost { funding: funding() };
    assert_eq!(observe(&record(lost, false), &seen), Action::Stay);
}

#[test]
fn every_record_survives_the_journals_json() {
    for stage in stages() {
        let json = serde_json::to_string(&stage).unwrap();
        assert_eq!(serde_json::from_str::<Stage>(&json).unwrap(), stage);
    }
}

fn name(action: &Action) -> &'static str {
    match action {
        Action::Stay => "stay",
        Action::Broadcast => "broadcast",
        Action::Close => "close",
        Action::Move(Stage::AwaitingFunding) => "awaiting",
        Action::Move(Stage::Funded { .. }) => "funded",
        Action::Move(Stage::Ended { .. }) => "ended",
        Action::Move(Stage::Closing { .. }) => "closing",
        Action::Move(Stage::Closed { .. }) => "closed",
        Action::Move(Stage::Lost { .. }) => "lost",
    }
}

#[test]
fn a_channel_is_finished_when_nothing_more_can_come_of_it() {
    let (closed, lost) = (
        |confirmations| Stage::Closed {
            funding: funding(),
            transaction: closing(),
            confirmations,
        },
        || Stage::Lost { funding: funding() },
    );
    let funded = Stage::Funded {
        funding: funding(),
        confirmations: 500,
    };
    let under_way = Stage::Closing {
        funding: funding(),
        transaction: closing(),
    };
    let ended = || Stage::Ended { funding: funding() };
    for (stage, paid, tip, finished) in [
        (Stage::AwaitingFunding, false, 9999, false),
        (funded, true, 9999, false),
        (under_way, true, 9999, false),
        (ended(), false, 388, false),
        (ended(), false, 389, true),
        (closed(SETTLED - 1), true, 300, false),
        (closed(SETTLED), true, 300, true),
        (lost(), false, 300, true),
        (lost(), true, 388, false),
        (lost(), true, 389, true),
    ] {
        let case = format!("{stage:?}, paid {paid}, tip {tip}");
        assert_eq!(is_finished(&record(stage, paid), tip), finished, "{case}");
    }
}

#[test]
fn a_finished_channel_is_kept_for_its_time_and_until_it_is_buried() {
    let finished = Finished {
        at: 1000,
        height: 300,
    };
    let day = Duration::from_secs(86_400);
    for (now, tip, keep, forgotten) in [
        (1000, 399, Duration::ZERO, false),
        (1000, 400, Duration::ZERO, true),
        (1000 + 86_399, 9999, day, false),
        (1000 + 86_400, 399, day, false),
        (1000 + 86_400, 400, day, true),
        (0, 9999, day, false),
        (i64::MAX, u32::MAX, Duration::MAX, false),
    ] {
        assert_eq!(
            may_be_forgotten(finished, now, tip, keep),
            forgotten,
            "at {now}, tip {tip}, kept for {keep:?}"
        );
    }
}

#[test]
fn what_the_next_look_finds_again_is_no_news() {
    let channel = Channel::new(record(Stage::AwaitingFunding, false), None);
    assert!(channel.is_news("broadcast", "refused"));
    assert!(!channel.is_news("broadcast", "refused"));
    assert!(channel.is_news("expiry", "refused"));
    assert!(channel.is_news("broadcast", "no answer"));
    assert!(channel.is_news("broadcast", "refused"));
}
