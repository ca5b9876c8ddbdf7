//! Small files that the operator stores on chain, in a `FlatDirectory` of EthStorage that belongs to a key of its own.
//!
//! Storing takes a transaction for each 24 KB, or for each 780 KB in blobs, and so minutes; it is a job, of which there is one at a time. Whoever asks for the same
//! again waits for the same job. Nothing is kept here: after a crash the same request goes on with the chunks that the
//! chain does not have.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use bytes::Bytes;
use paystream_contracts::deploy::Waiting;
use paystream_contracts::ethstorage::{
    Directory, Estimate, EthStorageError, FileName, Mode, Stored,
};
use tokio::sync::{OnceCell, watch};
use url::Url;

use crate::error::{Code, Error, Result, refused};
use crate::keys::read_operator_key;

/// How the chain is waited for.
const WAITING: Waiting = Waiting {
    confirmations: 1,
    patience: Duration::from_secs(600),
    interval: Duration::from_millis(500),
};

/// The operator's directory on chain.
pub struct Web3 {
    provider: DynProvider,
    address: Address,
    account: Address,
    /// A node of EthStorage's, which answers what is in blobs.
    reader: Option<DynProvider>,
    directory: OnceCell<Directory<DynProvider>>,
    job: Mutex<Option<Job>>,
}

struct Job {
    name: FileName,
    digest: B256,
    mode: Mode,
    state: watch::Receiver<State>,
}

/// How a job stands.
#[derive(Debug, Clone)]
pub enum State {
    /// So many chunks are on chain, of so many.
    Writing(u64, u64),
    /// It is over.
    Ended(std::result::Result<Stored, Arc<EthStorageError>>),
}

impl Web3 {
    /// The directory at `address`, whose owner's key is in a file. Nothing is asked yet.
    ///
    /// # Errors
    /// When the file holds no key.
    pub fn new(node: Url, address: Address, key_file: &Path, reader: Option<Url>) -> Result<Self> {
        let signer = read_operator_key(key_file)?;
        let account = signer.address();
        let provider = ProviderBuilder::new()
            .with_simple_nonce_management()
            .wallet(EthereumWallet::from(signer))
            .connect_http(node)
            .erased();
        Ok(Self {
            provider,
            address,
            account,
            reader: reader.map(|url| ProviderBuilder::new().connect_http(url).erased()),
            directory: OnceCell::new(),
            job: Mutex::default(),
        })
    }

    /// What storing the file would take, and where it would be.
    ///
    /// # Errors
    /// When it cannot be stored, or the node does not answer.
    pub async fn estimate(
        &self,
        name: &FileName,
        file: &[u8],
        mode: Mode,
        replace: bool,
    ) -> Result<(String, Estimate)> {
        let directory = self.directory().await?;
        let estimate = directory.estimate(name, file, mode, replace).await;
        Ok((
            directory.address_of(name),
            estimate.map_err(|error| told(&error))?,
        ))
    }

    /// Begins to store the file, or joins the job that does.
    ///
    /// # Errors
    /// `unavailable` while another file is being stored, or when the directory cannot be used.
    pub async fn store(
        self: &Arc<Self>,
        name: FileName,
        file: Bytes,
        mode: Mode,
        replace: bool,
    ) -> Result<watch::Receiver<State>> {
        let directory = self.directory().await?.clone();
        let digest = keccak256(&file);
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = &*job
            && !matches!(*job.state.borrow(), State::Ended(_))
            && job.state.has_changed().is_ok()
        {
            if job.name == name && job.digest == digest && job.mode == mode {
                return Ok(job.state.clone());
            }
            return Err(refused(
                Code::Unavailable,
                "another file is being stored on chain; try again when it is there",
            ));
        }
        let chunks = paystream_contracts::ethstorage::chunks(&file, mode).count();
        let (state, receiver) = watch::channel(State::Writing(0, chunks as u64));
        *job = Some(Job {
            name: name.clone(),
            digest,
            mode,
            state: receiver.clone(),
        });
        tokio::spawn(async move {
            let progress = |done, all| {
                state.send_replace(State::Writing(done, all));
            };
            let ended = directory.store(&name, &file, mode, replace, progress).await;
            if let Err(error) = &ended {
                tracing::warn!(%name, %error, "a file was not stored on chain");
            }
            state.send_replace(State::Ended(ended.map_err(Arc::new)));
        });
        Ok(receiver)
    }

    async fn directory(&self) -> Result<&Directory<DynProvider>> {
        let open = async || {
            let provider = self.provider.clone();
            let directory = Directory::open(provider, self.address, self.account, WAITING).await?;
            Ok(match &self.reader {
                Some(reader) => directory.read_from(reader.clone()),
                None => directory,
            })
        };
        let directory = self.directory.get_or_try_init(open).await;
        directory.map_err(|error| told(&error))
    }
}

/// Only the operator asks: all of it may be told, but for what the node says, which may hold its address.
pub fn told(error: &EthStorageError) -> Error {
    let code = match error {
        EthStorageError::NameInvalid(_)
        | EthStorageError::Empty
        | EthStorageError::NoBlobs { .. } => Code::Malformed,
        EthStorageError::NameTaken { .. } | EthStorageError::OtherMode { .. } => {
            Code::UploadConflict
        }
        _ => Code::Unavailable,
    };
    refused(code, error.to_string())
}
