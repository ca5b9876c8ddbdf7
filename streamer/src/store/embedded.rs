//! The embedded store: one block a file.
//!
//! ```text
//! blocks/<xx>/<CID>            a block, under the raw version 1 CID of its digest, in folders by that name's last characters
//! blocks/pins/<CID>            an empty file for each pinned root
//! blocks/incoming/<addition>/  blocks of additions that are under way
//! blocks/usage, blocks/lock    bytes in all; who uses the store
//! blocks/door                  held while somebody comes to use it, and during a collection
//! ```
//!
//! Several processes may use one folder: each holds the lock shared, and a collection needs it alone. An addition writes its blocks under
//! `incoming`, syncs them, and moves them to their places when all are there. So a block that is in its place was synced before,
//! and an addition that fails leaves nothing. Blocks are checked whenever they are read
//! (`known.rs`), and those that somebody holds already are not read again (`shared.rs`).

mod add;
mod collect;
mod known;
mod open;
mod shared;
mod staging;
mod usage;

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bytes::Bytes;
use cid::Cid;

use self::known::Known;
use self::shared::Shared;
use self::staging::Staging;
use self::usage::UsageFile;
use super::block::{self, MAX_BLOCK, Place, RAW};
use super::dag::Walk;
use super::{Added, Collected, ContentStore, Progress, Result, Source, StoreError, Usage};

/// Blocks in files.
#[derive(Debug, Clone)]
pub struct Embedded(Arc<Folder>);

/// The folder that the store is.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    quota: u64,
    usage: UsageFile,
    known: Known,
    shared: Shared,
    /// Held shared for as long as the store is open.
    lock: File,
    /// Held alone while the lock changes between shared and alone: for a moment it is neither then, and nobody may come in.
    door: File,
    /// Shared by who moves blocks to their places or pins; held alone by a collection.
    places: RwLock<()>,
    /// Numbers the additions of this process.
    additions: AtomicU64,
}

impl Embedded {
    /// Opens the store in a folder, or makes it. The first that opens it removes what a crash has left and adds up what is there.
    ///
    /// # Errors
    /// When the folder cannot be read or made.
    pub fn open(path: PathBuf, quota: u64) -> Result<Self> {
        Ok(Self(Arc::new(Folder::open(path, quota)?)))
    }

    /// Runs what touches the disk where it holds up nobody.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Folder>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = Arc::clone(&self.0);
        join(tokio::task::spawn_blocking(move || work(&folder)).await)
    }
}

/// The result of a task, or that it was ended.
fn join<T>(joined: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    joined.map_err(|error| StoreError::Interrupted(error.to_string()))?
}

#[async_trait]
impl ContentStore for Embedded {
    async fn add(&self, source: Source<'_>, progress: Progress<'_>) -> Result<Added> {
        add::add(&self.0, source, progress).await
    }

    async fn block(&self, cid: &Cid) -> Result<Option<Bytes>> {
        let cid = *cid;
        match block::place(&cid)? {
            Place::Inline(bytes) => Ok(Some(bytes)),
            Place::Stored => match self.0.shared.get(&cid) {
                Some(block) => Ok(Some(block)),
                None => self.on_disk(move |folder| folder.block(&cid)).await,
            },
        }
    }

    async fn put(&self, blocks: Vec<(Cid, Bytes)>) -> Result<()> {
        self.on_disk(move |folder| {
            let staging = Staging::begin(Arc::clone(folder))?;
            let mut written = Vec::new();
            for (cid, bytes) in &blocks {
                block::check(cid, bytes)?;
                if block::place(cid)? == Place::Stored {
                    written.extend(staging.write(cid, bytes)?);
                }
            }
            staging::side_by_side(&written, |file| staging::sync(std::slice::from_ref(file)))?;
            staging.commit(None)
        })
        .await
    }

    async fn pin(&self, root: &Cid, progress: Progress<'_>) -> Result<()> {
        let root = *root;
        let held = self
            .on_disk(move |folder| {
                let _places = folder.shared();
                let held = folder.whole(&root)?;
                folder.write_pin(&root)?;
                Ok(held)
            })
            .await?;
        progress(held);
        Ok(())
    }

    async fn unpin(&self, root: &Cid) -> Result<()> {
        let root = *root;
        self.on_disk(move |folder| {
            let path = folder.pin_path(&root);
            match fs::remove_file(&path) {
                Ok(()) => sync_folder(&folder.pins()),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(source) => Err(StoreError::file(path, source)),
            }
        })
        .await
    }

    async fn is_pinned(&self, root: &Cid) -> Result<bool> {
        let root = *root;
        self.on_disk(move |folder| {
            let path = folder.pin_path(&root);
            path.try_exists()
                .map_err(|source| StoreError::file(path, source))
        })
        .await
    }

    async fn pins(&self) -> Result<Vec<Cid>> {
        self.on_disk(|folder| folder.list_pins()).await
    }

    async fn usage(&self) -> Result<Usage> {
        self.on_disk(|folder| {
            Ok(Usage {
                used_bytes: folder.usage.read()?,
                quota_bytes: folder.quota,
            })
        })
        .await
    }

    async fn health(&self) -> Result<()> {
        self.on_disk(|folder| {
            // A name of its own: several may ask at once.
            let number = folder.additions.fetch_add(1, Ordering::Relaxed);
            let name = format!("health-{}-{number}", std::process::id());
            let path = folder.path.join("incoming").join(name);
            fs::write(&path, b"well")
                .and_then(|()| fs::remove_file(&path))
                .map_err(|source| StoreError::file(path, source))
        })
        .await
    }

    async fn gc(&self) -> Result<Collected> {
        self.on_disk(|folder| collect::collect(folder)).await
    }
}

impl Folder {
    /// The name of a block: codec and version do not matter, the digest does.
    fn name(cid: &Cid) -> String {
        Cid::new_v1(RAW, *cid.hash()).to_string()
    }

    fn block_path(&self, name: &str) -> PathBuf {
        let shard = &name[name.len().saturating_sub(2)..];
        self.path.join(shard).join(name)
    }

    fn pins(&self) -> PathBuf {
        self.path.join("pins")
    }

    fn pin_path(&self, root: &Cid) -> PathBuf {
        self.pins().join(root.to_string())
    }

    /// For moving blocks to their places, and for pinning.
    fn shared(&self) -> RwLockReadGuard<'_, ()> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For collecting.
    fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block, checked.
    fn block(&self, cid: &Cid) -> Result<Option<Bytes>> {
        let path = self.block_path(&Self::name(cid));
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::file(path, source)),
        };
        let failed = |source| StoreError::file(&path, source);
        let length = file.metadata().map_err(failed)?.len();
        if length > MAX_BLOCK as u64 {
            return Err(StoreError::Damaged { cid: *cid });
        }
        let mut bytes = self.shared.buffer(length as usize);
        file.by_ref()
            .take(length)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if self.known.matches(cid, &bytes) {
            Ok(Some(self.shared.hold(cid, bytes)))
        } else if block::matches(cid, &bytes)? {
            self.known.note(cid, &bytes);
            Ok(Some(self.shared.hold(cid, bytes)))
        } else {
            tracing::error!(path = %path.display(), "a stored block is damaged");
            Err(StoreError::Damaged { cid: *cid })
        }
    }

    /// Checks that all blocks of a file are here, and counts them. Raw leaves are not read.
    fn whole(&self, root: &Cid) -> Result<u64> {
        let mut walk = Walk::once(*root, 0..u64::MAX);
        let mut blocks = 0;
        while let Some(cid) = walk.wants() {
            blocks += 1;
            match self.length_of_leaf(&cid)? {
                Some(length) => walk.pass(length)?,
                None => {
                    let block = match block::place(&cid)? {
                        Place::Inline(bytes) => Some(bytes),
                        Place::Stored => self.block(&cid)?,
                    };
                    walk.accept(block.ok_or(StoreError::Missing { cid })?)?;
                }
            }
        }
        Ok(blocks)
    }

    /// The length of a stored raw leaf; `None` for what must be read.
    fn length_of_leaf(&self, cid: &Cid) -> Result<Option<u64>> {
        if cid.codec() != RAW || block::place(cid)? != Place::Stored {
            return Ok(None);
        }
        let path = self.block_path(&Self::name(cid));
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::Missing { cid: *cid })
            }
            Err(source) => Err(StoreError::file(path, source)),
        }
    }

    fn write_pin(&self, root: &Cid) -> Result<()> {
        let path = self.pin_path(root);
        let file = File::create(&path).map_err(|source| StoreError::file(&path, source))?;
        file.sync_all()
            .map_err(|source| StoreError::file(path, source))?;
        sync_folder(&self.pins())
    }

    fn list_pins(&self) -> Result<Vec<Cid>> {
        let path = self.pins();
        let failed = |source| StoreError::file(&path, source);
        let mut pins = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            match name.to_str().map(Cid::from_str) {
                Some(Ok(cid)) => pins.push(cid),
                _ => tracing::warn!(?name, "a file among the pins is not one"),
            }
        }
        Ok(pins)
    }
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StoreError::file(path, source))
}

#[cfg(test)]
mod tests;
