//! An addition that is under way: its blocks stand in a folder of their own until all are there.
//!
//! A block that the store has already is linked into that folder, so that a collection cannot take it away in between.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cid::Cid;

use super::{Folder, sync_folder};
use crate::store::{Result, StoreError};

/// The ending of a staged block that the store had already, and that counts no second time.
const LINK: &str = ".link";

/// The folder of one addition; it goes away with this.
#[derive(Debug)]
pub(super) struct Staging {
    folder: Arc<Folder>,
    path: PathBuf,
}

impl Staging {
    /// Begins an addition.
    pub(super) fn begin(folder: Arc<Folder>) -> Result<Self> {
        let number = folder.additions.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let path = folder.path.join("incoming").join(name);
        fs::create_dir(&path).map_err(|source| StoreError::file(&path, source))?;
        Ok(Self { folder, path })
    }

    /// Writes a block, and gives the file that is to be synced; `None` when the store or the addition has the block.
    /// The bytes must have been checked against the CID.
    pub(super) fn write(&self, cid: &Cid, bytes: &[u8]) -> Result<Option<File>> {
        let name = Folder::name(cid);
        let place = self.folder.block_path(&name);
        if holds(&place, bytes)? {
            let link = self.path.join(name.clone() + LINK);
            match fs::hard_link(&place, &link) {
                Ok(()) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
                // A collection was quicker.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(StoreError::file(link, source)),
            }
        }
        let path = self.path.join(&name);
        let failed = |source| StoreError::file(&path, source);
        let mut file = match File::create_new(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let taken = self
            .folder
            .usage
            .take(bytes.len() as u64, self.folder.quota)
            .and_then(|()| file.write_all(bytes).map_err(failed));
        if let Err(error) = taken {
            // What has been taken of the quota is given back by the length of the file.
            let _ = file.set_len(match error {
                StoreError::Full { .. } => 0,
                _ => bytes.len() as u64,
            });
            return Err(error);
        }
        Ok(Some(file))
    }

    /// Moves all blocks to their places, and pins the root. Every file must have been synced.
    pub(super) fn commit(self, root: Option<&Cid>) -> Result<()> {
        let _places = self.folder.shared();
        let mut shards = BTreeSet::new();
        let mut made_shard = false;
        let failed = |source| StoreError::file(&self.path, source);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let staged = entry.map_err(failed)?.path();
            let place = self.place_of(&staged)?;
            let shard = place.parent().map(Path::to_owned).unwrap_or_default();
            if !shards.contains(&shard) {
                match fs::create_dir(&shard) {
                    Ok(()) => made_shard = true,
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(source) => return Err(StoreError::file(shard, source)),
                }
            }
            self.move_to(&staged, &place)?;
            shards.insert(shard);
        }
        let shards: Vec<_> = shards.into_iter().collect();
        side_by_side(&shards, |shard| sync_folder(shard))?;
        if made_shard {
            sync_folder(&self.folder.path)?;
        }
        match root {
            Some(root) => self.folder.write_pin(root),
            None => Ok(()),
        }
    }

    fn place_of(&self, staged: &Path) -> Result<PathBuf> {
        let name = staged.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default();
        let name = name.strip_suffix(LINK).unwrap_or(name);
        Ok(self.folder.block_path(name))
    }

    /// Moves one block, and keeps the count of bytes right: what was written counts already, what was linked does not, and what stood
    /// there before goes.
    fn move_to(&self, staged: &Path, place: &Path) -> Result<()> {
        let failed = |source| StoreError::file(staged, source);
        let ours = fs::symlink_metadata(staged).map_err(failed)?;
        let before = match fs::symlink_metadata(place) {
            Ok(theirs) if theirs.ino() == ours.ino() => return Ok(()),
            Ok(theirs) => theirs.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(source) => return Err(StoreError::file(place, source)),
        };
        fs::rename(staged, place).map_err(failed)?;
        if is_link(staged) {
            self.folder.usage.count(ours.len())?;
        }
        self.folder.usage.give_back(before)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let mut unused = 0;
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if !is_link(&entry.path()) {
                unused += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
        if let Err(error) = self.folder.usage.give_back(unused) {
            tracing::warn!(%error, "the store's use cannot be written; the next start counts afresh");
        }
        if let Err(source) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %source, "what an addition left cannot be removed; the next start removes it");
        }
    }
}

/// Makes written blocks durable.
///
/// # Errors
/// When the disk fails.
pub(super) fn sync(written: &[File]) -> Result<()> {
    for file in written {
        file.sync_data()
            .map_err(|source| StoreError::file("a block", source))?;
    }
    Ok(())
}

/// Threads that wait for the disk at a time: it finishes many waits together.
const WAITS: usize = 16;

/// Waits for the disk on account of each item.
pub(super) fn side_by_side<T: Sync>(
    items: &[T],
    wait: impl Fn(&T) -> Result<()> + Sync,
) -> Result<()> {
    let share = items.len().div_ceil(WAITS).max(1);
    std::thread::scope(|scope| {
        let waits: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(|| items.iter().try_for_each(&wait)))
            .collect();
        waits.into_iter().try_for_each(|wait| {
            let ended = wait.join();
            ended.map_err(|_| StoreError::Interrupted("a wait for the disk".to_owned()))?
        })
    })
}

fn is_link(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| LINK.strip_prefix('.') == ending.to_str())
}

/// Whether a file holds exactly these bytes. If it is damaged, it will be written anew.
fn holds(path: &Path, bytes: &[u8]) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(StoreError::file(path, source)),
    };
    let failed = |source| StoreError::file(path, source);
    if file.metadata().map_err(failed)?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut held = Vec::with_capacity(bytes.len());
    Ok(file.read_to_end(&mut held).is_ok() && held == bytes)
}
