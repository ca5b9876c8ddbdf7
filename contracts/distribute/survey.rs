//! What everybody is owed now, and what the tokens call themselves.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::utils::format_units;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::sol;
use futures::{StreamExt, TryStreamExt, stream};

use super::{DistributeError, Due, ETHER, Kind, Known};
use crate::{Deployment, EarningsSplitter, PayoutSplit};

/// How many questions are under way at once.
const CALLS: usize = 8;
/// The most characters of a symbol that are shown: anybody can make a token.
const MAX_SYMBOL: usize = 12;

sol! {
    #[sol(rpc)]
    interface TokenMetadata {
        function symbol() external view returns (string);
        function decimals() external view returns (uint8);
    }
}

/// What every account has earned and not claimed, in every token; nothing that is zero.
///
/// # Errors
/// When the node fails, or the splitter does not answer.
pub async fn claims(
    provider: &impl Provider,
    deployment: &Deployment,
    known: &Known,
) -> Result<Vec<Due>, DistributeError> {
    let address = deployment.splitter;
    let splitter = &EarningsSplitter::new(address, provider);
    let earned = known.earners.iter().map(|(token, account)| async move {
        let amount = splitter.earned(*token, *account).call().await;
        let amount = amount.map_err(|source| view(address, "earned", source))?;
        Ok(due(Kind::Claim, *token, *account, amount))
    });
    present(stream::iter(earned).buffered(CALLS).try_collect().await?)
}

/// What these splits have to distribute in these tokens; nothing that is zero.
///
/// # Errors
/// When the node fails.
pub async fn splits_of(
    provider: &impl Provider,
    splits: &[Address],
    tokens: &BTreeSet<Address>,
) -> Result<Vec<Due>, DistributeError> {
    let pairs = splits
        .iter()
        .flat_map(|split| tokens.iter().map(move |token| (*split, *token)));
    let distributable = pairs.map(|(split, token)| async move {
        let answer = PayoutSplit::new(split, provider)
            .distributable(token)
            .call()
            .await;
        let amount = match answer {
            Ok(amount) => amount,
            // A token that misbehaves is in nobody's way but its own.
            Err(error) if error.as_revert_data().is_some() => U256::ZERO,
            Err(source) => return Err(view(split, "distributable", source)),
        };
        Ok(due(Kind::Distribute, token, split, amount))
    });
    present(
        stream::iter(distributable)
            .buffered(CALLS)
            .try_collect()
            .await?,
    )
}

const fn due(kind: Kind, token: Address, account: Address, amount: U256) -> Due {
    Due {
        kind,
        token,
        account,
        amount,
    }
}

fn present(dues: Vec<Due>) -> Result<Vec<Due>, DistributeError> {
    Ok(dues
        .into_iter()
        .filter(|due| !due.amount.is_zero())
        .collect())
}

fn view(address: Address, view: &'static str, source: alloy::contract::Error) -> DistributeError {
    DistributeError::View {
        address,
        view,
        source: Box::new(source),
    }
}

/// Symbols and decimals, as far as the tokens tell.
#[derive(Debug, Clone, Default)]
pub struct TokenNames(BTreeMap<Address, (String, u8)>);

impl TokenNames {
    /// Asks the tokens. One that does not answer is shown by its address, in its smallest unit.
    pub async fn ask(provider: &impl Provider, tokens: &BTreeSet<Address>) -> Self {
        let mut names = BTreeMap::from([(ETHER, ("ETH".to_owned(), 18))]);
        for token in tokens.iter().filter(|token| **token != ETHER) {
            let contract = TokenMetadata::new(*token, provider);
            let symbol = contract.symbol().call().await.ok();
            let decimals = contract.decimals().call().await.ok();
            if let (Some(symbol), Some(decimals @ 0..=36)) = (symbol, decimals)
                && let Some(symbol) = printable(&symbol)
            {
                names.insert(*token, (symbol, decimals));
            }
        }
        Self(names)
    }

    /// What the token is called.
    #[must_use]
    pub fn symbol(&self, token: Address) -> String {
        match self.0.get(&token) {
            Some((symbol, _)) => symbol.clone(),
            None => token.to_string(),
        }
    }

    /// An amount in whole tokens, or in the smallest unit of a token that does not tell its decimals.
    #[must_use]
    pub fn amount(&self, token: Address, amount: U256) -> String {
        amount_in_units(amount, self.decimals(token).unwrap_or(0))
    }

    /// How many decimals it has, when it tells.
    #[must_use]
    pub fn decimals(&self, token: Address) -> Option<u8> {
        self.0.get(&token).map(|(_, decimals)| *decimals)
    }
}

/// A number of smallest units in whole ones, without needless zeros.
#[must_use]
pub fn amount_in_units(amount: U256, decimals: u8) -> String {
    match format_units(amount, decimals) {
        Ok(text) if text.contains('.') => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => amount.to_string(),
    }
}

/// Letters and digits only: a symbol may hold anything, spreadsheets' formulas and terminals' commands included.
fn printable(symbol: &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let good = (1..=MAX_SYMBOL).contains(&symbol.len()) && symbol.chars().all(plain);
    good.then(|| symbol.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_to_the_last_unit_and_without_needless_zeros() {
        let show = |amount: u64, decimals| amount_in_units(U256::from(amount), decimals);
        assert_eq!(show(1_500_000, 6), "1.5");
        assert_eq!(show(2_000_000, 6), "2");
        assert_eq!(show(1, 18), "0.000000000000000001");
        assert_eq!(show(1_200, 0), "1200");
        assert_eq!(show(0, 6), "0");
    }

    #[test]
    fn a_symbol_that_is_a_formula_a_command_or_a_novel_is_not_shown() {
        for bad in ["=1+1", "\u{1b}[2J", "", "A,B", "THIRTEENCHARS"] {
            assert_eq!(printable(bad), None, "{bad}");
        }
        assert_eq!(printable("USDC.e").as_deref(), Some("USDC.e"));
    }
}
