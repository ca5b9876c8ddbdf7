//! The journal: a file to which each transaction is written, signed, before it is sent, and again when it is in a block.
//!
//! One JSON object a line: first `{"chain_id"}`, then `{"sent": …}` and `{"ended": …}`. It holds no key, and losing it costs at
//! most gas: what is owed stands on the chain alone. A line that a crash left half written was never sent, and is taken away.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, Bytes, TxHash, U256};
use serde::{Deserialize, Serialize};

use super::{DistributeError, Due};

/// A transaction that was signed, and then sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// What it pays, by what was owed then.
    pub due: Due,
    /// Who pays the gas.
    pub from: Address,
    /// Its place among that account's transactions.
    pub nonce: u64,
    /// Its hash.
    pub transaction: TxHash,
    /// All of it, so that it can be sent again as it is.
    pub raw: Bytes,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Which one.
    pub transaction: TxHash,
    /// How.
    pub outcome: Outcome,
    /// Its block; 0 when it is in none.
    pub block: u64,
    /// The gas that it used.
    pub gas_used: u64,
    /// What that cost.
    pub cost_wei: U256,
    /// What was paid out, by the contract's events.
    pub paid: U256,
    /// How many recipients of a split did not take their part, which is held for them.
    pub held_for: usize,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it was for.
    Paid,
    /// It was refused in its block, usually because somebody else had paid a moment earlier.
    Reverted,
    /// Another transaction of the account took its nonce: it can never be in a block.
    Replaced,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Chain(u64),
    Sent(Sent),
    Ended(Ended),
}

/// The journal of one chain. While it is open, no other run can open it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    sent: Vec<Sent>,
    ended: HashMap<TxHash, Ended>,
}

impl Journal {
    /// Opens the journal at `path`, or begins it.
    ///
    /// # Errors
    /// When another run has it open, when it is damaged, or when it is another chain's.
    pub fn open(path: &Path, chain_id: u64) -> Result<Self, DistributeError> {
        let failed = |source| DistributeError::Journal {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(DistributeError::Busy { path });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        let mut journal = Self {
            path: path.to_owned(),
            file,
            sent: Vec::new(),
            ended: HashMap::new(),
        };
        let lines = &text[..whole];
        for (index, line) in lines.lines().enumerate() {
            let entry = serde_json::from_str(line);
            let entry = entry.map_err(|source| DistributeError::JournalDamaged {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            match entry {
                Entry::Chain(found) if found != chain_id => {
                    return Err(DistributeError::JournalOfOtherChain {
                        path: path.to_owned(),
                        expected: chain_id,
                        found,
                    });
                }
                Entry::Chain(_) => {}
                Entry::Sent(sent) => journal.sent.push(sent),
                Entry::Ended(ended) => {
                    journal.ended.insert(ended.transaction, ended);
                }
            }
        }
        if whole == 0 {
            journal.append(&Entry::Chain(chain_id))?;
        }
        Ok(journal)
    }

    /// Writes that this transaction will be sent. On disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be sent.
    pub fn will_send(&mut self, sent: Sent) -> Result<(), DistributeError> {
        let entry = Entry::Sent(sent);
        self.append(&entry)?;
        if let Entry::Sent(sent) = entry {
            self.sent.push(sent);
        }
        Ok(())
    }

    /// Writes how a transaction ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn has_ended(&mut self, ended: Ended) -> Result<(), DistributeError> {
        self.append(&Entry::Ended(ended))?;
        self.ended.insert(ended.transaction, ended);
        Ok(())
    }

    /// The transactions of which nobody has seen the end.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Sent> {
        let open = |sent: &&Sent| !self.ended.contains_key(&sent.transaction);
        self.sent.iter().filter(open).cloned().collect()
    }

    /// Every transaction, in the order of sending, and how it ended.
    pub fn history(&self) -> impl Iterator<Item = (&Sent, Option<&Ended>)> {
        (self.sent.iter()).map(|sent| (sent, self.ended.get(&sent.transaction)))
    }

    fn append(&mut self, entry: &Entry) -> Result<(), DistributeError> {
        let write = |file: &mut File| {
            let mut line = serde_json::to_vec(entry)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()
        };
        write(&mut self.file).map_err(|source| DistributeError::Journal {
            path: self.path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribute::{ETHER, Kind};

    fn sent(nonce: u64) -> Sent {
        Sent {
            due: Due {
                kind: Kind::Claim,
                token: ETHER,
                account: Address::repeat_byte(7),
                amount: U256::from(10_u64.pow(18)),
            },
            from: Address::repeat_byte(1),
            nonce,
            transaction: TxHash::with_last_byte(nonce as u8),
            raw: Bytes::from_static(b"signed"),
        }
    }

    fn ended(nonce: u64) -> Ended {
        Ended {
            transaction: TxHash::with_last_byte(nonce as u8),
            outcome: Outcome::Paid,
            block: 5,
            gas_used: 34_303,
            cost_wei: U256::from(7),
            paid: U256::from(10_u64.pow(18)),
            held_for: 0,
        }
    }

    #[test]
    fn what_was_written_is_read_again_and_what_has_no_end_is_unfinished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, 5).unwrap();
        journal.will_send(sent(1)).unwrap();
        journal.will_send(sent(2)).unwrap();
        journal.has_ended(ended(1)).unwrap();
        drop(journal);
        let journal = Journal::open(&path, 5).unwrap();
        assert_eq!(journal.unfinished(), [sent(2)]);
        let history: Vec<_> = journal.history().collect();
        assert_eq!(history, [(&sent(1), Some(&ended(1))), (&sent(2), None)]);
    }

    #[test]
    fn a_line_that_a_crash_left_half_written_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, 5).unwrap();
        journal.will_send(sent(1)).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut journal = Journal::open(&path, 5).unwrap();
            assert_eq!(journal.unfinished(), []);
            journal.will_send(sent(2)).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path, 5).unwrap().unfinished(), [sent(2)]);
        }
    }

    #[test]
    fn a_journal_in_use_of_another_chain_or_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::open(&path, 5).unwrap();
        assert!(matches!(
            Journal::open(&path, 5),
            Err(DistributeError::Busy { .. })
        ));
        drop(journal);
        assert!(matches!(
            Journal::open(&path, 6),
            Err(DistributeError::JournalOfOtherChain { .. })
        ));
        std::fs::write(&path, "{\"chain\":5}\nnonsense\n").unwrap();
        assert!(matches!(
            Journal::open(&path, 5),
            Err(DistributeError::JournalDamaged { line: 2, .. })
        ));
    }
}
