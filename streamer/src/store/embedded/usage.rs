//! How many bytes the store holds: one number in a file, which all processes that use the store change under its lock.
//!
//! It is not synced: after a crash the first that opens the store counts afresh.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::store::{Result, StoreError};

/// The number.
#[derive(Debug)]
pub(super) struct UsageFile {
    path: PathBuf,
    /// The lock of the file is the process's; the mutex is for its threads.
    file: Mutex<File>,
}

impl UsageFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| StoreError::file(&path, source))?;
        Ok(Self {
            path,
            file: Mutex::new(file),
        })
    }

    /// The number now.
    pub(super) fn read(&self) -> Result<u64> {
        self.change(Ok)
    }

    /// Sets it to what has been counted.
    pub(super) fn set(&self, bytes: u64) -> Result<()> {
        self.change(|_| Ok(bytes)).map(drop)
    }

    /// Takes bytes of the quota.
    ///
    /// # Errors
    /// `Full` when they do not fit.
    pub(super) fn take(&self, bytes: u64, quota: u64) -> Result<()> {
        self.change(|used| match used.checked_add(bytes) {
            Some(sum) if sum <= quota => Ok(sum),
            _ => Err(StoreError::Full {
                detail: format!("{used} of {quota} bytes are used"),
            }),
        })
        .map(drop)
    }

    /// Counts bytes that are there whether they fit or not.
    pub(super) fn count(&self, bytes: u64) -> Result<()> {
        self.change(|used| Ok(used.saturating_add(bytes))).map(drop)
    }

    /// Gives bytes back.
    pub(super) fn give_back(&self, bytes: u64) -> Result<()> {
        self.change(|used| Ok(used.saturating_sub(bytes))).map(drop)
    }

    fn change(&self, change: impl FnOnce(u64) -> Result<u64>) -> Result<u64> {
        let failed = |source| StoreError::file(&self.path, source);
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.lock().map_err(failed)?;
        let changed = change_locked(&file, change, failed);
        file.unlock().map_err(failed)?;
        changed
    }
}

fn change_locked(
    file: &File,
    change: impl FnOnce(u64) -> Result<u64>,
    failed: impl Fn(std::io::Error) -> StoreError,
) -> Result<u64> {
    let mut number = [0; 8];
    let read = file.read_at(&mut number, 0).map_err(&failed)?;
    let before = if read == number.len() {
        u64::from_le_bytes(number)
    } else {
        0
    };
    let after = change(before)?;
    if after != before {
        file.write_all_at(&after.to_le_bytes(), 0).map_err(failed)?;
    }
    Ok(after)
}
