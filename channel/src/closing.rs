use bitcoin::{
    Amount, EcdsaSighashType, FeeRate, OutPoint, Script, Sequence, Transaction, TxIn, TxOut,
    Witness, absolute::LockTime, hashes::Hash, secp256k1::SecretKey, sighash::SighashCache,
    transaction::Version,
};

use crate::{
    error::ChannelError,
    funding::Funding,
    payment::Payment,
    signature::CompactSignature,
    split::{Payouts, split},
    terms::ChannelTerms,
};

/// The viewer binds all outputs and leaves inputs open (0x81).
const VIEWER_SIGHASH: EcdsaSighashType = EcdsaSighashType::AllPlusAnyoneCanPay;
/// The provider binds everything, so that nobody changes what it broadcasts.
const PROVIDER_SIGHASH: EcdsaSighashType = EcdsaSighashType::All;
/// Replaceable, and no relative lock.
const CLOSING_SEQUENCE: Sequence = Sequence(0xffff_fffd);
/// A DER signature with low `s` has at most 71 bytes, and the sighash byte follows.
pub(crate) const MAX_SIGNATURE_LEN: u64 = 72;
/// The longest standard script (P2WSH and P2TR).
const MAX_SCRIPT_LEN: u64 = 34;

/// The transaction that a payment of `paid` stands for, without signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosingTransaction {
    transaction: Transaction,
    payouts: Payouts,
    prevouts: Vec<TxOut>,
}

/// Builds the closing transaction (section 4.1) for the cumulative amount `paid`.
///
/// # Errors
/// `AmountNotRising` for zero, `AmountExceedsCapacity` over the bound of section 4.2.
pub fn closing_transaction(
    terms: &ChannelTerms,
    funding: &Funding,
    paid: Amount,
) -> Result<ClosingTransaction, ChannelError> {
    let payouts = split(terms, funding.capacity(), paid)?;
    let outputs = [
        (payouts.provider, &terms.provider_script),
        (payouts.creator, &terms.creator_script),
        (payouts.change, &terms.change_script),
    ];
    let transaction = Transaction {
        version: Version(3),
        lock_time: LockTime::ZERO,
        input: funding
            .outputs()
            .iter()
            .map(|output| unsigned_input(output.outpoint(), CLOSING_SEQUENCE))
            .collect(),
        output: outputs
            .into_iter()
            .filter(|(value, _)| *value > Amount::ZERO)
            .map(|(value, script)| TxOut {
                value,
                script_pubkey: script.clone(),
            })
            .collect(),
    };
    Ok(ClosingTransaction {
        transaction,
        payouts,
        prevouts: funding.prevouts(&terms.funding_script()),
    })
}

impl ClosingTransaction {
    /// The transaction, unsigned.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What it pays to whom.
    #[must_use]
    pub fn payouts(&self) -> Payouts {
        self.payouts
    }

    /// The funding outputs that it spends, input by input.
    #[must_use]
    pub fn prevouts(&self) -> &[TxOut] {
        &self.prevouts
    }

    /// What the viewer signs for each input: BIP 143, `SIGHASH_ALL|SIGHASH_ANYONECANPAY`.
    #[must_use]
    pub fn viewer_digests(&self, terms: &ChannelTerms) -> Vec<[u8; 32]> {
        digests(
            &self.transaction,
            &self.prevouts,
            &terms.witness_script(),
            VIEWER_SIGHASH,
        )
    }
}

/// Completes the closing transaction of a payment with the provider's signatures, ready to broadcast.
///
/// `fee_inputs` raise the fee: they are appended after the funding's inputs and come back without a witness, for the provider's wallet to
/// sign. All of their value goes to the miners, since the outputs are bound.
///
/// # Errors
/// As [`Payment::verify`], and `BadSignature` when `provider_secret` is not the key of the terms.
pub fn complete_closing(
    terms: &ChannelTerms,
    funding: &Funding,
    payment: &Payment,
    provider_secret: &SecretKey,
    fee_inputs: &[OutPoint],
) -> Result<Transaction, ChannelError> {
    let closing = payment.verify(terms, funding)?;
    let mut transaction = closing.transaction;
    transaction.input.extend(
        fee_inputs
            .iter()
            .map(|input| unsigned_input(*input, CLOSING_SEQUENCE)),
    );
    let script = terms.witness_script();
    let digests = digests(&transaction, &closing.prevouts, &script, PROVIDER_SIGHASH);
    for (index, digest) in digests.into_iter().enumerate() {
        let provider = CompactSignature::sign(digest, provider_secret);
        if !provider.verifies(digest, &terms.provider_key) {
            return Err(ChannelError::BadSignature { index });
        }
        let viewer = witness_signature(&payment.signatures[index], VIEWER_SIGHASH)
            .ok_or(ChannelError::BadSignature { index })?;
        let provider = witness_signature(&provider, PROVIDER_SIGHASH)
            .ok_or(ChannelError::BadSignature { index })?;
        transaction.input[index].witness =
            Witness::from_slice(&[provider, viewer, script.to_bytes()]);
    }
    Ok(transaction)
}

/// The most virtual bytes that a closing transaction of one funding output can have, with all three outputs and the longest change script.
///
/// Needs no channel: a provider prices an offer with it. `creator_script` is empty when there is one payee.
#[must_use]
pub fn closing_max_vsize(
    expiry_height: u32,
    creator_script: &Script,
    provider_script: &Script,
) -> u64 {
    let creator_output = if creator_script.is_empty() {
        0
    } else {
        output_size(creator_script.len() as u64)
    };
    let outputs =
        output_size(provider_script.len() as u64) + creator_output + output_size(MAX_SCRIPT_LEN);
    let script = witness_script_len(expiry_height);
    let witness = 1 + 2 * (1 + MAX_SIGNATURE_LEN) + 1 + script;
    max_vsize(outputs, witness)
}

/// The closing fee at a fee rate, rounded up.
///
/// # Errors
/// `Overflow` for a fee rate beyond all money.
pub fn closing_fee(
    expiry_height: u32,
    creator_script: &Script,
    provider_script: &Script,
    rate: FeeRate,
) -> Result<Amount, ChannelError> {
    fee_for(
        closing_max_vsize(expiry_height, creator_script, provider_script),
        rate,
    )
}

pub(crate) fn unsigned_input(previous_output: OutPoint, sequence: Sequence) -> TxIn {
    TxIn {
        previous_output,
        sequence,
        ..TxIn::default()
    }
}

pub(crate) fn digests(
    transaction: &Transaction,
    prevouts: &[TxOut],
    script: &Script,
    sighash: EcdsaSighashType,
) -> Vec<[u8; 32]> {
    let mut cache = SighashCache::new(transaction);
    prevouts
        .iter()
        .enumerate()
        .map(|(index, prevout)| {
            cache
                .p2wsh_signature_hash(index, script, prevout.value, sighash)
                .expect("there is an input for each funding output")
                .to_byte_array()
        })
        .collect()
}

/// DER with the sighash byte, as a witness carries it.
pub(crate) fn witness_signature(
    signature: &CompactSignature,
    sighash_type: EcdsaSighashType,
) -> Option<Vec<u8>> {
    Some(
        bitcoin::ecdsa::Signature {
            signature: signature.to_ecdsa()?,
            sighash_type,
        }
        .to_vec(),
    )
}

/// Virtual size of a transaction of one input, by the sizes of its outputs and of the input's witness.
pub(crate) fn max_vsize(outputs: u64, witness: u64) -> u64 {
    const VERSION_AND_LOCK_TIME: u64 = 8;
    const COUNTS: u64 = 2;
    const INPUT: u64 = 41;
    const MARKER_AND_FLAG: u64 = 2;
    (4 * (VERSION_AND_LOCK_TIME + COUNTS + INPUT + outputs) + MARKER_AND_FLAG + witness).div_ceil(4)
}

pub(crate) fn output_size(script_len: u64) -> u64 {
    8 + 1 + script_len
}

/// Two keys and six opcodes, and the height with its push.
pub(crate) fn witness_script_len(expiry_height: u32) -> u64 {
    let push = bitcoin::script::Builder::new()
        .push_int(i64::from(expiry_height))
        .into_script();
    2 * 34 + 6 + push.len() as u64
}

pub(crate) fn fee_for(vsize: u64, rate: FeeRate) -> Result<Amount, ChannelError> {
    let sat = (u128::from(rate.to_sat_per_kwu()) * u128::from(vsize) * 4).div_ceil(1000);
    u64::try_from(sat)
        .ok()
        .map(Amount::from_sat)
        .filter(|fee| *fee <= Amount::MAX_MONEY)
        .ok_or(ChannelError::Overflow)
}
