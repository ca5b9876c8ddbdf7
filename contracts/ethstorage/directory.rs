//! One `FlatDirectory`.

mod write;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::sol;
use alloy::transports::TransportError;

use super::{EthStorageError, FileName, Mode, blob, chunks};
use crate::deploy::Waiting;

const VERSION: &str = "1.1.0";

sol! {
    #[sol(rpc)]
    interface FlatDirectory {
        function version() external view returns (string);
        function owner() external view returns (address);
        function isSupportBlob() external view returns (bool);
        function getUploadInfo(bytes name) external view returns (uint8 mode, uint256 chunkCount, uint256 storageCost);
        function getChunkHash(bytes name, uint256 chunkId) external view returns (bytes32);
        function readChunk(bytes name, uint256 chunkId) external view returns (bytes, bool);
        function writeChunkByCalldata(bytes name, uint256 chunkId, bytes data) external payable;
        function writeChunksByBlobs(bytes name, uint256[] chunkIds, uint256[] sizes) external payable;
        function truncate(bytes name, uint256 chunkId) external returns (uint256);
    }
}

/// A `FlatDirectory` that the account writes to. The provider signs for the account.
#[derive(Debug, Clone)]
pub struct Directory<P> {
    contract: FlatDirectory::FlatDirectoryInstance<P>,
    chain_id: u64,
    account: Address,
    waiting: Waiting,
    /// Who answers what is in blobs.
    reader: Option<DynProvider>,
}

/// What storing a file takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// How many chunks the file has.
    pub chunks: u64,
    /// How many of them are not on the chain yet.
    pub missing: u64,
    /// The gas of those, without that of blobs.
    pub gas: u64,
    /// What all of it costs at most, now: gas, blobs, and what EthStorage's nodes are paid for keeping them.
    pub cost_wei: U256,
}

/// A file that is on the chain, read back and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// `web3://<contract>:<chain id>/<name>`.
    pub address: String,
    /// How many chunks it has.
    pub chunks: u64,
    /// How many of them were written now.
    pub written: u64,
    /// What that cost.
    pub cost_wei: U256,
    /// All bytes were read back, and not only the chain's hashes of blobs compared.
    pub is_read_back: bool,
}

/// A file as it is written: what the contract will say of each chunk, and which are missing.
struct Survey<'a> {
    mode: Mode,
    chunks: Vec<Chunk<'a>>,
    missing: Vec<u64>,
    /// The file that is there is longer.
    is_longer: bool,
    /// What EthStorage's nodes get for a chunk.
    storage_wei: U256,
}

struct Chunk<'a> {
    data: &'a [u8],
    /// The hash that the transaction names; of calldata, that of the data.
    hash: B256,
}

impl Survey<'_> {
    /// What is written together.
    fn batches(&self) -> impl Iterator<Item = &[u64]> {
        self.missing.chunks(self.mode.batch())
    }

    /// What the contract answers for a chunk: of a blob's hash, EthStorage keeps 24 bytes.
    fn hash_on_chain(&self, chunk: &Chunk) -> B256 {
        let mut hash = chunk.hash;
        if self.mode == Mode::Blobs {
            hash[24..].fill(0);
        }
        hash
    }
}

impl<P: Provider + Clone> Directory<P> {
    /// The directory at `address`, if it is one and belongs to `account`.
    ///
    /// # Errors
    /// When it is something else, of another version or somebody else's, or the node fails.
    pub async fn open(
        provider: P,
        address: Address,
        account: Address,
        waiting: Waiting,
    ) -> Result<Self, EthStorageError> {
        let chain_id = provider
            .get_chain_id()
            .await
            .map_err(node("the chain id"))?;
        let contract = FlatDirectory::new(address, provider);
        let found = contract
            .version()
            .call()
            .await
            .map_err(call(address, "version"))?;
        if found != VERSION {
            let found = found.chars().take(32).collect();
            return Err(EthStorageError::OtherVersion {
                address,
                found,
                expected: VERSION,
            });
        }
        let owner = contract
            .owner()
            .call()
            .await
            .map_err(call(address, "owner"))?;
        if owner != account {
            return Err(EthStorageError::NotOwner {
                address,
                owner,
                account,
            });
        }
        Ok(Self {
            contract,
            chain_id,
            account,
            waiting,
            reader: None,
        })
    }

    /// Reads what is in blobs back from an EthStorage node.
    #[must_use]
    pub fn read_from(self, reader: DynProvider) -> Self {
        Self {
            reader: Some(reader),
            ..self
        }
    }

    /// What storing the file would take. `replace`: also when there is another file of that name.
    ///
    /// # Errors
    /// When it cannot be stored under that name, or the node fails.
    pub async fn estimate(
        &self,
        name: &FileName,
        file: &[u8],
        mode: Mode,
        replace: bool,
    ) -> Result<Estimate, EthStorageError> {
        let survey = self.survey(name, file, mode, replace).await?;
        self.price(name, &survey).await
    }

    /// Stores the file, or what is missing of it, and reads all of it back.
    ///
    /// # Errors
    /// [`EthStorageError`]. A repetition goes on from there.
    pub async fn store(
        &self,
        name: &FileName,
        file: &[u8],
        mode: Mode,
        replace: bool,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Stored, EthStorageError> {
        self.settle().await?;
        let survey = self.survey(name, file, mode, replace).await?;
        self.can_pay(name, &survey).await?;
        let count = survey.chunks.len() as u64;
        let mut cost_wei = U256::ZERO;
        if survey.is_longer {
            cost_wei += self.truncate(name, &survey).await?;
        }
        for batch in survey.batches() {
            cost_wei += self.write(name, &survey, batch).await?;
            progress(batch.last().map_or(count, |last| last + 1), count);
        }
        let is_read_back = self.compare(name, &survey).await?;
        Ok(Stored {
            address: self.address_of(name),
            chunks: count,
            written: survey.missing.len() as u64,
            cost_wei,
            is_read_back,
        })
    }

    /// Where the file is, or would be.
    #[must_use]
    pub fn address_of(&self, name: &FileName) -> String {
        format!(
            "web3://{}:{}/{name}",
            self.contract.address(),
            self.chain_id
        )
    }

    /// Compares every chunk: its bytes with what is read, and of blobs, their hashes. Whether bytes were read.
    async fn compare(&self, name: &FileName, survey: &Survey<'_>) -> Result<bool, EthStorageError> {
        let count = self.info(name).await?.chunkCount;
        if count != U256::from(survey.chunks.len()) {
            return Err(reads_otherwise(name, survey.chunks.len() as u64));
        }
        for (number, chunk) in (0..).zip(&survey.chunks) {
            let is_same = match survey.mode {
                Mode::Calldata => *self.read(&self.contract, name, number).await? == *chunk.data,
                Mode::Blobs => self.hash(name, number).await? == survey.hash_on_chain(chunk),
            };
            if !is_same {
                return Err(reads_otherwise(name, number));
            }
        }
        match (survey.mode, &self.reader) {
            (Mode::Calldata, _) => return Ok(true),
            (Mode::Blobs, None) => return Ok(false),
            (Mode::Blobs, Some(reader)) => {
                let contract = FlatDirectory::new(*self.contract.address(), reader.clone());
                for (number, chunk) in (0..).zip(&survey.chunks) {
                    self.read_when_served(&contract, name, number, chunk)
                        .await?;
                }
            }
        }
        Ok(true)
    }

    /// EthStorage's nodes have a blob some time after the chain.
    async fn read_when_served(
        &self,
        contract: &FlatDirectory::FlatDirectoryInstance<DynProvider>,
        name: &FileName,
        number: u64,
        chunk: &Chunk<'_>,
    ) -> Result<(), EthStorageError> {
        let read = async {
            loop {
                if let Ok(data) = self.read(contract, name, number).await
                    && *data == *chunk.data
                {
                    return;
                }
                tokio::time::sleep(self.waiting.interval).await;
            }
        };
        let waited = self.waiting.patience;
        tokio::time::timeout(waited, read)
            .await
            .map_err(|_| EthStorageError::NotServed {
                name: name.to_string(),
                chunk: number,
                waited,
            })
    }

    async fn read<Q: Provider>(
        &self,
        contract: &FlatDirectory::FlatDirectoryInstance<Q>,
        name: &FileName,
        number: u64,
    ) -> Result<Bytes, EthStorageError> {
        let read = contract.readChunk(key(name), U256::from(number));
        let read = read.call().await;
        let read = read.map_err(call(*self.contract.address(), "readChunk"))?;
        Ok(if read._1 { read._0 } else { Bytes::new() })
    }

    async fn hash(&self, name: &FileName, number: u64) -> Result<B256, EthStorageError> {
        let hash = self.contract.getChunkHash(key(name), U256::from(number));
        hash.call()
            .await
            .map_err(call(*self.contract.address(), "getChunkHash"))
    }

    async fn survey<'a>(
        &self,
        name: &FileName,
        file: &'a [u8],
        mode: Mode,
        replace: bool,
    ) -> Result<Survey<'a>, EthStorageError> {
        if file.is_empty() {
            return Err(EthStorageError::Empty);
        }
        let address = *self.contract.address();
        if mode == Mode::Blobs {
            let keeps = self.contract.isSupportBlob().call().await;
            if !keeps.map_err(call(address, "isSupportBlob"))? {
                return Err(EthStorageError::NoBlobs { address });
            }
        }
        let info = self.info(name).await?;
        let (there, name_taken) = (info.chunkCount, || EthStorageError::NameTaken {
            name: name.to_string(),
        });
        if there > U256::ZERO && info.mode != mode.number() {
            return Err(EthStorageError::OtherMode {
                name: name.to_string(),
                wanted: mode,
            });
        }
        let mut survey = Survey {
            mode,
            chunks: Vec::new(),
            missing: Vec::new(),
            is_longer: false,
            storage_wei: match mode {
                Mode::Calldata => U256::ZERO,
                Mode::Blobs => info.storageCost,
            },
        };
        for (number, data) in chunks(file, mode) {
            let hash = match mode {
                Mode::Calldata => keccak256(data),
                Mode::Blobs => {
                    off_the_runtime(data, |data| blob::versioned_hash(&encoded(data)?)).await?
                }
            };
            let chunk = Chunk { data, hash };
            if U256::from(number) >= there {
                survey.missing.push(number);
            } else if self.hash(name, number).await? != survey.hash_on_chain(&chunk) {
                if !replace {
                    return Err(name_taken());
                }
                survey.missing.push(number);
            }
            survey.chunks.push(chunk);
        }
        survey.is_longer = there > U256::from(survey.chunks.len());
        if survey.is_longer && !replace {
            return Err(name_taken());
        }
        Ok(survey)
    }

    async fn info(
        &self,
        name: &FileName,
    ) -> Result<FlatDirectory::getUploadInfoReturn, EthStorageError> {
        let info = self.contract.getUploadInfo(key(name)).call().await;
        info.map_err(call(*self.contract.address(), "getUploadInfo"))
    }
}

/// Does what takes long for a processor where it holds nobody up.
async fn off_the_runtime<T: Send + 'static>(
    data: &[u8],
    work: impl FnOnce(&[u8]) -> Result<T, EthStorageError> + Send + 'static,
) -> Result<T, EthStorageError> {
    let data = data.to_vec();
    let done = tokio::task::spawn_blocking(move || work(&data)).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// The blob of a chunk, which is never too long for one.
fn encoded(chunk: &[u8]) -> Result<alloy::eips::eip4844::Blob, EthStorageError> {
    blob::encode(chunk).ok_or(EthStorageError::ChunkTooLong)
}

fn reads_otherwise(name: &FileName, chunk: u64) -> EthStorageError {
    EthStorageError::ReadsOtherwise {
        name: name.to_string(),
        chunk,
    }
}

fn key(name: &FileName) -> Bytes {
    Bytes::copy_from_slice(name.as_str().as_bytes())
}

fn node(doing: &'static str) -> impl FnOnce(TransportError) -> EthStorageError {
    move |source| EthStorageError::Node { doing, source }
}

fn call(
    address: Address,
    call: &'static str,
) -> impl FnOnce(alloy::contract::Error) -> EthStorageError {
    move |source| match source {
        alloy::contract::Error::TransportError(source) if source.as_error_resp().is_none() => {
            EthStorageError::Node {
                doing: call,
                source,
            }
        }
        source => EthStorageError::Call {
            address,
            call,
            source: Box::new(source),
        },
    }
}
