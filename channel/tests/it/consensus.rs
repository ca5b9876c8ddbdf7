//! The transactions before Bitcoin Core's own consensus code.

use bitcoinkernel as kernel;
use paystream_channel::{
    ChannelTerms, CompactSignature, Payment,
    bitcoin::{
        Amount, EcdsaSighashType, OutPoint, Sequence, Transaction, TxOut, Txid, Witness,
        absolute::LockTime, consensus::serialize, ecdsa, hashes::Hash, secp256k1::SecretKey,
        sighash::SighashCache,
    },
    complete_closing, refund_transaction,
};

use crate::fixture::{funding, output, provider_secret, secret, terms, terms_with, viewer_secret};

const CAPACITY: u64 = 100_000;

/// Verifies each input that spends the channel; `extra` are the outputs that other inputs spend.
fn verify(
    terms: &ChannelTerms,
    transaction: &Transaction,
    values: &[u64],
    extra: &[TxOut],
) -> Result<(), kernel::KernelError> {
    let channel = values.iter().map(|sat| TxOut {
        value: Amount::from_sat(*sat),
        script_pubkey: terms.funding_script(),
    });
    let spent: Vec<kernel::TxOut> = channel
        .chain(extra.iter().cloned())
        .map(|output| {
            kernel::TxOut::new(
                &kernel::ScriptPubkey::new(output.script_pubkey.as_bytes()).unwrap(),
                output.value.to_sat() as i64,
            )
        })
        .collect();
    let transaction = kernel::Transaction::new(&serialize(transaction)).unwrap();
    let data = kernel::PrecomputedTransactionData::new(&transaction, &spent).unwrap();
    let script = kernel::ScriptPubkey::new(terms.funding_script().as_bytes()).unwrap();
    for (index, sat) in values.iter().enumerate() {
        kernel::verify(
            &script,
            Some(*sat as i64),
            &transaction,
            index,
            Some(kernel::VERIFY_ALL),
            &data,
        )?;
    }
    Ok(())
}

fn closing(terms: &ChannelTerms) -> Transaction {
    let funding = funding(CAPACITY);
    let payment = Payment::sign(
        terms,
        &funding,
        1,
        Amount::from_sat(10_000),
        &viewer_secret(),
    )
    .unwrap();
    complete_closing(terms, &funding, &payment, &provider_secret(), &[]).unwrap()
}

fn sign(
    terms: &ChannelTerms,
    transaction: &Transaction,
    key: &SecretKey,
    sighash_type: EcdsaSighashType,
) -> Vec<u8> {
    let digest = SighashCache::new(transaction)
        .p2wsh_signature_hash(
            0,
            &terms.witness_script(),
            Amount::from_sat(CAPACITY),
            sighash_type,
        )
        .unwrap()
        .to_byte_array();
    let signature = ecdsa::Signature {
        signature: paystream_channel::bitcoin::secp256k1::ecdsa::Signature::from_compact(
            &CompactSignature::sign(digest, key).0,
        )
        .unwrap(),
        sighash_type,
    };
    signature.to_vec()
}

#[test]
fn a_closing_transaction_is_valid() {
    assert!(verify(&terms(), &closing(&terms()), &[CAPACITY], &[]).is_ok());
}

#[test]
fn a_closing_transaction_of_several_outputs_is_valid() {
    let terms = terms();
    let funding =
        paystream_channel::Funding::new(vec![output(2, 0, 60_000), output(1, 1, 40_000)]).unwrap();
    let payment = Payment::sign(
        &terms,
        &funding,
        1,
        Amount::from_sat(70_000),
        &viewer_secret(),
    )
    .unwrap();
    let transaction =
        complete_closing(&terms, &funding, &payment, &provider_secret(), &[]).unwrap();
    assert!(verify(&terms, &transaction, &[40_000, 60_000], &[]).is_ok());
    assert!(verify(&terms, &transaction, &[60_000, 40_000], &[]).is_err());
}

#[test]
fn the_provider_may_add_an_input_for_a_higher_fee() {
    let (terms, funding) = (terms(), funding(CAPACITY));
    let payment = Payment::sign(
        &terms,
        &funding,
        1,
        Amount::from_sat(10_000),
        &viewer_secret(),
    )
    .unwrap();
    let outpoint = OutPoint {
        txid: Txid::from_byte_array([7; 32]),
        vout: 3,
    };
    let transaction =
        complete_closing(&terms, &funding, &payment, &provider_secret(), &[outpoint]).unwrap();
    assert_eq!(transaction.input.len(), 2);
    let spent = TxOut {
        value: Amount::from_sat(5_000),
        script_pubkey: terms.provider_script.clone(),
    };
    assert!(
        verify(
            &terms,
            &transaction,
            &[CAPACITY],
            std::slice::from_ref(&spent)
        )
        .is_ok()
    );
    // Nobody else may: the provider's signature covers the list of inputs.
    let mut longer = closing(&terms);
    longer.input.push(transaction.input[1].clone());
    assert!(verify(&terms, &longer, &[CAPACITY], &[spent]).is_err());
}

#[test]
fn any_change_of_an_output_is_invalid_even_with_the_providers_new_signature() {
    let terms = terms();
    let signed = closing(&terms);
    let viewer = signed.input[0].witness.nth(1).unwrap().to_vec();
    let changes: [fn(&mut Transaction); 5] = [
        |transaction| transaction.output[0].value += Amount::ONE_SAT,
        |transaction| transaction.output[2].value -= Amount::ONE_SAT,
        |transaction| transaction.output.swap(0, 1),
        |transaction| drop(transaction.output.remove(1)),
        |transaction| {
            transaction.output[1].script_pubkey = transaction.output[0].script_pubkey.clone()
        },
    ];
    for change in changes {
        let mut transaction = signed.clone();
        change(&mut transaction);
        let provider = sign(
            &terms,
            &transaction,
            &provider_secret(),
            EcdsaSighashType::All,
        );
        transaction.input[0].witness =
            Witness::from_slice(&[provider, viewer.clone(), terms.witness_script().to_bytes()]);
        assert!(verify(&terms, &transaction, &[CAPACITY], &[]).is_err());
    }
}

#[test]
fn neither_side_spends_alone_before_the_expiry() {
    let terms = terms();
    let mut transaction = closing(&terms);
    let script = terms.witness_script().to_bytes();
    let viewer = sign(
        &terms,
        &transaction,
        &viewer_secret(),
        EcdsaSighashType::All,
    );
    let provider = sign(
        &terms,
        &transaction,
        &provider_secret(),
        EcdsaSighashType::All,
    );
    let stranger = sign(&terms, &transaction, &secret(0x33), EcdsaSighashType::All);
    for pair in [
        [provider.clone(), Vec::new()],
        [provider.clone(), provider.clone()],
        [provider.clone(), stranger.clone()],
        [Vec::new(), viewer.clone()],
        [viewer.clone(), viewer.clone()],
        [stranger, viewer.clone()],
        [viewer.clone(), provider.clone()],
    ] {
        transaction.input[0].witness = Witness::from_slice(&[&pair[0], &pair[1], &script]);
        assert!(verify(&terms, &transaction, &[CAPACITY], &[]).is_err());
    }
    transaction.input[0].witness = Witness::from_slice(&[&provider, &viewer, &script]);
    assert!(
        verify(&terms, &transaction, &[CAPACITY], &[]).is_ok(),
        "both together may"
    );
}

#[test]
fn a_refund_is_valid_by_its_lock_time_and_by_none_lower() {
    for height in [1, 17, 388, 40_000, 900_000] {
        let terms = terms_with(|fields| fields.expiry_height = height);
        let refund = refund_transaction(&terms, &funding(CAPACITY), Amount::from_sat(300))
            .unwrap()
            .sign(&terms, &viewer_secret())
            .unwrap();
        assert!(verify(&terms, &refund, &[CAPACITY], &[]).is_ok());
        let with = |change: fn(&mut Transaction, u32)| {
            let mut early = refund.clone();
            change(&mut early, height);
            let viewer = sign(&terms, &early, &viewer_secret(), EcdsaSighashType::All);
            early.input[0].witness =
                Witness::from_slice(&[Vec::new(), viewer, terms.witness_script().to_bytes()]);
            verify(&terms, &early, &[CAPACITY], &[])
        };
        assert!(
            with(|refund, height| refund.lock_time = LockTime::from_consensus(height + 1)).is_ok()
        );
        assert!(
            with(|refund, height| refund.lock_time = LockTime::from_consensus(height - 1)).is_err()
        );
        assert!(
            with(|refund, _| refund.lock_time = LockTime::from_consensus(1_700_000_000)).is_err()
        );
        assert!(with(|refund, _| refund.input[0].sequence = Sequence::MAX).is_err());
    }
}

#[test]
fn nobody_but_the_viewer_refunds() {
    let terms = terms();
    let mut refund = refund_transaction(&terms, &funding(CAPACITY), Amount::from_sat(300))
        .unwrap()
        .sign(&terms, &viewer_secret())
        .unwrap();
    let provider = sign(&terms, &refund, &provider_secret(), EcdsaSighashType::All);
    refund.input[0].witness =
        Witness::from_slice(&[Vec::new(), provider, terms.witness_script().to_bytes()]);
    assert!(verify(&terms, &refund, &[CAPACITY], &[]).is_err());
    let unsigned = refund_transaction(&terms, &funding(CAPACITY), Amount::from_sat(300)).unwrap();
    assert_eq!(
        unsigned
            .sign(&terms, &provider_secret())
            .unwrap_err()
            .code(),
        "bad_signature"
    );
}

#[test]
fn no_closing_transaction_is_larger_than_its_fee_was_computed_for() {
    let terms = terms();
    let funding = funding(CAPACITY);
    let most = paystream_channel::closing_max_vsize(
        terms.expiry_height,
        &terms.creator_script,
        &terms.provider_script,
    );
    for sat in (5_000..6_000).step_by(10) {
        let payment =
            Payment::sign(&terms, &funding, 1, Amount::from_sat(sat), &viewer_secret()).unwrap();
        let size = complete_closing(&terms, &funding, &payment, &provider_secret(), &[])
            .unwrap()
            .vsize() as u64;
        // The change here is P2WPKH, twelve bytes shorter than the longest; signatures vary by a few bytes of weight.
        assert!(
            size + 12 <= most && size + 12 + 2 >= most,
            "{size} of {most}"
        );
    }
}
