//! The file that is written: in order, under a temporary name until it is whole; and the media time of what this session brought.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use bitcoin::Amount;
use cid::Cid;

use crate::store::dag::{Kind, Visited};
use crate::stored::Timeline;
use crate::stored::timeline::{MAX_HEAD, TimelineError};

/// A file on its way.
pub(in crate::play) struct Download {
    pub root: Cid,
    to: PathBuf,
    partial: PathBuf,
    file: File,
    kept: u64,
    /// Whether what is kept has been checked in this run.
    pub(super) verified: bool,
    size: Option<u64>,
    metered: bool,
    timeline: Option<Timeline>,
    /// Leaves of this session that came before the timeline could be read.
    unpriced: Vec<(u64, u64)>,
    checked_ms: u64,
    /// A leaf that the index makes dearer is not paid for: the index is the creator's word, and nothing bounds it (12.4).
    pub most_leaf_ms: u64,
    told: Option<Instant>,
}

impl Drop for Download {
    /// Nobody misses a file without a byte: whoever asks for the price alone leaves none behind.
    fn drop(&mut self) {
        if self.kept == 0 {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

impl Download {
    /// Goes on with what is there, or begins.
    ///
    /// # Errors
    /// When the file exists, or another run writes it, or it cannot be written.
    pub fn open(root: Cid, size: Option<u64>, to: &Path) -> anyhow::Result<Self> {
        ensure!(!to.try_exists()?, "{} exists already", to.display());
        let mut partial = to.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let name = || partial.display().to_string();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&partial).with_context(name)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another run writes {}", name()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(name),
        }
        let kept = file.metadata().with_context(name)?.len();
        let mut download = Self {
            root,
            to: to.to_owned(),
            partial,
            file,
            kept,
            verified: kept == 0,
            size,
            metered: false,
            timeline: None,
            unpriced: Vec::new(),
            checked_ms: 0,
            most_leaf_ms: u64::MAX,
            told: None,
        };
        // Only to know what the rest costs. What is there is checked against its CIDs before anything is built upon it.
        let _ = download.learn();
        Ok(download)
    }

    /// The bytes that are there.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// The whole file's, when it is known.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The media that is missing, when the begin is there.
    pub fn rest_ms(&self) -> Option<u64> {
        let timeline = self.timeline.as_ref()?;
        Some(timeline.cost(self.kept, self.size?))
    }

    /// Media of this session's leaves that has been checked.
    pub fn checked_ms(&self) -> u64 {
        self.checked_ms
    }

    /// What comes from here on belongs to a new session.
    pub(super) fn begin_session(&mut self, metered: bool) {
        self.metered = metered;
        self.unpriced.clear();
        self.checked_ms = 0;
    }

    /// The file's size, as its root has it.
    pub(super) fn learn_size(&mut self, size: u64) -> anyhow::Result<()> {
        let stated = *self.size.get_or_insert(size);
        ensure!(
            stated == size,
            "the offer says that the file has {stated} bytes, and it has {size}"
        );
        Ok(())
    }

    /// A checked block: written if it comes next, and counted.
    pub(super) fn take(&mut self, visited: &Visited) -> anyhow::Result<()> {
        let Kind::Leaf { start, end } = visited.kind else {
            return Ok(());
        };
        if end > self.kept {
            ensure!(start == self.kept, "a part of the file is missing");
            let written = self.file.seek(SeekFrom::Start(start));
            let written = written.and_then(|_| self.file.write_all(&visited.data));
            written.with_context(|| self.partial.display().to_string())?;
            self.kept = end;
        }
        if !self.metered {
            return Ok(());
        }
        self.unpriced.push((start, end));
        self.learn()?;
        if let Some(timeline) = &self.timeline {
            let leaves = self.unpriced.drain(..);
            let costs = leaves.map(|(start, end)| timeline.cost(start, end));
            let (dearest, cost) = costs.fold((0, 0u64), |(dearest, sum), cost| {
                (cost.max(dearest), sum.saturating_add(cost))
            });
            ensure!(
                dearest <= self.most_leaf_ms,
                "the block {} counts as {dearest} ms of the video, and was not paid for; --max-block-seconds allows more",
                visited.cid
            );
            self.checked_ms = self.checked_ms.saturating_add(cost);
        }
        Ok(())
    }

    /// Reads the timeline, as soon as enough is there.
    fn learn(&mut self) -> anyhow::Result<()> {
        let (None, Some(size)) = (&self.timeline, self.size) else {
            return Ok(());
        };
        let mut head = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file)
            .take(self.kept.min(MAX_HEAD))
            .read_to_end(&mut head)?;
        match Timeline::parse(&head, size) {
            Ok(timeline) => self.timeline = Some(timeline),
            Err(TimelineError::Incomplete { needed }) if needed > self.kept => {}
            Err(error) => return Err(anyhow!("it cannot be paid by the second: {error}")),
        }
        Ok(())
    }

    /// Bytes that are there already.
    pub(super) fn read(&mut self, start: u64, length: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Lets go of what is behind.
    pub(super) fn keep(&mut self, length: u64) -> anyhow::Result<()> {
        if length < self.kept {
            self.file.set_len(length)?;
            self.timeline = None;
        }
        (self.kept, self.verified) = (length, true);
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it is not whole, or cannot be written.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        ensure!(self.size == Some(self.kept), "the file is not whole");
        self.file.sync_all()?;
        // Unlike a rename, a link never takes the place of a file that came meanwhile.
        fs::hard_link(&self.partial, &self.to)
            .or_else(|error| match self.to.try_exists() {
                Ok(false) => fs::rename(&self.partial, &self.to),
                Ok(true) | Err(_) => Err(error),
            })
            .with_context(|| self.to.display().to_string())?;
        let _ = fs::remove_file(&self.partial);
        Ok(())
    }

    /// Where the file stands.
    pub fn standing(&self) -> String {
        match self.size {
            Some(size) if size == self.kept && self.to.exists() => {
                format!("{} is whole: {size} bytes", self.to.display())
            }
            Some(size) => format!(
                "{} of {size} bytes are in {}; the same command goes on from there",
                self.kept,
                self.partial.display()
            ),
            None => format!("nothing of {} was read", self.to.display()),
        }
    }

    /// Tells on standard error how far it is: twice a second at a terminal, else each five seconds, and at the end.
    pub(super) fn tell(&mut self, paid: Option<Amount>) {
        let Some(size) = self.size.filter(|size| *size > 0) else {
            return;
        };
        let terminal = std::io::stderr().is_terminal();
        let pause = Duration::from_millis(if terminal { 500 } else { 5000 });
        let whole = self.kept >= size;
        if !whole && self.told.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        self.told = Some(Instant::now());
        let share = u128::from(self.kept) * 100 / u128::from(size);
        let paid = paid.map_or_else(String::new, |paid| format!(", {} sat paid", paid.to_sat()));
        let (start, end) = match (terminal, whole) {
            (true, false) => ("\r", ""),
            (true, true) => ("\r", "\n"),
            (false, _) => ("", "\n"),
        };
        let line = format!(
            "{start}{share} %, {} of {size} bytes checked{paid}{end}",
            self.kept
        );
        // Nobody may be there to read it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
