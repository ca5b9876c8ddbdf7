//! What the store keeps for the library: a file stays pinned from its addition until the last item that needs it is gone.
//!
//! Two items may have a file in common (the same video uploaded twice), so one may let go of what another is just adding. An addition is
//! noted before it begins, and noting and unpinning each happen as a whole, under one lock: what is noted is never unpinned.
//!
//! Pins have no owner in the store, and somebody may have pinned the same file by hand. The library knows which pins are its own
//! (`own_pins`), and no other is ever taken away.
//!
//! What is to be unpinned stands in the library first (`loose_files`), so neither a crash nor a store that is away leaves a pin for good.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use cid::Cid;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::work::changed;
use super::{Preparer, Trouble, Work, lock};
use crate::error::Result;
use crate::library::{Item, Library, State};
use crate::store::{Added, ContentStore, Progress, QUIET, Source, only_hash};

impl Preparer {
    /// Adds a file for an item that is worked on. `open` gives it from its beginning, twice: its CID must be known before it is pinned. It is
    /// not to be dropped: when the work is to end, the file breaks off and the addition fails by itself, never in the middle of pinning.
    pub(super) async fn keep<'a, F>(
        &self,
        work: &Work,
        open: impl Fn() -> F,
        progress: Progress<'_>,
    ) -> Result<Added, Trouble>
    where
        F: Future<Output = io::Result<Source<'a>>>,
    {
        let source = || async {
            let source = open().await?;
            let cut = work.cut.clone();
            Ok::<Source<'a>, io::Error>(Box::pin(Cut { source, cut }))
        };
        let file = only_hash(source().await?, QUIET).await?.cid;
        {
            let _turn = self.pins.lock().await;
            work.added().push(file);
            if !self.store.is_pinned(&file).await? {
                self.library.own(&file).await.map_err(Trouble::Library)?;
            }
        }
        let added = self.store.add(source().await?, progress).await?;
        if added.cid != file {
            return Err(changed().into());
        }
        Ok(added)
    }

    /// Unpins what was let go, but for what another video, or another item's work, needs too, and what somebody has pinned by hand. What cannot
    /// be unpinned now is tried again.
    pub async fn let_go(&self) {
        let loose = match self.library.loose().await {
            Ok(loose) => loose,
            Err(error) => return error.log(),
        };
        for cid in loose {
            let _turn = self.pins.lock().await;
            let at_work = lock(&self.running)
                .values()
                .any(|work| work.added().contains(&cid));
            if at_work || self.library.needs(&cid) {
                continue;
            }
            let own = match self.library.owns(&cid).await {
                Ok(own) => own,
                Err(error) => return error.log(),
            };
            if own {
                if let Err(error) = self.store.unpin(&cid).await {
                    tracing::warn!(%cid, %error, "a file could not be let go; it takes room until it is");
                    return;
                }
                self.unpinned.notify_one();
            }
            let still_own = match self.library.unpinned(&cid).await {
                Ok(still_own) => still_own,
                Err(error) => return error.log(),
            };
            // Whoever pinned it by hand in between may have found our pin.
            if own
                && !still_own
                && let Err(error) = self.store.pin(&cid, QUIET).await
            {
                tracing::error!(%cid, %error, "a file that was pinned by hand could not be kept");
            }
        }
    }

    /// Sees to it that what the videos need is pinned, before a collection: [`pin_needed`].
    ///
    /// # Errors
    /// As there.
    pub async fn pin_needed(&self) -> Result<()> {
        let _turn = self.pins.lock().await;
        pin_needed(&self.library, &*self.store).await
    }

    /// Takes in a video of a file that somebody has pinned by hand, unless the operator has it already; answers the operator's item. From now
    /// on the pin is the library's: the file is kept as long as an item needs it. `None`, with nothing noted, when it is not pinned.
    ///
    /// # Errors
    /// When the store or the library fails.
    pub async fn take_in(&self, item: Item, file: &Cid) -> Result<Option<Item>> {
        let _turn = self.pins.lock().await;
        let mut there = self.library.ready_with(file).into_iter();
        if let Some(there) = there.find(|item| item.owner.is_none()) {
            return Ok(Some(there));
        }
        if !self.store.is_pinned(file).await? {
            return Ok(None);
        }
        self.library.insert(&item).await?;
        self.library.own(file).await?;
        Ok(Some(item))
    }

    /// Leaves nothing of an item that nobody works on and that is not to be made ready: neither files nor pins of an earlier streamer's work on it.
    pub(super) async fn leave_nothing(&self, item: &Item) -> Result<()> {
        let files = self.files_of(item).await;
        self.library.loosen(&files).await?;
        self.forget_files(item.item_id).await;
        Ok(())
    }
}

/// Pins what the videos of a library need and the store does not keep: a store or a library that came back from a copy may be older than the
/// other. All that can be pinned is, whatever is missing of the rest.
///
/// # Errors
/// When a file is not whole, of the first such file; each is logged. When the store or the library fails.
pub async fn pin_needed(library: &Library, store: &dyn ContentStore) -> Result<()> {
    let pinned: HashSet<Cid> = store.pins().await?.into_iter().collect();
    let mut fault = None;
    for item in library.all_ready() {
        let State::Ready(stored) = &item.state else {
            continue;
        };
        for file in stored.files() {
            if pinned.contains(&file) {
                continue;
            }
            library.own(&file).await?;
            match store.pin(&file, QUIET).await {
                Ok(()) => {
                    tracing::warn!(item = %item.item_id, %file, "a file of a video was not pinned; it is now");
                }
                Err(error) => {
                    tracing::error!(item = %item.item_id, %file, %error, "a file of a video is not whole: nothing is collected until it is, or its item is removed");
                    fault.get_or_insert(error);
                }
            }
        }
    }
    fault.map_or(Ok(()), |error| Err(error.into()))
}

impl Work {
    /// What it has put into the store so far.
    pub(super) fn added(&self) -> std::sync::MutexGuard<'_, Vec<Cid>> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that breaks off when the work on it is to end.
struct Cut<'a> {
    source: Source<'a>,
    cut: CancellationToken,
}

impl AsyncRead for Cut<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.is_cancelled() {
            return Poll::Ready(Err(io::Error::other("the work on it was ended")));
        }
        self.source.as_mut().poll_read(context, buffer)
    }
}
