//! Why a contract refused, in a sentence for the person.
//!
//! `errors.json` holds the one table of sentences, by the name of the error. A `{name}` stands for the argument of that
//! name; `{name:ether}`, `{name:time}` and `{name:share}` say that it is wei, seconds since the Unix epoch or basis
//! points. The page writes the same sentences from the same table (web/src/wallet/errors.ts).

use std::collections::HashMap;
use std::sync::LazyLock;

use alloy::dyn_abi::{DynSolValue, ErrorExt};
use alloy::json_abi;
use alloy::primitives::{Selector, U256, hex};
use alloy::sol_types::{Panic, Revert, SolError};

use crate::{EarningsSplitter, PayoutSplit, PayoutSplitFactory, StreamRegistry};

/// The most characters of a reason that somebody else's contract gives: it may be anything.
const MAX_REASON_CHARACTERS: usize = 200;

/// The last second that is written as a date: the end of the year 9999.
const LAST_DATE: u64 = 253_402_300_799;

static SENTENCES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("errors.json"))
        .expect("the table is compiled in, and a test reads it")
});

static ERRORS: LazyLock<HashMap<Selector, json_abi::Error>> = LazyLock::new(|| {
    [
        StreamRegistry::abi::errors(),
        EarningsSplitter::abi::errors(),
        PayoutSplitFactory::abi::errors(),
        PayoutSplit::abi::errors(),
    ]
    .into_iter()
    .flat_map(|errors| errors.into_values().flatten())
    .map(|error| (error.selector(), error))
    .collect()
});

/// What the data of a revert says, in a sentence: the custom errors of all the contracts, `Error(string)` and
/// `Panic(uint256)`.
///
/// `None`: the call reverted without data, or with an error of a contract that is not one of these.
#[must_use]
pub fn explain(revert_data: &[u8]) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(revert_data) {
        return Some(format!(
            "The contract refused: {}",
            printable(&revert.reason)
        ));
    }
    if let Ok(panic) = Panic::abi_decode(revert_data) {
        return Some(format!(
            "The contract failed (panic {}). Nothing has changed.",
            panic.code
        ));
    }
    let selector = Selector::try_from(revert_data.get(..4)?).ok()?;
    let error = ERRORS.get(&selector)?;
    let arguments = error.decode_error(revert_data).ok()?.body;
    let sentence = SENTENCES.get(&error.name)?;
    Some(fill(sentence, |name| {
        let index = error.inputs.iter().position(|input| input.name == name)?;
        arguments.get(index)
    }))
}

/// The sentence with its placeholders replaced; one that names no argument stays as it is.
fn fill<'a>(sentence: &str, argument: impl Fn(&str) -> Option<&'a DynSolValue>) -> String {
    let mut filled = String::new();
    let mut rest = sentence;
    while let Some((before, (placeholder, after))) = rest
        .split_once('{')
        .and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        filled.push_str(before);
        let (name, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        match argument(name) {
            Some(value) => filled.push_str(&text(value, format)),
            None => filled.push_str(&format!("{{{placeholder}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn text(value: &DynSolValue, format: &str) -> String {
    match value {
        DynSolValue::Uint(number, _) => match format {
            "ether" => format!("{} ETH", decimal(*number, 18)),
            "share" => format!("{}\u{202f}%", decimal(*number, 2)),
            "time" => time(*number),
            _ => number.to_string(),
        },
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(&word[..*size]),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        other => format!("{other:?}"),
    }
}

/// A whole number of the smallest unit in units of 10^`decimals`, without needless zeros.
fn decimal(number: U256, decimals: usize) -> String {
    let digits = format!(
        "{number:0>width$}",
        number = number.to_string(),
        width = decimals + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Seconds since the Unix epoch as "2026-11-21 06:53:00 UTC".
fn time(seconds: U256) -> String {
    let Some(seconds) = u64::try_from(seconds).ok().filter(|at| *at <= LAST_DATE) else {
        return seconds.to_string();
    };
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day since the Unix epoch (proleptic Gregorian calendar), counted from 1 March of the year
/// zero, so that the leap day is the last of a year.
fn date(days_since_epoch: u64) -> (u64, u64, u64) {
    let days = days_since_epoch + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A reason on one line and of a length that fits one.
fn printable(reason: &str) -> String {
    reason
        .chars()
        .take(MAX_REASON_CHARACTERS)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy::primitives::{Address, B256, Bytes};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        error: String,
        data: Bytes,
        sentence: String,
    }

    #[test]
    fn every_error_of_the_contracts_has_a_sentence_and_no_sentence_is_left_over() {
        let errors: BTreeSet<_> = ERRORS.values().map(|error| &error.name).collect();
        let sentences: BTreeSet<_> = SENTENCES.keys().collect();
        assert_eq!(errors, sentences);
        assert_eq!(errors.len(), ERRORS.len(), "no name has two signatures");
    }

    #[test]
    fn every_placeholder_is_an_argument_of_a_type_that_its_format_fits() {
        for error in ERRORS.values() {
            for placeholder in SENTENCES[&error.name].split('{').skip(1) {
                let (placeholder, _) = placeholder.split_once('}').expect(&error.name);
                let (name, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
                let input = error.inputs.iter().find(|input| input.name == name);
                let input = input.unwrap_or_else(|| panic!("{}: {placeholder}", error.name));
                match format {
                    "" => {}
                    "ether" | "time" | "share" => assert_eq!(input.ty, "uint256"),
                    other => panic!("{}: {other} is no format", error.name),
                }
            }
        }
    }

    /// Made by the page with viem (web/src/wallet/errors.test.ts).
    #[test]
    fn the_sentences_are_the_ones_that_the_page_says() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("vectors/errors.json")).unwrap();
        assert!(vectors.len() > ERRORS.len());
        for vector in vectors {
            assert_eq!(
                explain(&vector.data).as_deref(),
                Some(vector.sentence.as_str()),
                "{}",
                vector.error
            );
        }
    }

    #[test]
    fn data_of_other_contracts_and_broken_data_are_not_explained() {
        let whole = StreamRegistry::NotCreator {
            contentId: B256::ZERO,
            account: Address::ZERO,
        }
        .abi_encode();
        assert!(explain(&whole).is_some());
        assert_eq!(explain(&whole[..whole.len() - 1]), None);
        assert_eq!(explain(&whole[..3]), None);
        assert_eq!(explain(&[0xde, 0xad, 0xbe, 0xef]), None);
        assert_eq!(explain(&[]), None);
    }

    #[test]
    fn a_reason_of_somebody_elses_contract_stays_on_one_short_line() {
        let reason = format!("no\n\u{1b}[31m{}", "x".repeat(1000));
        let sentence = explain(&Revert::from(reason).abi_encode()).unwrap();
        assert!(sentence.starts_with("The contract refused: no  [31mxxx"));
        assert!(sentence.len() < 250);
    }
}
