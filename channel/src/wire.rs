//! How values are written in JSON: amounts as canonical decimal strings, bytes as lower-case hex of an exact length.

use crate::error::ChannelError;

/// Reads lower-case hex of exactly `N` bytes.
pub(crate) fn bytes_from_hex<const N: usize>(
    field: &'static str,
    text: &str,
) -> Result<[u8; N], ChannelError> {
    let malformed = |reason| ChannelError::Malformed { field, reason };
    if text.len() != N * 2 {
        return Err(malformed("wrong number of hex digits"));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed("hex is lower-case"));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed("not hex"))?;
    Ok(bytes)
}

/// Reads a decimal integer without sign, leading zeros or spaces.
pub(crate) fn u64_from_decimal(field: &'static str, text: &str) -> Result<u64, ChannelError> {
    let canonical = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if !canonical {
        return Err(ChannelError::Malformed {
            field,
            reason: "expected a decimal integer",
        });
    }
    text.parse().map_err(|_| ChannelError::Malformed {
        field,
        reason: "the integer is out of range",
    })
}

/// `bitcoin::Amount` as a decimal string of satoshis.
pub(crate) mod sat_string {
    use bitcoin::Amount;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        amount: &Amount,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&amount.to_sat())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Amount, D::Error> {
        let text = String::deserialize(deserializer)?;
        let sat = super::u64_from_decimal("amount in sat", &text).map_err(D::Error::custom)?;
        let amount = Amount::from_sat(sat);
        if amount > Amount::MAX_MONEY {
            return Err(D::Error::custom(
                "amount in sat is more money than there is",
            ));
        }
        Ok(amount)
    }
}

/// A `u64` as a decimal string.
pub(crate) mod u64_string {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::u64_from_decimal("amount", &text).map_err(D::Error::custom)
    }
}

/// A compressed public key as 66 lower-case hex digits.
pub(crate) mod key_hex {
    use bitcoin::secp256k1::PublicKey;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        key: &PublicKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(key.serialize()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PublicKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = super::bytes_from_hex::<33>("key", &text).map_err(D::Error::custom)?;
        PublicKey::from_slice(&bytes).map_err(D::Error::custom)
    }
}

/// A script as lower-case hex, possibly empty.
pub(crate) mod script_hex {
    use bitcoin::ScriptBuf;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        script: &ScriptBuf,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&script.to_hex_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ScriptBuf, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(D::Error::custom("script hex is lower-case"));
        }
        ScriptBuf::from_hex(&text).map_err(D::Error::custom)
    }
}
