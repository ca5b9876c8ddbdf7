//! Opening the folder: its lock, and what the first that opens it does.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;

use cid::Cid;

use super::known::Known;
use super::shared::Shared;
use super::usage::UsageFile;
use super::{Folder, sync_folder};
use crate::store::{Result, StoreError};

impl Folder {
    /// Opens the store in a folder, or makes it.
    pub(super) fn open(path: PathBuf, quota: u64) -> Result<Self> {
        let failed = |source| StoreError::file(&path, source);
        fs::create_dir_all(path.join("incoming")).map_err(failed)?;
        let open = |name: &str| {
            File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path.join(name))
        };
        let door = open("door").map_err(failed)?;
        door.lock().map_err(failed)?;
        let lock = open("lock").map_err(failed)?;
        let folder = Self {
            usage: UsageFile::open(path.join("usage"))?,
            quota,
            known: Known::default(),
            shared: Shared::default(),
            lock,
            door,
            places: RwLock::new(()),
            additions: AtomicU64::new(0),
            path,
        };
        if folder.try_alone()? {
            folder.recover()?;
        }
        folder.share()?;
        folder.close_door()?;
        Ok(folder)
    }

    /// Stands in the door, if nobody does; [`Folder::close_door`] must follow then.
    pub(super) fn try_door(&self) -> Result<bool> {
        match self.door.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(StoreError::file(&self.path, source)),
        }
    }

    /// Leaves the door to others.
    pub(super) fn close_door(&self) -> Result<()> {
        self.door
            .unlock()
            .map_err(|source| StoreError::file(&self.path, source))
    }

    /// Takes the store for this process alone, if nobody else uses it; by whoever stands in the door. Whatever the answer, [`Folder::share`]
    /// must follow.
    pub(super) fn try_alone(&self) -> Result<bool> {
        match self.lock.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(StoreError::file(&self.path, source)),
        }
    }

    /// Lets others use the store too.
    pub(super) fn share(&self) -> Result<()> {
        self.lock
            .lock_shared()
            .map_err(|source| StoreError::file(&self.path, source))
    }

    /// Removes what additions have left that a crash ended, and counts.
    fn recover(&self) -> Result<()> {
        let incoming = self.path.join("incoming");
        let failed = |source| StoreError::file(&incoming, source);
        fs::remove_dir_all(&incoming).map_err(failed)?;
        fs::create_dir(&incoming).map_err(failed)?;
        let first = !self.pins().exists();
        let mut used = 0;
        for shard in self.shards()? {
            for (path, metadata) in files(&shard)? {
                if path.extension().is_some() {
                    fs::remove_file(&path).map_err(|source| StoreError::file(path, source))?;
                } else {
                    used += metadata.len();
                }
            }
        }
        self.usage.set(used)?;
        if first {
            self.pin_all_there_is()?;
        }
        Ok(())
    }

    /// A store of an earlier version holds announcements only, and knows no pins: it keeps everything.
    fn pin_all_there_is(&self) -> Result<()> {
        // The folder gets its name last, so that a crash here is as if nothing had been done.
        let unnamed = self.path.join("pins-unnamed");
        let failed = |source| StoreError::file(&unnamed, source);
        fs::create_dir_all(&unnamed).map_err(failed)?;
        for shard in self.shards()? {
            for (path, _) in files(&shard)? {
                let name = path.file_name().and_then(|name| name.to_str());
                if let Some(name) = name.filter(|name| Cid::from_str(name).is_ok()) {
                    File::create(unnamed.join(name)).map_err(failed)?;
                }
            }
        }
        sync_folder(&unnamed)?;
        fs::rename(&unnamed, self.pins()).map_err(failed)?;
        sync_folder(&self.path)
    }

    /// The folders of blocks.
    pub(super) fn shards(&self) -> Result<Vec<PathBuf>> {
        let failed = |source| StoreError::file(&self.path, source);
        let mut shards = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_shard = entry.file_name().len() == 2;
            if is_shard && entry.file_type().map_err(failed)?.is_dir() {
                shards.push(entry.path());
            }
        }
        Ok(shards)
    }
}

/// The files of a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<(PathBuf, fs::Metadata)>> {
    let failed = |source| StoreError::file(folder, source);
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        all.push((entry.path(), entry.metadata().map_err(failed)?));
    }
    Ok(all)
}
