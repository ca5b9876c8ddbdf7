//! How values look in JSON: addresses, hashes and ids as `0x` and lower-case hex, amounts as decimal strings, times by RFC 3339.

use std::str::FromStr;

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::ApiError;
use crate::error::Error;
use crate::store::rows::BlockRow;

/// Where on the chain something was said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Place {
    /// The block's number.
    #[schema(example = 9_000_123)]
    pub block_number: i64,
    /// The block's hash.
    pub block_hash: String,
    /// The block's time (RFC 3339).
    #[schema(format = DateTime, example = "2026-01-31T20:00:00Z")]
    pub timestamp: String,
    /// The transaction.
    pub transaction_hash: String,
    /// The log's place within its block.
    pub log_index: i64,
}

impl TryFrom<BlockRow> for Place {
    type Error = Error;

    fn try_from(row: BlockRow) -> Result<Self, Error> {
        Ok(Self {
            block_number: row.block_number,
            block_hash: hex(&row.block_hash),
            timestamp: time(row.timestamp)?,
            transaction_hash: hex(&row.transaction_hash),
            log_index: row.log_index,
        })
    }
}

/// Bytes as `0x` and lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    alloy::hex::encode_prefixed(bytes)
}

/// Seconds since the Unix epoch, by RFC 3339.
///
/// # Errors
/// [`Error::Corrupt`] when the year is beyond 9999.
pub fn time(seconds: i64) -> Result<String, Error> {
    Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .map_err(|_| Error::Corrupt("a time beyond the year 9999"))
}

/// Reads a content id from a path or a body.
///
/// # Errors
/// [`ApiError::Malformed`] when it is not `0x` and 64 hex digits.
pub fn parse_content_id(text: &str) -> Result<B256, ApiError> {
    parse(text, "a content id is 0x and 64 hex digits")
}

/// Reads an address, in any case.
///
/// # Errors
/// [`ApiError::Malformed`] when it is not `0x` and 40 hex digits.
pub fn parse_address(text: &str) -> Result<Address, ApiError> {
    parse(text, "an address is 0x and 40 hex digits")
}

fn parse<T: FromStr>(text: &str, shape: &str) -> Result<T, ApiError> {
    let malformed = || ApiError::Malformed(shape.to_owned());
    if !text.starts_with("0x") {
        return Err(malformed());
    }
    text.parse().map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_any_case_and_only_with_its_prefix() {
        let lower = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        let mixed = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        assert_eq!(parse_address(lower).unwrap(), parse_address(mixed).unwrap());
        for bad in ["", "0x", &lower[2..], &lower[..41], "0xzz"] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_written_by_rfc_3339() {
        assert_eq!(time(1_769_889_600).unwrap(), "2026-01-31T20:00:00Z");
        assert!(time(i64::MAX).is_err());
    }
}
