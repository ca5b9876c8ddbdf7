//! `paystream-streamer store …` and `paystream-streamer pin`: the store by hand.
//!
//! All of them but `store gc` may run beside a streamer that uses the same folder. Results go to standard output, progress to standard error.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cid::Cid;
use clap::{Args, Subcommand};
use tokio::fs::File;
use tokio::io::{BufReader, BufWriter};
use url::Url;

use super::{
    ContentStore, Gateways, QUIET, Result, StoreError, StoreKind, StoreOptions, export, import,
    only_hash, verify,
};
use crate::app;
use crate::library::{self, Library, State};
use crate::prepare::pin_needed;

/// The store by hand.
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

/// Which store is meant.
#[derive(Debug, Args)]
struct Which {
    /// The streamer's data folder.
    #[arg(long, env = "PAYSTREAM_STREAMER_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    options: StoreOptions,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Adds a file as it is, pins it, and prints its CID.
    Add {
        /// The file.
        file: PathBuf,
        /// Compute the CID, and store nothing.
        #[arg(long)]
        only_hash: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Reads every block of what is pinned and checks it against its CID.
    Verify {
        /// Only these files.
        cids: Vec<Cid>,
        #[command(flatten)]
        which: Which,
    },
    /// Takes back what `pin`, `store add` or `store import` has pinned: its blocks go with the next collection. Not while a video needs it.
    Unpin {
        /// The file's CID.
        cid: Cid,
        #[command(flatten)]
        which: Which,
    },
    /// Removes blocks that nothing pinned needs. What the streamer's videos need is pinned first, so no streamer may run.
    Gc {
        #[command(flatten)]
        which: Which,
    },
    /// Writes a stored file, with its blocks, as a CAR file.
    Export {
        /// The file's CID.
        cid: Cid,
        /// Where to; it must not exist.
        car: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Takes the blocks of a CAR file, each checked, and pins its roots.
    Import {
        /// The CAR file.
        car: PathBuf,
        #[command(flatten)]
        which: Which,
    },
}

/// Keeps a file that others hold.
#[derive(Debug, Args)]
pub struct PinArguments {
    /// The file's CID.
    cid: Cid,
    /// A trustless gateway that has the file: a public one, or another streamer's address (repeatable, or separated by commas). Kubo
    /// finds content by itself.
    #[arg(long, value_delimiter = ',')]
    from: Vec<Url>,
    #[command(flatten)]
    which: Which,
}

impl Which {
    /// The library of the streamer whose folder this is, if there is one.
    async fn library(&self) -> anyhow::Result<Option<Library>> {
        let path = match &self.data_dir {
            Some(folder) => folder.join(library::FILE),
            None => return Ok(None),
        };
        if !path.try_exists()? {
            return Ok(None);
        }
        Ok(Some(Library::open(&path).await?))
    }

    /// Keeps the streamer whose library it is from running, until this is dropped.
    fn alone(&self) -> anyhow::Result<Option<std::fs::File>> {
        match &self.data_dir {
            Some(folder) if folder.join(library::FILE).try_exists()? => {
                Ok(Some(app::lock(folder)?))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Notes that these files were pinned by hand: the streamer does not unpin them with its items. It may have done so a moment before.
    async fn keep(&self, store: &dyn ContentStore, files: &[Cid]) -> anyhow::Result<()> {
        if self.data_dir.is_none() {
            to_stderr(
                "warning: without --data-dir no streamer is told: one that has pinned the same for a video unpins it with the video\n",
            );
        }
        if let Some(library) = self.library().await? {
            for file in files {
                library.disown(file).await?;
            }
            library.close().await;
        }
        for file in files {
            if !store.is_pinned(file).await? {
                store.pin(file, QUIET).await?;
            }
        }
        Ok(())
    }

    fn open(&self) -> anyhow::Result<Arc<dyn ContentStore>> {
        let folder = match (&self.data_dir, self.options.store) {
            (Some(folder), _) => folder.as_path(),
            (None, StoreKind::Kubo) => Path::new(""),
            (None, StoreKind::Embedded) => {
                anyhow::bail!("--data-dir is needed: the folder that the store is in")
            }
        };
        Ok(self.options.open(folder)?)
    }
}

/// Runs `store …`.
///
/// # Errors
/// What went wrong, for the person at the terminal.
pub async fn store(arguments: StoreArguments) -> anyhow::Result<()> {
    match arguments.command {
        StoreCommand::Add {
            file,
            only_hash,
            which,
        } => add(&file, only_hash, &which).await,
        StoreCommand::Verify { cids, which } => verify_all(which.open()?, cids).await,
        StoreCommand::Unpin { cid, which } => unpin(&cid, &which).await,
        StoreCommand::Gc { which } => {
            let store = which.open()?;
            // What the library needs is not to change between the pinning and the collecting.
            let _alone = which.alone()?;
            if let Some(library) = which.library().await? {
                pin_needed(&library, &*store).await?;
                library.close().await;
            }
            let collected = store.gc().await?;
            say(&format!(
                "removed {} blocks, {} bytes",
                collected.blocks, collected.bytes
            ))
        }
        StoreCommand::Export { cid, car, which } => write_car(which.open()?, cid, &car).await,
        StoreCommand::Import { car, which } => {
            let store = which.open()?;
            let progress = Report::new("bytes", length(&car).await?);
            let file = BufReader::with_capacity(1 << 18, open(&car).await?);
            let roots = import(&*store, file, &|bytes| progress.tell(bytes)).await?;
            which.keep(&*store, &roots).await?;
            progress.done();
            for root in roots {
                say(&format!("imported and pinned {root}"))?;
            }
            Ok(())
        }
    }
}

/// Runs `pin`.
///
/// # Errors
/// What went wrong, for the person at the terminal.
pub async fn pin(arguments: PinArguments) -> anyhow::Result<()> {
    let store = arguments.which.open()?;
    let cid = arguments.cid;
    let progress = Report::new("blocks", 0);
    let tell: super::Progress<'_> = &|blocks| progress.tell(blocks);
    if !arguments.from.is_empty() {
        let gateways = Gateways::new(arguments.from)?;
        gateways.fetch(&*store, &cid, tell).await?;
    }
    match store.pin(&cid, tell).await {
        Ok(()) => {}
        Err(StoreError::Missing { cid: block }) => anyhow::bail!(
            "the block {block} is not in this store; name gateways that have it with --from"
        ),
        Err(error) => return Err(error.into()),
    }
    arguments.which.keep(&*store, &[cid]).await?;
    progress.done();
    say(&format!("pinned {cid}"))
}

async fn add(path: &Path, hash_only: bool, which: &Which) -> anyhow::Result<()> {
    let progress = Report::new("bytes", length(path).await?);
    let tell: super::Progress<'_> = &|bytes| progress.tell(bytes);
    let file = Box::pin(open(path).await?);
    let added = if hash_only {
        only_hash(file, tell).await?
    } else {
        let store = which.open()?;
        let added = store.add(file, tell).await?;
        which.keep(&*store, &[added.cid]).await?;
        added
    };
    progress.done();
    let done = if hash_only { "read" } else { "added" };
    say(&format!(
        "{done} {} bytes in {} blocks: {}",
        added.size, added.blocks, added.cid
    ))
}

async fn unpin(cid: &Cid, which: &Which) -> anyhow::Result<()> {
    if which.data_dir.is_none() {
        anyhow::bail!(
            "--data-dir is needed: the folder of the streamer whose videos may need the file"
        );
    }
    // As long as it is open nothing is collected, and the streamer pins what its videos need before it collects.
    let store = which.open()?;
    if let Some(library) = which.library().await? {
        let free = nobody_needs(cid, &library).await;
        library.close().await;
        free?;
    }
    if !store.is_pinned(cid).await? {
        return say(&format!("{cid} was not pinned"));
    }
    store.unpin(cid).await?;
    say(&format!("unpinned {cid}"))
}

async fn nobody_needs(cid: &Cid, library: &Library) -> anyhow::Result<()> {
    for item in library.all_ready() {
        if matches!(&item.state, State::Ready(stored) if stored.files().contains(cid)) {
            let id = item.item_id;
            anyhow::bail!(
                "the item {id} needs {cid}: remove it first (DELETE /v1/items/{id}), and run this again if it is still pinned then"
            );
        }
    }
    if !library.in_states(&["adding"]).await?.is_empty() {
        anyhow::bail!(
            "the streamer is just adding a video, which may need {cid}: run this again when it is ready"
        );
    }
    Ok(())
}

async fn verify_all(store: Arc<dyn ContentStore>, mut cids: Vec<Cid>) -> anyhow::Result<()> {
    if cids.is_empty() {
        cids = store.pins().await?;
    }
    let mut faults = 0;
    let mut sound = 0;
    for root in &cids {
        let (good, bad) = verify(&*store, root).await?;
        sound += good;
        faults += bad.len();
        for fault in bad {
            say(&fault.to_string())?;
        }
    }
    if faults > 0 {
        anyhow::bail!("{faults} blocks are missing or damaged; {sound} are sound");
    }
    say(&format!("{} files, {sound} blocks: all sound", cids.len()))
}

async fn write_car(store: Arc<dyn ContentStore>, cid: Cid, path: &Path) -> anyhow::Result<()> {
    let failed = |source| StoreError::file(path, source);
    if path.try_exists().map_err(failed)? {
        anyhow::bail!("{} exists already", path.display());
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // It gets its name when it is whole.
    let partial = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let output = File::from_std(partial.reopen().map_err(failed)?);
    let progress = Report::new("bytes", 0);
    let output = BufWriter::with_capacity(1 << 18, output);
    let blocks = export(store, cid, output, &|bytes| progress.tell(bytes)).await?;
    partial.as_file().sync_all().map_err(failed)?;
    partial
        .persist_noclobber(path)
        .map_err(|error| failed(error.error))?;
    progress.done();
    say(&format!("wrote {blocks} blocks to {}", path.display()))
}

async fn open(path: &Path) -> Result<File> {
    let file = File::open(path).await;
    file.map_err(|source| StoreError::file(path, source))
}

async fn length(path: &Path) -> Result<u64> {
    let metadata = tokio::fs::metadata(path).await;
    let metadata = metadata.map_err(|source| StoreError::file(path, source))?;
    Ok(metadata.len())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Tells on standard error how far it is: ten times a second at a terminal, else each five seconds.
struct Report {
    unit: &'static str,
    all: u64,
    latest: AtomicU64,
    told: Mutex<Option<Instant>>,
    terminal: bool,
}

impl Report {
    fn new(unit: &'static str, all: u64) -> Self {
        Self {
            unit,
            all,
            latest: AtomicU64::new(0),
            told: Mutex::new(None),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn tell(&self, so_far: u64) {
        self.latest.store(so_far, Ordering::Relaxed);
        let wait = if self.terminal { 100 } else { 5000 };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= Duration::from_millis(wait)) {
            *told = Some(Instant::now());
            drop(told);
            self.write(if self.terminal { "" } else { "\n" });
        }
    }

    fn done(&self) {
        self.write("\n");
    }

    fn write(&self, end: &str) {
        let so_far = self.latest.load(Ordering::Relaxed);
        let start = if self.terminal { "\r" } else { "" };
        let of = match self.all {
            0 => String::new(),
            all => format!(" of {all}"),
        };
        let line = format!("{start}{so_far}{of} {}{end}", self.unit);
        to_stderr(&line);
    }
}

/// Nobody may be there to read it.
fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
