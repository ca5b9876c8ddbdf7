//! A viewer's signed payment for a view: read, checked, and made into the call that sends it. Pure.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::{SolCall, SolStruct, SolValue};
use paystream_contracts::EarningsSplitter::{
    Authorization, Permit, RecordView, recordViewBySigCall, recordViewWithAuthorizationCall,
};
use paystream_contracts::{splitter_domain, view_authorization_nonce};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Intent, Kind};
use crate::error::{Code, Result, refused};

/// What a signature has left to live at least, in seconds: it must still be good when it is mined.
const MIN_LIFE: u64 = 30;
/// The longest signature: what an account's own code takes is its own affair, within reason.
const MAX_SIGNATURE_BYTES: usize = 8192;

/// A payment that a viewer signed. Amounts and times are decimal texts.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ViewPayment {
    /// EIP-3009 `ReceiveWithAuthorization` to the splitter; its nonce is `viewAuthorizationNonce(content, provider, viewer, salt)`.
    Authorization {
        /// The content.
        #[schema(value_type = String)]
        content_id: B256,
        /// Who views and pays.
        #[schema(value_type = String)]
        viewer: Address,
        /// What is authorised: exactly the price.
        price: String,
        /// Makes the nonce one of its own.
        #[schema(value_type = String)]
        salt: B256,
        /// It may be used after this second.
        valid_after: String,
        /// It may be used before this second.
        valid_before: String,
        /// 65 bytes.
        #[schema(value_type = String)]
        signature: Bytes,
    },
    /// EIP-712 `RecordView`, paid from an allowance.
    Signature {
        /// What was signed.
        view: RecordViewBody,
        /// The viewer's, or what the viewer's code takes (EIP-1271).
        #[schema(value_type = String)]
        signature: Bytes,
        /// Gives the allowance (EIP-2612), where it is not there yet.
        permit: Option<PermitBody>,
    },
}

/// `RecordView`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RecordViewBody {
    /// Who views and pays.
    #[schema(value_type = String)]
    pub viewer: Address,
    /// The content.
    #[schema(value_type = String)]
    pub content_id: B256,
    /// This provider.
    #[schema(value_type = String)]
    pub provider: Address,
    /// What is paid in.
    #[schema(value_type = String)]
    pub token: Address,
    /// The most that may be taken.
    pub max_price: String,
    /// The viewer's next nonce at the splitter.
    pub nonce: String,
    /// The last second at which it may be sent.
    pub deadline: String,
}

/// `Permit`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PermitBody {
    /// What the splitter may take.
    pub value: String,
    /// The last second at which it may be used.
    pub deadline: String,
    /// 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

/// What the registry and this provider say of the content.
#[derive(Debug, Clone, Copy)]
pub struct ViewTerms {
    /// The chain of the contracts.
    pub chain_id: u64,
    /// The contract that takes the money.
    pub splitter: Address,
    /// This provider.
    pub provider: Address,
    /// What the content is paid in.
    pub token: Address,
    /// What a view costs.
    pub price: U256,
    /// The share of the price that is not the provider's.
    pub creator_share_bps: u16,
    /// The least that this provider wants to get of a view in this token.
    pub min_share: U256,
    /// The present second.
    pub now: u64,
}

impl ViewPayment {
    /// The content that it pays for.
    #[must_use]
    pub fn content(&self) -> B256 {
        match self {
            Self::Authorization { content_id, .. } => *content_id,
            Self::Signature { view, .. } => view.content_id,
        }
    }

    /// Who pays.
    #[must_use]
    pub fn viewer(&self) -> Address {
        match self {
            Self::Authorization { viewer, .. } => *viewer,
            Self::Signature { view, .. } => view.viewer,
        }
    }

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

    /// Whether this provider sends it: it names this provider, pays the price in the content's token, and is good for a while yet.
    ///
    /// # Errors
    /// `forbidden`, and why; `malformed`.
    pub fn check(&self, terms: &ViewTerms) -> Result<()> {
        let no = |why: String| Err(refused(Code::Forbidden, why));
        if terms.token == Address::ZERO {
            return no("this content is paid in ether: send the transaction yourself".to_owned());
        }
        if terms.price.is_zero() {
            return no("this content has no price for a view".to_owned());
        }
        let share = terms.price
            - (terms.price * U256::from(terms.creator_share_bps)).div_ceil(U256::from(10_000));
        if share < terms.min_share {
            return no(format!(
                "this provider's share of the price, {share}, does not pay for the gas: it wants {}; send the transaction yourself",
                terms.min_share
            ));
        }
        let until = match self {
            Self::Authorization {
                price,
                valid_after,
                valid_before,
                ..
            } => {
                if number("price", price)? != terms.price {
                    return no(format!(
                        "the price of a view is {}, not {price}",
                        terms.price
                    ));
                }
                if number("valid_after", valid_after)? >= U256::from(terms.now) {
                    return no("the authorisation is not valid yet".to_owned());
                }
                number("valid_before", valid_before)?
            }
            Self::Signature { view, permit, .. } => {
                if view.provider != terms.provider {
                    return no(format!(
                        "it pays the provider {}, and this is {}",
                        view.provider, terms.provider
                    ));
                }
                if view.token != terms.token {
                    return no(format!(
                        "the content is paid in the token {}, not {}",
                        terms.token, view.token
                    ));
                }
                if number("max_price", &view.max_price)? < terms.price {
                    return no(format!(
                        "the price of a view is {}, more than {}",
                        terms.price, view.max_price
                    ));
                }
                let deadline = number("deadline", &view.deadline)?;
                match permit {
                    Some(permit) => deadline.min(number("permit.deadline", &permit.deadline)?),
                    None => deadline,
                }
            }
        };
        if until < U256::from(terms.now + MIN_LIFE) {
            return no(
                "what was signed has expired, or does so in a moment: sign again".to_owned(),
            );
        }
        Ok(())
    }
}

/// A decimal text, with nothing around it and no needless zeros.
fn number(field: &str, text: &str) -> Result<U256> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SPLITTER: Address = Address::repeat_byte(5);
    const PROVIDER: Address = Address::repeat_byte(6);
    const TOKEN: Address = Address::repeat_byte(7);

    fn terms() -> ViewTerms {
        ViewTerms {
            chain_id: 1,
            splitter: SPLITTER,
            provider: PROVIDER,
            token: TOKEN,
            price: U256::from(1000),
            creator_share_bps: 9000,
            min_share: U256::ONE,
            now: 1_000_000,
        }
    }

    fn authorization() -> Value {
        json!({
            "method": "authorization", "content_id": B256::repeat_byte(1), "viewer": Address::repeat_byte(2),
            "price": "1000", "salt": B256::repeat_byte(3), "valid_after": "0", "valid_before": "1003600",
            "signature": format!("0x{}1b", "11".repeat(64)),
        })
    }

    fn signature() -> Value {
        json!({
            "method": "signature",
            "view": {
                "viewer": Address::repeat_byte(2), "content_id": B256::repeat_byte(1), "provider": PROVIDER, "token": TOKEN,
                "max_price": "1000", "nonce": "0", "deadline": "1003600",
            },
            "signature": format!("0x{}1b", "11".repeat(64)),
            "permit": {"value": "1000", "deadline": "1003600", "signature": format!("0x{}00", "22".repeat(64))},
        })
    }

    fn payment(json: Value) -> ViewPayment {
        serde_json::from_value(json).unwrap()
    }

    fn intent(json: Value) -> Result<Intent> {
        payment(json).intent(1, SPLITTER, PROVIDER)
    }

    #[test]
    fn the_id_is_of_what_was_signed_and_not_of_the_signature() {
        for (mut json, field) in [(authorization(), "salt"), (signature(), "view")] {
            let first = intent(json.clone()).unwrap();
            json["signature"] = json!(format!("0x{}1c", "33".repeat(64)));
            let second = intent(json.clone()).unwrap();
            assert_eq!(first.id, second.id);
            assert_ne!(first.data, second.data);
            if field == "salt" {
                json["salt"] = json!(B256::ZERO);
            } else {
                json["view"]["nonce"] = json!("1");
            }
            let third = intent(json).unwrap();
            assert_ne!(first.id, third.id);
            assert_ne!(first.once, third.once);
        }
    }

    #[test]
    fn the_call_carries_what_was_signed() {
        let call =
            recordViewWithAuthorizationCall::abi_decode(&intent(authorization()).unwrap().data);
        let call = call.unwrap();
        assert_eq!((call.provider, call.price), (PROVIDER, U256::from(1000)));
        assert_eq!(call.authorization.v, 27);
        let call = recordViewBySigCall::abi_decode(&intent(signature()).unwrap().data).unwrap();
        assert_eq!((call.permit.v, call.permit.value), (27, U256::from(1000)));
        let mut bare = signature();
        bare["permit"] = Value::Null;
        let call = recordViewBySigCall::abi_decode(&intent(bare).unwrap().data).unwrap();
        assert_eq!(call.permit.deadline, U256::ZERO);
    }

    #[test]
    fn what_is_good_passes() {
        payment(authorization()).check(&terms()).unwrap();
        payment(signature()).check(&terms()).unwrap();
    }

    #[test]
    fn what_pays_somebody_else_too_little_or_too_late_is_refused() {
        let changed = |mut json: Value, pointer: &str, value: &str| {
            *json.pointer_mut(pointer).unwrap() = json!(value);
            payment(json).check(&terms()).unwrap_err().to_string()
        };
        let other = Address::repeat_byte(9).to_string();
        for (json, pointer, value, why) in [
            (
                authorization(),
                "/price",
                "999",
                "the price of a view is 1000",
            ),
            (
                authorization(),
                "/price",
                "1001",
                "the price of a view is 1000",
            ),
            (authorization(), "/valid_before", "1000029", "expired"),
            (authorization(), "/valid_after", "1000000", "not valid yet"),
            (
                signature(),
                "/view/max_price",
                "999",
                "the price of a view is 1000",
            ),
            (
                signature(),
                "/view/provider",
                other.as_str(),
                "pays the provider",
            ),
            (
                signature(),
                "/view/token",
                other.as_str(),
                "paid in the token",
            ),
            (signature(), "/view/deadline", "1000029", "expired"),
            (signature(), "/permit/deadline", "1000029", "expired"),
        ] {
            let error = changed(json, pointer, value);
            assert!(error.contains(why), "{pointer}: {error}");
        }
    }

    #[test]
    fn contents_in_ether_without_a_price_or_with_too_small_a_share_are_not_relayed() {
        let refused = |terms: ViewTerms| payment(authorization()).check(&terms).unwrap_err();
        let ether = ViewTerms {
            token: Address::ZERO,
            ..terms()
        };
        assert!(refused(ether).to_string().contains("ether"));
        let free = ViewTerms {
            price: U256::ZERO,
            ..terms()
        };
        assert!(refused(free).to_string().contains("no price"));
        let small = ViewTerms {
            min_share: U256::from(101),
            ..terms()
        };
        assert!(
            refused(small)
                .to_string()
                .contains("does not pay for the gas")
        );
        // The creator's share is rounded up: of 1000 at 99.95 % nothing is left.
        let nothing = ViewTerms {
            creator_share_bps: 9995,
            ..terms()
        };
        assert!(
            refused(nothing)
                .to_string()
                .contains("does not pay for the gas")
        );
    }

    #[test]
    fn malformed_fields_are_named() {
        for (json, pointer, value, why) in [
            (authorization(), "/price", json!("1e3"), "price"),
            (authorization(), "/price", json!("01000"), "price"),
            (authorization(), "/valid_before", json!(""), "valid_before"),
            (authorization(), "/price", json!("9".repeat(78)), "price"),
            (authorization(), "/signature", json!("0x12"), "65 bytes"),
            (
                authorization(),
                "/signature",
                json!(format!("0x{}05", "11".repeat(64))),
                "v is 27",
            ),
            (signature(), "/signature", json!("0x"), "signature"),
            (signature(), "/permit/signature", json!("0x"), "65 bytes"),
            (
                signature(),
                "/permit/deadline",
                json!("0"),
                "permit.deadline",
            ),
            (signature(), "/view/nonce", json!("-1"), "nonce"),
        ] {
            let mut json = json;
            *json.pointer_mut(pointer).unwrap() = value;
            let error = intent(json).unwrap_err();
            assert_eq!(error.code(), Code::Malformed);
            assert!(error.to_string().contains(why), "{pointer}: {error}");
        }
    }
}
