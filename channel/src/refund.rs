use bitcoin::{
    Amount, EcdsaSighashType, FeeRate, Script, Sequence, Transaction, TxOut, Witness,
    absolute::LockTime, secp256k1::SecretKey, transaction::Version,
};

use crate::{
    closing::{
        MAX_SIGNATURE_LEN, digests, fee_for, output_size, unsigned_input, witness_script_len,
        witness_signature,
    },
    error::ChannelError,
    funding::Funding,
    signature::CompactSignature,
    split::dust_limit,
    terms::ChannelTerms,
};

/// Lets nLockTime count, and is not replaceable.
const REFUND_SEQUENCE: Sequence = Sequence(0xffff_fffe);

/// The viewer's way out when the provider is gone (section 6): spends the whole funding to `change_script` from the expiry height on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundTransaction {
    transaction: Transaction,
    digests: Vec<[u8; 32]>,
}

/// Builds the refund, unsigned.
///
/// A node takes it once its tip has reached `H`; a block can contain it from height `H + 1` on.
///
/// # Errors
/// `FeeTooHigh` when less than the dust limit would be left.
pub fn refund_transaction(
    terms: &ChannelTerms,
    funding: &Funding,
    fee: Amount,
) -> Result<RefundTransaction, ChannelError> {
    let value = funding.capacity().checked_sub(fee).unwrap_or(Amount::ZERO);
    let dust = dust_limit(&terms.change_script);
    if value < dust {
        return Err(ChannelError::FeeTooHigh { fee, value, dust });
    }
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::from_height(terms.expiry_height).expect("terms hold a height"),
        input: funding
            .outputs()
            .iter()
            .map(|output| unsigned_input(output.outpoint(), REFUND_SEQUENCE))
            .collect(),
        output: vec![TxOut {
            value,
            script_pubkey: terms.change_script.clone(),
        }],
    };
    let prevouts = funding.prevouts(&terms.funding_script());
    let digests = digests(
        &transaction,
        &prevouts,
        &terms.witness_script(),
        EcdsaSighashType::All,
    );
    Ok(RefundTransaction {
        transaction,
        digests,
    })
}

/// The fee of a refund at a fee rate, rounded up.
///
/// # Errors
/// `Overflow` for a fee rate beyond all money.
pub fn refund_fee(
    terms: &ChannelTerms,
    funding: &Funding,
    rate: FeeRate,
) -> Result<Amount, ChannelError> {
    fee_for(
        refund_max_vsize(
            &terms.change_script,
            terms.expiry_height,
            funding.outputs().len() as u64,
        ),
        rate,
    )
}

impl RefundTransaction {
    /// The transaction, unsigned.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What is signed for each input: BIP 143, `SIGHASH_ALL`.
    #[must_use]
    pub fn digests(&self) -> &[[u8; 32]] {
        &self.digests
    }

    /// Signs it with the viewer's key, ready to broadcast.
    ///
    /// # Errors
    /// `BadSignature` when the secret is not the viewer's key of the terms.
    pub fn sign(
        self,
        terms: &ChannelTerms,
        viewer_secret: &SecretKey,
    ) -> Result<Transaction, ChannelError> {
        let mut transaction = self.transaction;
        let script = terms.witness_script();
        for (index, digest) in self.digests.into_iter().enumerate() {
            let signature = CompactSignature::sign(digest, viewer_secret);
            if !signature.verifies(digest, &terms.viewer_key) {
                return Err(ChannelError::BadSignature { index });
            }
            let signature = witness_signature(&signature, EcdsaSighashType::All)
                .ok_or(ChannelError::BadSignature { index })?;
            // The empty element stands where `S` would sign: OP_CHECKSIG leaves false and the height decides.
            transaction.input[index].witness =
                Witness::from_slice(&[Vec::new(), signature, script.to_bytes()]);
        }
        Ok(transaction)
    }
}

fn refund_max_vsize(change_script: &Script, expiry_height: u32, inputs: u64) -> u64 {
    let script = witness_script_len(expiry_height);
    let witness = 1 + 1 + 1 + MAX_SIGNATURE_LEN + 1 + script;
    let input_count = if inputs < 0xfd { 1 } else { 9 };
    (4 * (8 + input_count + 1 + inputs * 41 + output_size(change_script.len() as u64))
        + 2
        + inputs * witness)
        .div_ceil(4)
}
