//! What of a payment this provider wants.

use alloy::primitives::{Address, U256};

use super::call::number;
use super::{ViewPayment, ViewTerms};
use crate::error::{Code, Result, refused};

/// What a signature has left to live at least, in seconds: it must still be good when it is mined.
const MIN_LIFE: u64 = 30;

impl ViewPayment {
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
