use std::{fmt, ops::Deref, str::FromStr};

use bitcoin::{
    Amount, KnownHrp, Script, ScriptBuf,
    hashes::{Hash, HashEngine, sha256},
    secp256k1::PublicKey,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    error::ChannelError,
    wire::{bytes_from_hex, key_hex, sat_string, script_hex, u64_string},
};

/// A channel's expiry height is at least this many blocks beyond the tip when it is opened.
pub const EXPIRY_MIN_AHEAD: u32 = 144;
/// A channel's expiry height is at most this many blocks beyond the tip when it is opened.
pub const EXPIRY_MAX_AHEAD: u32 = 2016;
/// The provider accepts no payment from this many blocks before the expiry on.
pub const STOP_BEFORE: u32 = 72;
/// The close has to be confirmed this many blocks before the expiry.
pub const MUST_CONFIRM_BEFORE: u32 = 36;
/// The capacity is at least this many closing fees.
pub const MIN_CAPACITY_FEES: u64 = 10;

/// The first value of nLockTime that Bitcoin reads as a time.
const LOCK_TIME_THRESHOLD: u32 = 500_000_000;

/// A Bitcoin network that Paystream speaks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The money that is worth something.
    Bitcoin,
    /// Public test network 4 (BIP 94).
    Testnet4,
    /// The public signet (BIP 325).
    Signet,
    /// A private chain.
    Regtest,
}

impl Network {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bitcoin => "bitcoin",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    /// The human-readable part of its addresses.
    #[must_use]
    pub fn hrp(self) -> KnownHrp {
        match self {
            Self::Bitcoin => KnownHrp::Mainnet,
            Self::Testnet4 | Self::Signet => KnownHrp::Testnets,
            Self::Regtest => KnownHrp::Regtest,
        }
    }

    /// The network as the `bitcoin` crate names it.
    #[must_use]
    pub fn bitcoin(self) -> bitcoin::Network {
        match self {
            Self::Bitcoin => bitcoin::Network::Bitcoin,
            Self::Testnet4 => bitcoin::Network::Testnet4,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Bitcoin => 0,
            Self::Testnet4 => 1,
            Self::Signet => 2,
            Self::Regtest => 3,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Network {
    type Err = ChannelError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Bitcoin, Self::Testnet4, Self::Signet, Self::Regtest]
            .into_iter()
            .find(|network| network.as_str() == name)
            .ok_or(ChannelError::Malformed {
                field: "network",
                reason: "expected bitcoin, testnet4, signet or regtest",
            })
    }
}

/// The content's id in the registry on Ethereum: 32 bytes, written with `0x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 32]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl FromStr for ContentId {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").ok_or(ChannelError::Malformed {
            field: "content_id",
            reason: "expected 0x",
        })?;
        bytes_from_hex("content_id", digits).map(Self)
    }
}

/// A channel's id: a tagged hash over its terms, written in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 32]);

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ChannelId {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bytes_from_hex("channel_id", text).map(Self)
    }
}

macro_rules! serde_by_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

serde_by_text!(ContentId, ChannelId);

/// The fields of a channel's terms, not yet checked. JSON as `terms` in section 3.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsFields {
    /// The network of the funding.
    pub network: Network,
    /// The content that is paid for.
    pub content_id: ContentId,
    /// `C`: the viewer's key, fresh for the channel.
    #[serde(with = "key_hex")]
    pub viewer_key: PublicKey,
    /// `S`: the provider's key, fresh for the channel.
    #[serde(with = "key_hex")]
    pub provider_key: PublicKey,
    /// `H`: from this height on the viewer refunds alone.
    pub expiry_height: u32,
    /// `F`: the fee of the closing transaction.
    #[serde(rename = "fee_sat", with = "sat_string")]
    pub fee: Amount,
    /// The price: millisatoshis for a second of media.
    #[serde(with = "u64_string")]
    pub msat_per_second: u64,
    /// The creator's part in 1/10000; 0 when there is one payee.
    pub creator_share_bps: u16,
    /// Where the creator is paid; empty exactly when the share is 0.
    #[serde(with = "script_hex")]
    pub creator_script: ScriptBuf,
    /// Where the provider is paid.
    #[serde(with = "script_hex")]
    pub provider_script: ScriptBuf,
    /// Where the viewer's change and refunds go.
    #[serde(with = "script_hex")]
    pub change_script: ScriptBuf,
}

/// The terms of a channel, checked: everything that both sides must agree on, and from which they build everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TermsFields", into = "TermsFields")]
pub struct ChannelTerms(TermsFields);

impl ChannelTerms {
    /// Checks the fields.
    ///
    /// # Errors
    /// `UnsupportedScript` for a script that is not standard in its place, `NoPrice`, and `Malformed` for the rest: a share over 10000,
    /// a creator's script without a share or a share without a script, one script for both payees, one key for both sides, a height of 0 or
    /// one that Bitcoin would read as a time, a fee of 0 or of more than a tenth of all money.
    pub fn new(fields: TermsFields) -> Result<Self, ChannelError> {
        let malformed = |field, reason| Err(ChannelError::Malformed { field, reason });
        let unsupported = |field, script: &ScriptBuf| {
            Err(ChannelError::UnsupportedScript {
                field,
                script: script.clone(),
            })
        };
        if fields.viewer_key == fields.provider_key {
            return malformed("viewer_key", "the same as provider_key");
        }
        if fields.expiry_height == 0 || fields.expiry_height >= LOCK_TIME_THRESHOLD {
            return malformed("expiry_height", "not a block height");
        }
        if fields.fee == Amount::ZERO || fields.fee > Amount::MAX_MONEY / MIN_CAPACITY_FEES {
            return malformed("fee_sat", "out of range");
        }
        if fields.msat_per_second == 0 {
            return Err(ChannelError::NoPrice);
        }
        if fields.creator_share_bps > 10_000 {
            return malformed("creator_share_bps", "over 10000");
        }
        if (fields.creator_share_bps == 0) != fields.creator_script.is_empty() {
            return malformed(
                "creator_script",
                "empty exactly when creator_share_bps is 0",
            );
        }
        if !fields.creator_script.is_empty() && !is_payable_script(&fields.creator_script) {
            return unsupported("creator_script", &fields.creator_script);
        }
        if !is_payable_script(&fields.provider_script) {
            return unsupported("provider_script", &fields.provider_script);
        }
        if !is_witness_script(&fields.change_script) {
            return unsupported("change_script", &fields.change_script);
        }
        if fields.creator_script == fields.provider_script {
            return malformed(
                "creator_script",
                "the same as provider_script; one payee has share 0 and an empty creator_script",
            );
        }
        Ok(Self(fields))
    }

    /// The channel's id: `tagged("paystream/channel/v1", bytes)`.
    #[must_use]
    pub fn channel_id(&self) -> ChannelId {
        ChannelId(tagged_hash(
            "paystream/channel/v1",
            &[&self.canonical_bytes()],
        ))
    }

    /// The bytes that the id is a hash of: the table of section 3.1, integers little-endian.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.network.byte()];
        bytes.extend_from_slice(&self.content_id.0);
        bytes.extend_from_slice(&self.viewer_key.serialize());
        bytes.extend_from_slice(&self.provider_key.serialize());
        bytes.extend_from_slice(&self.expiry_height.to_le_bytes());
        bytes.extend_from_slice(&self.fee.to_sat().to_le_bytes());
        bytes.extend_from_slice(&self.msat_per_second.to_le_bytes());
        bytes.extend_from_slice(&self.creator_share_bps.to_le_bytes());
        for script in [
            &self.creator_script,
            &self.provider_script,
            &self.change_script,
        ] {
            let length =
                u8::try_from(script.len()).expect("a standard script has at most 34 bytes");
            bytes.push(length);
            bytes.extend_from_slice(script.as_bytes());
        }
        bytes
    }

    /// The least capacity that a provider takes: ten closing fees.
    #[must_use]
    pub fn min_capacity(&self) -> Amount {
        self.fee * MIN_CAPACITY_FEES
    }

    /// Whether the expiry lies in `tip+144 ..= tip+2016`.
    #[must_use]
    pub fn expiry_fits(&self, tip: u32) -> bool {
        let ahead = u64::from(self.expiry_height).saturating_sub(u64::from(tip));
        (u64::from(EXPIRY_MIN_AHEAD)..=u64::from(EXPIRY_MAX_AHEAD)).contains(&ahead)
    }

    /// The first tip at which no payment is accepted: `H - 72`.
    #[must_use]
    pub fn stop_height(&self) -> u32 {
        self.expiry_height.saturating_sub(STOP_BEFORE)
    }

    /// The height at which the close has to be confirmed: `H - 36`.
    #[must_use]
    pub fn confirm_by_height(&self) -> u32 {
        self.expiry_height.saturating_sub(MUST_CONFIRM_BEFORE)
    }
}

impl Deref for ChannelTerms {
    type Target = TermsFields;

    fn deref(&self) -> &TermsFields {
        &self.0
    }
}

impl TryFrom<TermsFields> for ChannelTerms {
    type Error = ChannelError;

    fn try_from(fields: TermsFields) -> Result<Self, ChannelError> {
        Self::new(fields)
    }
}

impl From<ChannelTerms> for TermsFields {
    fn from(terms: ChannelTerms) -> Self {
        terms.0
    }
}

/// Whether a payee's script is standard: P2PKH, P2SH, P2WPKH, P2WSH or P2TR.
#[must_use]
pub fn is_payable_script(script: &Script) -> bool {
    script.is_p2pkh() || script.is_p2sh() || is_witness_script(script)
}

fn is_witness_script(script: &Script) -> bool {
    script.is_p2wpkh() || script.is_p2wsh() || script.is_p2tr()
}

/// `SHA256(SHA256(tag) || SHA256(tag) || parts)` (BIP 340).
pub(crate) fn tagged_hash(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag.as_bytes());
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    for part in parts {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}
