use bitcoin::{Amount, secp256k1::SecretKey};
use serde::{Deserialize, Serialize};

use crate::{
    closing::{ClosingTransaction, closing_transaction},
    error::ChannelError,
    funding::Funding,
    signature::CompactSignature,
    terms::{ChannelId, ChannelTerms},
    wire::sat_string,
};

/// What travels for a payment: of the channel's capacity, `paid` in all are the provider's and the creator's.
///
/// JSON as in section 4: `{"channel_id", "sequence", "paid_sat", "signatures"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The channel.
    pub channel_id: ChannelId,
    /// Its number in the channel, from 1.
    pub sequence: u32,
    /// The cumulative amount.
    #[serde(rename = "paid_sat", with = "sat_string")]
    pub paid: Amount,
    /// The viewer's signatures, one for each funding output in canonical order.
    pub signatures: Vec<CompactSignature>,
}

impl Payment {
    /// Makes a payment: the viewer's side.
    ///
    /// # Errors
    /// As [`closing_transaction`], and `BadSignature` when the secret is not the viewer's key of the terms.
    pub fn sign(
        terms: &ChannelTerms,
        funding: &Funding,
        sequence: u32,
        paid: Amount,
        viewer_secret: &SecretKey,
    ) -> Result<Self, ChannelError> {
        let digests = closing_transaction(terms, funding, paid)?.viewer_digests(terms);
        let signatures = digests
            .into_iter()
            .map(|digest| CompactSignature::sign(digest, viewer_secret))
            .collect();
        let payment = Self {
            channel_id: terms.channel_id(),
            sequence,
            paid,
            signatures,
        };
        payment.verify(terms, funding)?;
        Ok(payment)
    }

    /// Checks the payment by itself: its channel, its bound and its signatures. Whether it comes next is for [`accept`](crate::accept).
    ///
    /// # Errors
    /// `WrongChannel`, `AmountNotRising` for zero, `AmountExceedsCapacity`, `Malformed` for another number of signatures than of funding
    /// outputs, `BadSignature`.
    pub fn verify(
        &self,
        terms: &ChannelTerms,
        funding: &Funding,
    ) -> Result<ClosingTransaction, ChannelError> {
        if self.channel_id != terms.channel_id() {
            return Err(ChannelError::WrongChannel);
        }
        let closing = closing_transaction(terms, funding, self.paid)?;
        if self.signatures.len() != funding.outputs().len() {
            return Err(ChannelError::Malformed {
                field: "signatures",
                reason: "expected one for each funding output",
            });
        }
        for (index, digest) in closing.viewer_digests(terms).into_iter().enumerate() {
            if !self.signatures[index].verifies(digest, &terms.viewer_key) {
                return Err(ChannelError::BadSignature { index });
            }
        }
        Ok(closing)
    }
}
