//! What is worth paying. Anybody can make a token, price a video in it and credit anybody with it, and anybody can make a
//! split of recipients that burn gas: only what was chosen costs gas.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alloy::primitives::{Address, U256};

use super::{Due, ETHER, amount_in_units};

/// Which tokens are paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tokens {
    /// Ether, and these.
    EtherAnd(BTreeSet<Address>),
    /// Whatever anybody earned.
    All,
}

impl Tokens {
    /// Whether payments in this token are made.
    #[must_use]
    pub fn include(&self, token: Address) -> bool {
        match self {
            Self::All => true,
            Self::EtherAnd(tokens) => token == ETHER || tokens.contains(&token),
        }
    }
}

/// What is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// By token, the smallest amount. Without one for ether, a payment in ether has to be worth its gas.
    pub minimums: BTreeMap<Address, U256>,
    /// The most gas that one payment may use.
    pub max_gas: u64,
}

/// Why something that is owed is not paid in this run. It stays owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is less than was asked for.
    BelowMinimum,
    /// Its gas costs more.
    NotWorthItsGas,
    /// It would use more gas than a payment may.
    TooMuchGas(u64),
    /// The contract, the token or the recipient refuses it.
    Refused(String),
}

impl Policy {
    /// Why it is not paid, as far as that follows from the amount.
    #[must_use]
    pub fn objection(&self, due: &Due) -> Option<Reason> {
        let minimum = self.minimums.get(&due.token);
        (minimum.is_some_and(|minimum| due.amount < *minimum)).then_some(Reason::BelowMinimum)
    }

    /// Why it is not paid when it uses this gas at this price.
    #[must_use]
    pub fn objection_to_gas(&self, due: &Due, gas: u64, wei_per_gas: u128) -> Option<Reason> {
        if gas > self.max_gas {
            return Some(Reason::TooMuchGas(gas));
        }
        let cost = U256::from(gas) * U256::from(wei_per_gas);
        let has_minimum = self.minimums.contains_key(&due.token);
        (due.token == ETHER && !has_minimum && due.amount <= cost).then_some(Reason::NotWorthItsGas)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowMinimum => f.write_str("below --min"),
            Self::NotWorthItsGas => {
                f.write_str("costs more gas than it is worth (--min ether=0 pays it all the same)")
            }
            Self::TooMuchGas(gas) => write!(
                f,
                "needs {} gas (--max-gas)",
                amount_in_units(U256::from(*gas), 0)
            ),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribute::Kind;

    fn policy(minimums: &[(Address, u64)]) -> Policy {
        Policy {
            minimums: minimums
                .iter()
                .map(|(token, amount)| (*token, U256::from(*amount)))
                .collect(),
            max_gas: 100,
        }
    }

    fn due(token: Address, amount: u64) -> Due {
        Due {
            kind: Kind::Claim,
            token,
            account: Address::repeat_byte(9),
            amount: U256::from(amount),
        }
    }

    #[test]
    fn only_ether_and_named_tokens_are_paid_until_all_are_asked_for() {
        let (named, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let tokens = Tokens::EtherAnd([named].into());
        assert!(tokens.include(ETHER) && tokens.include(named));
        assert!(!tokens.include(other));
        assert!(Tokens::All.include(other));
    }

    #[test]
    fn ether_has_to_be_worth_its_gas_unless_a_minimum_says_otherwise() {
        let token = Address::repeat_byte(1);
        let usual = policy(&[]);
        assert_eq!(
            usual.objection_to_gas(&due(ETHER, 20), 10, 2),
            Some(Reason::NotWorthItsGas)
        );
        assert_eq!(usual.objection_to_gas(&due(ETHER, 21), 10, 2), None);
        assert_eq!(usual.objection_to_gas(&due(token, 1), 10, 2), None);
        assert_eq!(
            usual.objection_to_gas(&due(ETHER, 1_000), 101, 2),
            Some(Reason::TooMuchGas(101))
        );
        let told = policy(&[(ETHER, 5), (token, 7)]);
        assert_eq!(told.objection(&due(ETHER, 4)), Some(Reason::BelowMinimum));
        assert_eq!(told.objection(&due(token, 6)), Some(Reason::BelowMinimum));
        assert_eq!(told.objection(&due(token, 7)), None);
        assert_eq!(told.objection_to_gas(&due(ETHER, 5), 10, 2), None);
    }
}
