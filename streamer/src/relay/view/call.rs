//! The call that sends a payment, and the hash of what was signed.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolStruct, SolValue};
use paystream_contracts::EarningsSplitter::{
    Authorization, Permit, RecordView, recordViewBySigCall, recordViewWithAuthorizationCall,
};
use paystream_contracts::{splitter_domain, view_authorization_nonce};

use super::ViewPayment;
use crate::error::{Code, Result, refused};
use crate::relay::{Intent, Kind};

/// The longest signature: what an account's own code takes is its own affair, within reason.
const MAX_SIGNATURE_BYTES: usize = 8192;

impl ViewPayment {
    /// The call that sends it, with the hash of what was signed as its id.
    ///
    /// # Errors
    /// `malformed`, when a field is not what it should be.
    pub fn intent(&self, chain_id: u64, splitter: Address, provider: Address) -> Result<Intent> {
        match self {
            Self::Authorization {
                content_id,
                viewer,
                price,
                salt,
                valid_after,
                valid_before,
                signature,
            } => {
                let price = number("price", price)?;
                let (valid_after, valid_before) = (
                    number("valid_after", valid_after)?,
                    number("valid_before", valid_before)?,
                );
                let nonce = view_authorization_nonce(*content_id, provider, *viewer, *salt);
                let (v, r, s) = parts(signature)?;
                let signed = (*viewer, splitter, price, valid_after, valid_before, nonce);
                let kind = keccak256(
                    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
                );
                let call = recordViewWithAuthorizationCall {
                    contentId: *content_id,
                    provider,
                    viewer: *viewer,
                    price,
                    salt: *salt,
                    authorization: Authorization {
                        validAfter: valid_after,
                        validBefore: valid_before,
                        v,
                        r,
                        s,
                    },
                };
                Ok(Intent {
                    id: keccak256((kind, U256::from(chain_id), signed).abi_encode()),
                    kind: Kind::View,
                    account: Some(*viewer),
                    once: Some(format!("authorization:{viewer}:{nonce}")),
                    to: splitter,
                    data: call.abi_encode().into(),
                })
            }
            Self::Signature {
                view,
                signature,
                permit,
            } => {
                if signature.is_empty() || signature.len() > MAX_SIGNATURE_BYTES {
                    return Err(refused(
                        Code::Malformed,
                        "signature: its length is no signature's",
                    ));
                }
                let action = RecordView {
                    viewer: view.viewer,
                    contentId: view.content_id,
                    provider: view.provider,
                    token: view.token,
                    maxPrice: number("max_price", &view.max_price)?,
                    nonce: number("nonce", &view.nonce)?,
                    deadline: number("deadline", &view.deadline)?,
                };
                let permit = match permit {
                    Some(permit) => {
                        let (v, r, s) = parts(&permit.signature)?;
                        let deadline = number("permit.deadline", &permit.deadline)?;
                        if deadline.is_zero() {
                            return Err(refused(Code::Malformed, "permit.deadline is 0"));
                        }
                        Permit {
                            value: number("permit.value", &permit.value)?,
                            deadline,
                            v,
                            r,
                            s,
                        }
                    }
                    None => Permit {
                        value: U256::ZERO,
                        deadline: U256::ZERO,
                        v: 0,
                        r: B256::ZERO,
                        s: B256::ZERO,
                    },
                };
                let domain = splitter_domain(chain_id, splitter);
                Ok(Intent {
                    id: action.eip712_signing_hash(&domain),
                    kind: Kind::View,
                    account: Some(view.viewer),
                    once: Some(format!("view:{}:{}", view.viewer, action.nonce)),
                    to: splitter,
                    data: recordViewBySigCall {
                        action,
                        signature: signature.clone(),
                        permit,
                    }
                    .abi_encode()
                    .into(),
                })
            }
        }
    }
}

/// A decimal text, with nothing around it and no needless zeros.
pub(super) fn number(field: &str, text: &str) -> Result<U256> {
    let plain = !text.is_empty()
        && text.len() <= 78
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    plain
        .then(|| U256::from_str_radix(text, 10).ok())
        .flatten()
        .ok_or_else(|| {
            refused(
                Code::Malformed,
                format!("{field} is not a decimal text of a number of 256 bits"),
            )
        })
}

/// `v`, `r` and `s` of 65 bytes.
fn parts(signature: &Bytes) -> Result<(u8, B256, B256)> {
    let bytes: &[u8; 65] = signature
        .as_ref()
        .try_into()
        .map_err(|_| refused(Code::Malformed, "a signature is 65 bytes"))?;
    let v = match bytes[64] {
        v @ (27 | 28) => v,
        parity @ (0 | 1) => parity + 27,
        _ => return Err(refused(Code::Malformed, "a signature's v is 27 or 28")),
    };
    Ok((
        v,
        B256::from_slice(&bytes[..32]),
        B256::from_slice(&bytes[32..64]),
    ))
}
