//! What is sent to a directory, and what it costs.

use std::time::Instant;

use alloy::eips::eip4844::{Blob, DATA_GAS_PER_BLOB};
use alloy::network::{Ethereum, TransactionBuilder, TransactionBuilder4844};
use alloy::primitives::{B256, Bytes, U256};
use alloy::providers::{PendingTransactionBuilder, Provider};
use alloy::rpc::types::TransactionRequest;

use super::{Directory, Estimate, Survey, blob, call, encoded, key, node, off_the_runtime};
use crate::ethstorage::{EthStorageError, FileName, Mode};

/// The contract asks for a blob to take an old one's place.
const NOTHING: Blob = Blob::ZERO;

impl<P: Provider + Clone> Directory<P> {
    /// What the missing chunks cost. All batches but the last are the same size: the first stands for all.
    pub(super) async fn price(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
    ) -> Result<Estimate, EthStorageError> {
        let mut gas = 0;
        if survey.is_longer {
            let request = self.truncation(name, survey);
            let hashes = match survey.mode {
                Mode::Calldata => Vec::new(),
                Mode::Blobs => vec![blob::versioned_hash(&NOTHING)?],
            };
            gas += self.gas(request, hashes, "truncate").await?;
        }
        let batches = survey.batches().count() as u64;
        if let Some(first) = survey.batches().next() {
            gas += batches * self.gas_of(name, survey, first).await?;
        }
        let missing = survey.missing.len() as u64;
        let mut cost_wei = U256::from(gas) * U256::from(self.max_fee().await?);
        if survey.mode == Mode::Blobs {
            let blobs = U256::from(missing + u64::from(survey.is_longer));
            let blob_wei = U256::from(DATA_GAS_PER_BLOB) * U256::from(self.max_blob_fee().await?);
            cost_wei += blobs * blob_wei + U256::from(missing) * survey.storage_wei;
        }
        Ok(Estimate {
            chunks: survey.chunks.len() as u64,
            missing,
            gas,
            cost_wei,
        })
    }

    pub(super) async fn can_pay(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
    ) -> Result<(), EthStorageError> {
        let needed = self.price(name, survey).await?.cost_wei;
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

    /// Makes a longer file of that name as long as this one.
    pub(super) async fn truncate(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
    ) -> Result<U256, EthStorageError> {
        let request = self.truncation(name, survey);
        match survey.mode {
            Mode::Calldata => self.send(request, "truncate").await,
            Mode::Blobs => self.send_blobs(request, vec![NOTHING], "truncate").await,
        }
    }

    /// Writes chunks in one transaction. What it cost.
    pub(super) async fn write(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
        batch: &[u64],
    ) -> Result<U256, EthStorageError> {
        let (request, of) = self.writing(name, survey, batch);
        if survey.mode == Mode::Calldata {
            return self.send(request, of).await;
        }
        let blobs = batch
            .iter()
            .map(|number| encoded(survey.chunks[*number as usize].data));
        let blobs = blobs.collect::<Result<Vec<_>, _>>()?;
        let value = request.value.unwrap_or_default();
        Ok(value + self.send_blobs(request, blobs, of).await?)
    }

    fn writing(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
        batch: &[u64],
    ) -> (TransactionRequest, &'static str) {
        let chunks = batch.iter().map(|number| &survey.chunks[*number as usize]);
        match survey.mode {
            Mode::Calldata => {
                let data = chunks
                    .map(|chunk| Bytes::copy_from_slice(chunk.data))
                    .next();
                let number = U256::from(batch.first().copied().unwrap_or_default());
                let write =
                    self.contract
                        .writeChunkByCalldata(key(name), number, data.unwrap_or_default());
                (write.into_transaction_request(), "writeChunkByCalldata")
            }
            Mode::Blobs => {
                let sizes = chunks.map(|chunk| U256::from(chunk.data.len())).collect();
                let numbers = batch.iter().map(|number| U256::from(*number)).collect();
                let write = self.contract.writeChunksByBlobs(key(name), numbers, sizes);
                let write = write.value(survey.storage_wei * U256::from(batch.len()));
                (write.into_transaction_request(), "writeChunksByBlobs")
            }
        }
    }

    fn truncation(&self, name: &FileName, survey: &Survey<'_>) -> TransactionRequest {
        let length = U256::from(survey.chunks.len());
        (self.contract.truncate(key(name), length)).into_transaction_request()
    }

    async fn gas_of(
        &self,
        name: &FileName,
        survey: &Survey<'_>,
        batch: &[u64],
    ) -> Result<u64, EthStorageError> {
        let (request, of) = self.writing(name, survey, batch);
        let hashes = match survey.mode {
            Mode::Calldata => Vec::new(),
            Mode::Blobs => batch
                .iter()
                .map(|number| survey.chunks[*number as usize].hash)
                .collect(),
        };
        self.gas(request, hashes, of).await
    }

    async fn gas(
        &self,
        request: TransactionRequest,
        hashes: Vec<B256>,
        of: &'static str,
    ) -> Result<u64, EthStorageError> {
        let mut request = request.with_from(self.account);
        if !hashes.is_empty() {
            request.blob_versioned_hashes = Some(hashes);
            request.max_fee_per_blob_gas = Some(self.max_blob_fee().await?);
        }
        let gas = self.contract.provider().estimate_gas(request).await;
        gas.map_err(|source| call(*self.contract.address(), of)(source.into()))
    }

    async fn send(
        &self,
        request: TransactionRequest,
        of: &'static str,
    ) -> Result<U256, EthStorageError> {
        let request = request.with_from(self.account);
        let sent = self.contract.provider().send_transaction(request).await;
        let sent = sent.map_err(|source| call(*self.contract.address(), of)(source.into()))?;
        self.mined(sent).await
    }

    /// What it cost, without what was sent to EthStorage's nodes.
    async fn send_blobs(
        &self,
        request: TransactionRequest,
        blobs: Vec<Blob>,
        of: &'static str,
    ) -> Result<U256, EthStorageError> {
        let sidecar = off_the_runtime(&[], move |_| blob::sidecar(blobs)).await?;
        let hashes = sidecar.versioned_hashes().collect();
        // Estimated by their hashes: half a megabyte of blobs need not travel twice.
        let gas = self.gas(request.clone(), hashes, of).await?;
        let mut request = request.with_gas_limit(gas);
        request.set_max_fee_per_blob_gas(self.max_blob_fee().await?);
        request.set_blob_sidecar_7594(sidecar);
        self.send(request, of).await
    }

    async fn max_fee(&self) -> Result<u128, EthStorageError> {
        let fees = self.contract.provider().estimate_eip1559_fees().await;
        Ok(fees.map_err(node("the price of gas"))?.max_fee_per_gas)
    }

    /// Twice what a unit of blob gas costs now: it may rise by an eighth with each block.
    async fn max_blob_fee(&self) -> Result<u128, EthStorageError> {
        let fee = self.contract.provider().get_blob_base_fee().await;
        Ok(fee
            .map_err(node("the price of blobs"))?
            .saturating_mul(2)
            .max(1))
    }

    /// Waits until no transaction of the account is on its way: an interrupted upload's last chunk may be.
    pub(super) async fn settle(&self) -> Result<(), EthStorageError> {
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
        sent: PendingTransactionBuilder<Ethereum>,
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
        let blob_gas = U256::from(receipt.blob_gas_used.unwrap_or_default());
        Ok(
            U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price)
                + blob_gas * U256::from(receipt.blob_gas_price.unwrap_or_default()),
        )
    }
}
