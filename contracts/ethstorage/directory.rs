//! One `FlatDirectory`.

use std::time::Instant;

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{PendingTransactionBuilder, Provider};
use alloy::sol;
use alloy::transports::TransportError;

use super::{EthStorageError, FileName, chunks};
use crate::deploy::Waiting;

const VERSION: &str = "1.1.0";
/// How the contract keeps a file: not at all yet (0), as code (1), or in blobs (2).
const CALLDATA: u8 = 1;

sol! {
    #[sol(rpc)]
    interface FlatDirectory {
        function version() external view returns (string);
        function owner() external view returns (address);
        function getUploadInfo(bytes name) external view returns (uint8 mode, uint256 chunkCount, uint256 storageCost);
        function getChunkHash(bytes name, uint256 chunkId) external view returns (bytes32);
        function readChunk(bytes name, uint256 chunkId) external view returns (bytes, bool);
        function writeChunkByCalldata(bytes name, uint256 chunkId, bytes data) external payable;
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
}

/// What storing a file takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// How many chunks the file has.
    pub chunks: u64,
    /// How many of them are not on the chain yet.
    pub missing: u64,
    /// The gas of those.
    pub gas: u64,
    /// What that costs at most, now.
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
}

/// Which chunks of a file are missing.
struct Survey {
    chunks: u64,
    missing: Vec<u64>,
    /// The file that is there is longer.
    is_longer: bool,
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
        })
    }

    /// What storing the file would take. `replace`: also when there is another file of that name.
    ///
    /// # Errors
    /// When it cannot be stored under that name, or the node fails.
    pub async fn estimate(
        &self,
        name: &FileName,
        file: &[u8],
        replace: bool,
    ) -> Result<Estimate, EthStorageError> {
        let survey = self.survey(name, file, replace).await?;
        let gas = self.gas(name, file, &survey).await?;
        Ok(Estimate {
            chunks: survey.chunks,
            missing: survey.missing.len() as u64,
            gas,
            cost_wei: U256::from(gas) * U256::from(self.max_fee().await?),
        })
    }

    /// Stores the file, or what is missing of it, and reads all of it back.
    ///
    /// # Errors
    /// [`EthStorageError`]. A repetition goes on from there.
    pub async fn store(
        &self,
        name: &FileName,
        file: &[u8],
        replace: bool,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Stored, EthStorageError> {
        self.settle().await?;
        let survey = self.survey(name, file, replace).await?;
        self.can_pay(name, file, &survey).await?;
        let mut cost_wei = U256::ZERO;
        if survey.is_longer {
            let truncate = self.contract.truncate(key(name), U256::from(survey.chunks));
            let sent = truncate.from(self.account).send().await;
            cost_wei += self
                .mined(sent.map_err(call(*self.contract.address(), "truncate"))?)
                .await?;
        }
        for (number, chunk) in chunks(file) {
            if survey.missing.contains(&number) {
                let data = Bytes::copy_from_slice(chunk);
                let write = self
                    .contract
                    .writeChunkByCalldata(key(name), U256::from(number), data);
                let sent = write.from(self.account).send().await;
                let sent = sent.map_err(call(*self.contract.address(), "writeChunkByCalldata"))?;
                cost_wei += self.mined(sent).await?;
            }
            progress(number + 1, survey.chunks);
        }
        self.compare(name, file).await?;
        Ok(Stored {
            address: self.address_of(name),
            chunks: survey.chunks,
            written: survey.missing.len() as u64,
            cost_wei,
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

    /// Reads every chunk and compares it.
    async fn compare(&self, name: &FileName, file: &[u8]) -> Result<(), EthStorageError> {
        let (_, count) = self.info(name).await?;
        for (number, chunk) in chunks(file) {
            let read = self
                .contract
                .readChunk(key(name), U256::from(number))
                .call()
                .await;
            let read = read.map_err(call(*self.contract.address(), "readChunk"))?;
            let last = number + 1 == chunks(file).count() as u64;
            if *read._0 != *chunk || !read._1 || (last && count != number + 1) {
                let name = name.to_string();
                return Err(EthStorageError::ReadsOtherwise {
                    name,
                    chunk: number,
                });
            }
        }
        Ok(())
    }

    async fn survey(
        &self,
        name: &FileName,
        file: &[u8],
        replace: bool,
    ) -> Result<Survey, EthStorageError> {
        if file.is_empty() {
            return Err(EthStorageError::Empty);
        }
        let (mode, there) = self.info(name).await?;
        if mode > CALLDATA {
            return Err(EthStorageError::WrittenInBlobs {
                name: name.to_string(),
            });
        }
        let mut survey = Survey {
            chunks: 0,
            missing: Vec::new(),
            is_longer: false,
        };
        for (number, chunk) in chunks(file) {
            survey.chunks += 1;
            if number >= there {
                survey.missing.push(number);
                continue;
            }
            let hash: B256 = self
                .contract
                .getChunkHash(key(name), U256::from(number))
                .call()
                .await
                .map_err(call(*self.contract.address(), "getChunkHash"))?;
            if hash != keccak256(chunk) {
                if !replace {
                    return Err(EthStorageError::NameTaken {
                        name: name.to_string(),
                    });
                }
                survey.missing.push(number);
            }
        }
        survey.is_longer = there > survey.chunks;
        if survey.is_longer && !replace {
            return Err(EthStorageError::NameTaken {
                name: name.to_string(),
            });
        }
        Ok(survey)
    }

    async fn info(&self, name: &FileName) -> Result<(u8, u64), EthStorageError> {
        let info = self.contract.getUploadInfo(key(name)).call().await;
        let info = info.map_err(call(*self.contract.address(), "getUploadInfo"))?;
        Ok((info.mode, info.chunkCount.saturating_to()))
    }

    /// The gas of a whole chunk and of the last one; all whole ones cost the same.
    async fn gas(
        &self,
        name: &FileName,
        file: &[u8],
        survey: &Survey,
    ) -> Result<u64, EthStorageError> {
        let mut whole = None;
        let mut gas = 0;
        for number in &survey.missing {
            let is_last = number + 1 == survey.chunks;
            gas += match whole.filter(|_| !is_last) {
                Some(gas) => gas,
                None => {
                    let Some((_, chunk)) = chunks(file).nth(*number as usize) else {
                        break;
                    };
                    let data = Bytes::copy_from_slice(chunk);
                    // The chunk before it may not be there yet, which the contract would refuse.
                    let write = self
                        .contract
                        .writeChunkByCalldata(key(name), U256::ZERO, data);
                    let estimate = write.from(self.account).estimate_gas().await;
                    let estimate =
                        estimate.map_err(call(*self.contract.address(), "writeChunkByCalldata"))?;
                    if !is_last {
                        whole = Some(estimate);
                    }
                    estimate
                }
            };
        }
        Ok(gas)
    }

    async fn max_fee(&self) -> Result<u128, EthStorageError> {
        let fees = self.contract.provider().estimate_eip1559_fees().await;
        Ok(fees.map_err(node("the price of gas"))?.max_fee_per_gas)
    }

    async fn can_pay(
        &self,
        name: &FileName,
        file: &[u8],
        survey: &Survey,
    ) -> Result<(), EthStorageError> {
        let gas = self.gas(name, file, survey).await?;
        let needed = U256::from(gas) * U256::from(self.max_fee().await?);
        let balance = self.contract.provider().get_balance(self.account).await;
        let balance = balance.map_err(node("the account's balance"))?;
        if balance >= needed {
            return Ok(());
        }
        Err(EthStorageError::BalanceTooLow {
            account: self.account,
            balance_wei: balance.to_string(),
            needed_wei: needed.to_string(),
        })
    }

    /// Waits until no transaction of the account is on its way: an interrupted upload's last chunk may be.
    async fn settle(&self) -> Result<(), EthStorageError> {
        let started = Instant::now();
        loop {
            let provider = self.contract.provider();
            let count = node("the account's transactions");
            let mined = provider
                .get_transaction_count(self.account)
                .latest()
                .await
                .map_err(count)?;
            let count = node("the account's transactions");
            let known = provider
                .get_transaction_count(self.account)
                .pending()
                .await
                .map_err(count)?;
            let pending = known.saturating_sub(mined);
            if pending == 0 {
                return Ok(());
            }
            let waited = started.elapsed();
            if waited > self.waiting.patience {
                let account = self.account;
                return Err(EthStorageError::Pending {
                    account,
                    pending,
                    waited,
                });
            }
            tokio::time::sleep(self.waiting.interval).await;
        }
    }

    async fn mined(
        &self,
        sent: PendingTransactionBuilder<alloy::network::Ethereum>,
    ) -> Result<U256, EthStorageError> {
        let transaction = *sent.tx_hash();
        let receipt = sent
            .with_timeout(Some(self.waiting.patience))
            .get_receipt()
            .await;
        let receipt = receipt.map_err(|source| EthStorageError::NotMined {
            transaction,
            source,
        })?;
        if !receipt.status() {
            return Err(EthStorageError::Reverted { transaction });
        }
        Ok(U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price))
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
