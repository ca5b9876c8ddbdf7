use alloy::sol_types::SolCall;
use paystream_contracts::EarningsSplitter::{recordViewBySigCall, recordViewWithAuthorizationCall};
use serde_json::{Value, json};

use super::*;
use crate::error::{Code, Result};
use crate::relay::Intent;

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
    let call = recordViewWithAuthorizationCall::abi_decode(&intent(authorization()).unwrap().data);
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
