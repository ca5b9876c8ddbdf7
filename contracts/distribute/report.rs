//! What a person sees: a table, and a file for a spreadsheet.

use std::fmt::Write as _;

use alloy::primitives::{TxHash, U256};

use super::journal::{Ended, Outcome, Sent};
use super::{Due, Kind, Reason, TokenNames, amount_in_units};

/// What has become of something owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It would be paid, with about this gas; nothing where it follows from another payment.
    ToPay(Option<u64>),
    /// It stays owed.
    Open(Reason),
    /// Its transaction is on its way.
    OnItsWay(TxHash),
    /// Its transaction has ended.
    Ended(Ended),
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What was owed.
    pub due: Due,
    /// What has become of it.
    pub state: State,
}

/// The line of a transaction.
#[must_use]
pub fn line_of(sent: &Sent, ended: Option<&Ended>) -> Line {
    Line {
        due: sent.due,
        state: match ended {
            Some(ended) => State::Ended(*ended),
            None => State::OnItsWay(sent.transaction),
        },
    }
}

impl Line {
    fn status(&self) -> String {
        match &self.state {
            State::ToPay(_) => "to pay".to_owned(),
            State::Open(reason) => reason.to_string(),
            State::OnItsWay(_) => "on its way".to_owned(),
            State::Ended(ended) => match (ended.outcome, ended.held_for) {
                (Outcome::Paid, 0) => "paid".to_owned(),
                (Outcome::Paid, held) => {
                    format!("paid; {held} recipient(s) did not take theirs, which is held for them")
                }
                (Outcome::Reverted, _) => {
                    "refused in its block; what is owed is tried again by the next run".to_owned()
                }
                (Outcome::Replaced, _) => {
                    "never sent: another transaction took its nonce".to_owned()
                }
            },
        }
    }

    /// What was paid, or else what is owed.
    const fn amount(&self) -> U256 {
        match &self.state {
            State::Ended(ended) if matches!(ended.outcome, Outcome::Paid) => ended.paid,
            _ => self.due.amount,
        }
    }

    const fn gas(&self) -> Option<u64> {
        match &self.state {
            State::ToPay(gas) => *gas,
            State::Ended(ended) if ended.gas_used > 0 => Some(ended.gas_used),
            _ => None,
        }
    }

    const fn transaction(&self) -> Option<TxHash> {
        match &self.state {
            State::OnItsWay(transaction) => Some(*transaction),
            State::Ended(ended) => Some(ended.transaction),
            _ => None,
        }
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Claim => "claim",
        Kind::Distribute => "split",
    }
}

/// The lines as a table. `wei_per_gas` is what gas costs now, for what is not paid yet.
#[must_use]
pub fn table(lines: &[Line], names: &TokenNames, wei_per_gas: u128) -> String {
    let mut rows = vec![
        [
            "what",
            "account",
            "amount",
            "",
            "gas",
            "ether for gas",
            "status",
        ]
        .map(str::to_owned),
    ];
    for line in lines {
        let gas = line.gas();
        let cost = match &line.state {
            State::Ended(ended) => Some(ended.cost_wei),
            _ => gas.map(|gas| U256::from(gas) * U256::from(wei_per_gas)),
        };
        rows.push([
            kind(line.due.kind).to_owned(),
            line.due.account.to_string(),
            names.amount(line.due.token, line.amount()),
            names.symbol(line.due.token),
            gas.map(|gas| gas.to_string()).unwrap_or_default(),
            cost.map(|cost| amount_in_units(cost, 18))
                .unwrap_or_default(),
            line.status(),
        ]);
    }
    let widths: [usize; 7] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers to the right.
            let _ = if [2, 4, 5].contains(&column) {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The lines as comma-separated values (RFC 4180), with a link to each transaction where the chain has an explorer.
#[must_use]
pub fn csv(lines: &[Line], names: &TokenNames, explorer: Option<&str>) -> String {
    let mut text = "what,token,symbol,account,amount_units,amount,status,transaction,link,block,gas_used,cost_wei\r\n".to_owned();
    for line in lines {
        let Due {
            kind: what,
            token,
            account,
            ..
        } = line.due;
        let transaction = line
            .transaction()
            .map(|hash| hash.to_string())
            .unwrap_or_default();
        let link = match explorer {
            Some(explorer) if !transaction.is_empty() => format!("{explorer}/tx/{transaction}"),
            _ => String::new(),
        };
        let (block, cost) = match &line.state {
            State::Ended(ended) if ended.block > 0 => {
                (ended.block.to_string(), ended.cost_wei.to_string())
            }
            _ => Default::default(),
        };
        let used = if block.is_empty() { None } else { line.gas() };
        let fields = [
            kind(what).to_owned(),
            token.to_string(),
            names.symbol(token),
            account.to_string(),
            line.amount().to_string(),
            names.amount(token, line.amount()),
            line.status(),
            transaction,
            link,
            block,
            used.map(|gas| gas.to_string()).unwrap_or_default(),
            cost,
        ];
        text.push_str(&fields.map(|field| quoted(&field)).join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::distribute::ETHER;

    #[test]
    fn the_file_has_one_line_for_each_with_a_link_and_quotes_where_they_are_needed() {
        let due = Due {
            kind: Kind::Claim,
            token: ETHER,
            account: Address::ZERO,
            amount: U256::from(5),
        };
        let ended = Ended {
            transaction: TxHash::ZERO,
            outcome: Outcome::Paid,
            block: 3,
            gas_used: 10,
            cost_wei: U256::from(20),
            paid: U256::from(6),
            held_for: 0,
        };
        let lines = [
            Line {
                due,
                state: State::Ended(ended),
            },
            Line {
                due,
                state: State::Open(Reason::Refused("no, \"never\"".to_owned())),
            },
        ];
        let text = csv(
            &lines,
            &TokenNames::default(),
            Some("https://explorer.example"),
        );
        let rows: Vec<_> = text.split_terminator("\r\n").collect();
        let zero = Address::ZERO;
        let hash = TxHash::ZERO;
        assert_eq!(
            rows[1],
            format!(
                "claim,{zero},{zero},{zero},6,6,paid,{hash},https://explorer.example/tx/{hash},3,10,20"
            )
        );
        assert_eq!(
            rows[2],
            format!("claim,{zero},{zero},{zero},5,5,\"refused: no, \"\"never\"\"\",,,,,")
        );
        assert_eq!(rows.len(), 3);
    }
}
