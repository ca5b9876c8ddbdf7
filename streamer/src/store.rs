//! The embedded content store: one block a file, in folders by the last characters of its CID.
//!
//! A block is written under a temporary name, synced, and renamed; it is verified against its CID when it is read. So a crash or a
//! bad disk never makes the store answer wrong bytes. The bytes in all are bounded.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cid::Cid;
use multihash_codetable::{Code as Hash, MultihashDigest};

use crate::error::{Code, Error, Result, refused};

/// The multicodec of raw bytes.
const RAW: u64 = 0x55;

/// Blocks on disk.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    limit: u64,
    used: Mutex<u64>,
}

impl Store {
    /// Opens the store in a folder, or makes it; adds up what it holds.
    ///
    /// # Errors
    /// When the folder cannot be read or made.
    pub fn open(folder: PathBuf, limit: u64) -> Result<Self> {
        let failed = |source| Error::File {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut used = 0;
        for shard in fs::read_dir(&folder).map_err(failed)? {
            let shard = shard.map_err(failed)?.path();
            if !shard.is_dir() {
                continue;
            }
            for block in fs::read_dir(&shard).map_err(failed)? {
                let block = block.map_err(failed)?;
                if block.path().extension().is_some() {
                    fs::remove_file(block.path()).map_err(failed)?;
                } else {
                    used += block.metadata().map_err(failed)?.len();
                }
            }
        }
        Ok(Self {
            folder,
            limit,
            used: Mutex::new(used),
        })
    }

    /// Stores bytes as one raw block. The same bytes have the same CID, and are stored once.
    ///
    /// # Errors
    /// `rate_limited` when the store is full; when the disk fails.
    pub fn add(&self, bytes: &[u8]) -> Result<Cid> {
        let cid = cid_of(bytes);
        let path = self.path(&cid);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if path.exists() {
            return Ok(cid);
        }
        let size = bytes.len() as u64;
        if used.saturating_add(size) > self.limit {
            return Err(refused(Code::RateLimited, "this provider's store is full"));
        }
        write(&path, bytes).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        *used += size;
        Ok(cid)
    }

    /// The bytes of a block, verified; `None` when it is not here.
    ///
    /// # Errors
    /// When the disk fails or holds something else than it should.
    pub fn read(&self, cid: &Cid) -> Result<Option<Vec<u8>>> {
        let path = self.path(cid);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::File { path, source }),
        };
        if cid_of(&bytes) != *cid {
            return Err(Error::Damaged(format!("the stored block {cid}")));
        }
        Ok(Some(bytes))
    }

    fn path(&self, cid: &Cid) -> PathBuf {
        let name = cid.to_string();
        let shard = &name[name.len().saturating_sub(2)..];
        self.folder.join(shard).join(&name)
    }
}

/// The CID of bytes as one raw block: version 1, SHA2-256.
#[must_use]
pub fn cid_of(bytes: &[u8]) -> Cid {
    Cid::new_v1(RAW, Hash::Sha2_256.digest(bytes))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_by_their_cid_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let cid = Store::open(folder.path().into(), 100)
            .unwrap()
            .add(b"hello")
            .unwrap();
        assert!(cid.to_string().starts_with("bafkrei"));
        let store = Store::open(folder.path().into(), 100).unwrap();
        assert_eq!(store.read(&cid).unwrap().unwrap(), b"hello");
        assert_eq!(store.read(&cid_of(b"other")).unwrap(), None);
    }

    #[test]
    fn a_damaged_block_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into(), 100).unwrap();
        let cid = store.add(b"hello").unwrap();
        fs::write(store.path(&cid), b"hullo").unwrap();
        assert!(matches!(store.read(&cid), Err(Error::Damaged(_))));
    }

    #[test]
    fn the_bytes_in_all_are_bounded_and_the_same_bytes_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().into(), 8).unwrap();
        store.add(b"hello").unwrap();
        store.add(b"hello").unwrap();
        assert_eq!(store.add(b"world").unwrap_err().code(), Code::RateLimited);
        assert!(store.add(b"abc").is_ok());
    }
}
