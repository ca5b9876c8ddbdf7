use bitcoin::{
    Address, Amount, OutPoint, Script, ScriptBuf, TxOut, Txid,
    hashes::Hash,
    opcodes::all::{OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_CLTV, OP_ENDIF, OP_IFDUP, OP_NOTIF},
    script::Builder,
};
use serde::{Deserialize, Serialize};

use crate::{error::ChannelError, terms::ChannelTerms, wire::sat_string};

/// One output that funds a channel. JSON: `{"txid", "vout", "value_sat"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingOutput {
    /// The funding transaction, in display order.
    pub txid: Txid,
    /// The output's index.
    pub vout: u32,
    /// What it holds.
    #[serde(rename = "value_sat", with = "sat_string")]
    pub value: Amount,
}

impl FundingOutput {
    /// Takes an output of a transaction that the node shows.
    ///
    /// # Errors
    /// `WrongScript` when it does not pay this channel's script.
    pub fn from_tx_out(
        terms: &ChannelTerms,
        outpoint: OutPoint,
        output: &TxOut,
    ) -> Result<Self, ChannelError> {
        if output.script_pubkey != terms.funding_script() {
            return Err(ChannelError::WrongScript);
        }
        Ok(Self {
            txid: outpoint.txid,
            vout: outpoint.vout,
            value: output.value,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn outpoint(&self) -> OutPoint {
        OutPoint {
            txid: self.txid,
            vout: self.vout,
        }
    }
}

/// The outputs that fund a channel: at least one, in canonical order (txid byte by byte as serialised, then index), each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<FundingOutput>", into = "Vec<FundingOutput>")]
pub struct Funding {
    outputs: Vec<FundingOutput>,
    capacity: Amount,
}

impl Funding {
    /// Puts outputs into canonical order.
    ///
    /// # Errors
    /// `Malformed` when there is none or one stands twice, `Overflow` when they exceed all money.
    pub fn new(mut outputs: Vec<FundingOutput>) -> Result<Self, ChannelError> {
        outputs.sort_by_key(|output| (output.txid.to_byte_array(), output.vout));
        if outputs.is_empty() {
            return Err(ChannelError::Malformed {
                field: "funding",
                reason: "no output",
            });
        }
        if outputs
            .windows(2)
            .any(|pair| pair[0].outpoint() == pair[1].outpoint())
        {
            return Err(ChannelError::Malformed {
                field: "funding",
                reason: "an output stands twice",
            });
        }
        let capacity = outputs
            .iter()
            .try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value))
            .ok_or(ChannelError::Overflow)?;
        if capacity > Amount::MAX_MONEY {
            return Err(ChannelError::Overflow);
        }
        Ok(Self { outputs, capacity })
    }

    /// The outputs in canonical order.
    #[must_use]
    pub fn outputs(&self) -> &[FundingOutput] {
        &self.outputs
    }

    /// `V`: what they add up to.
    #[must_use]
    pub fn capacity(&self) -> Amount {
        self.capacity
    }

    /// Checks that the capacity is worth a channel.
    ///
    /// # Errors
    /// `CapacityTooLow` under ten closing fees.
    pub fn check_capacity(&self, terms: &ChannelTerms) -> Result<(), ChannelError> {
        let minimum = terms.min_capacity();
        if self.capacity < minimum {
            return Err(ChannelError::CapacityTooLow {
                capacity: self.capacity,
                minimum,
            });
        }
        Ok(())
    }

    pub(crate) fn prevouts(&self, script: &Script) -> Vec<TxOut> {
        self.outputs
            .iter()
            .map(|output| TxOut {
                value: output.value,
                script_pubkey: script.into(),
            })
            .collect()
    }
}

impl TryFrom<Vec<FundingOutput>> for Funding {
    type Error = ChannelError;

    fn try_from(outputs: Vec<FundingOutput>) -> Result<Self, ChannelError> {
        Self::new(outputs)
    }
}

impl From<Funding> for Vec<FundingOutput> {
    fn from(funding: Funding) -> Self {
        funding.outputs
    }
}

impl ChannelTerms {
    /// The witness script of the funding output, the miniscript `and_v(v:pk(C),or_d(pk(S),after(H)))` (BIP 379).
    #[must_use]
    pub fn witness_script(&self) -> ScriptBuf {
        Builder::new()
            .push_slice(self.viewer_key.serialize())
            .push_opcode(OP_CHECKSIGVERIFY)
            .push_slice(self.provider_key.serialize())
            .push_opcode(OP_CHECKSIG)
            .push_opcode(OP_IFDUP)
            .push_opcode(OP_NOTIF)
            .push_int(i64::from(self.expiry_height))
            .push_opcode(OP_CLTV)
            .push_opcode(OP_ENDIF)
            .into_script()
    }

    /// The scriptPubKey of the funding output: P2WSH of the witness script.
    #[must_use]
    pub fn funding_script(&self) -> ScriptBuf {
        self.witness_script().to_p2wsh()
    }

    /// The address to fund.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::p2wsh(&self.witness_script(), self.network.hrp())
    }

    /// The descriptor that an ordinary wallet imports, with its checksum.
    #[must_use]
    pub fn descriptor(&self) -> String {
        let bare = format!(
            "wsh(and_v(v:pk({}),or_d(pk({}),after({}))))",
            self.viewer_key, self.provider_key, self.expiry_height
        );
        let checksum = miniscript::descriptor::checksum::desc_checksum(&bare)
            .expect("a descriptor of keys and a height is plain ASCII");
        format!("{bare}#{checksum}")
    }

    /// A BIP 21 link that pays `amount` to the channel. The label is percent-encoded.
    #[must_use]
    pub fn payment_link(&self, amount: Amount, label: &str) -> String {
        let mut encoded = String::new();
        for byte in label.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        format!(
            "bitcoin:{}?amount={}&label={encoded}",
            self.address(),
            amount.to_string_in(bitcoin::Denomination::Bitcoin)
        )
    }
}
