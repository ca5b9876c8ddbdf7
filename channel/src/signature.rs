use std::{fmt, str::FromStr, sync::LazyLock};

use bitcoin::secp256k1::{All, Message, PublicKey, Secp256k1, SecretKey, ecdsa};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{error::ChannelError, wire::bytes_from_hex};

/// The tables of the curve, made once.
pub(crate) static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// An ECDSA signature as it travels: 64 bytes `r || s` in hex. It may be anything until it is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompactSignature(pub [u8; 64]);

impl CompactSignature {
    /// Signs a digest (RFC 6979 nonce, low `s`).
    #[must_use]
    pub fn sign(digest: [u8; 32], key: &SecretKey) -> Self {
        Self(
            SECP.sign_ecdsa(&Message::from_digest(digest), key)
                .serialize_compact(),
        )
    }

    /// Whether it signs the digest by the key, with a low `s`.
    #[must_use]
    pub fn verifies(&self, digest: [u8; 32], key: &PublicKey) -> bool {
        // libsecp256k1 refuses a high `s` by itself: its verification takes normalised signatures only.
        self.to_ecdsa().is_some_and(|signature| {
            SECP.verify_ecdsa(&Message::from_digest(digest), &signature, key)
                .is_ok()
        })
    }

    /// The parsed signature; none when `r` or `s` is out of range or `s` is high.
    pub(crate) fn to_ecdsa(self) -> Option<ecdsa::Signature> {
        let signature = ecdsa::Signature::from_compact(&self.0).ok()?;
        let mut low = signature;
        low.normalize_s();
        (low == signature).then_some(signature)
    }
}

impl fmt::Display for CompactSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for CompactSignature {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        bytes_from_hex("signature", text).map(Self)
    }
}

impl Serialize for CompactSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CompactSignature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
