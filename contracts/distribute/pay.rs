//! Sends what is to be paid, a batch at a time, and takes up what an interrupted run left.
//!
//! A transaction is journalled, signed, before it is sent. It is sent again only as it is, with its nonce and its hash, so that of
//! two attempts at one payment at most one can be in a block.

use std::time::Instant;

use alloy::consensus::TxEnvelope;
use alloy::eips::Encodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolEvent};
use alloy::transports::TransportError;

use super::error::node;
use super::journal::{Ended, Journal, Outcome, Sent};
use super::{DistributeError, Due, Kind, Progress, Reason};
use crate::deploy::Waiting;
use crate::{Deployment, EarningsSplitter, PayoutSplit, explain};

/// What gas may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The most for a unit, in wei.
    pub max_per_gas: u128,
    /// What of it the block's maker gets.
    pub priority_per_gas: u128,
}

/// Sends payments on one chain.
#[derive(Debug)]
pub struct Payer<'a, P> {
    provider: &'a P,
    deployment: &'a Deployment,
    waiting: Waiting,
}

impl<'a, P: Provider> Payer<'a, P> {
    /// Pays what stands in this deployment's contracts.
    #[must_use]
    pub const fn new(provider: &'a P, deployment: &'a Deployment, waiting: Waiting) -> Self {
        Self {
            provider,
            deployment,
            waiting,
        }
    }

    /// What gas may cost now.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn fees(&self) -> Result<Fees, DistributeError> {
        let fees = self.provider.estimate_eip1559_fees().await;
        let fees = fees.map_err(node("the price of gas"))?;
        Ok(Fees {
            max_per_gas: fees.max_fee_per_gas,
            priority_per_gas: fees.max_priority_fee_per_gas,
        })
    }

    /// The gas of a payment, or why it is refused.
    ///
    /// # Errors
    /// When the node fails.
    pub async fn gas(
        &self,
        due: &Due,
        from: Option<Address>,
    ) -> Result<Result<u64, Reason>, DistributeError> {
        let mut request = self.request(due);
        // Nobody in particular: anybody may pay.
        request.set_from(from.unwrap_or(Address::repeat_byte(0x11)));
        match self.provider.estimate_gas(request).await {
            Ok(gas) => Ok(Ok(gas)),
            Err(error) => match refusal(&error) {
                Some(why) => Ok(Err(Reason::Refused(why))),
                None => Err(node("the gas of a payment")(error)),
            },
        }
    }

    /// Sees the transactions to their end that an earlier run left in the journal.
    ///
    /// # Errors
    /// When the node fails, or when one of them is in no block for too long.
    pub async fn resume(
        &self,
        journal: &mut Journal,
        mut report: impl FnMut(Progress),
    ) -> Result<(), DistributeError> {
        let unfinished = journal.unfinished();
        if unfinished.is_empty() {
            return Ok(());
        }
        report(Progress::Resumed(unfinished.len()));
        for sent in &unfinished {
            if self.receipt(sent.transaction).await?.is_some() {
                continue;
            }
            // It may have been written and never sent. A node that has it refuses it, and so does one that has seen its nonce
            // used: the end below tells.
            if let Err(source) = self.provider.send_raw_transaction(&sent.raw).await {
                let known = self.provider.get_transaction_by_hash(sent.transaction);
                let known = known.await.map_err(node("a transaction"))?.is_some();
                let used = self.used(sent.from).await?;
                if !known && used <= sent.nonce {
                    return Err(node("to take a transaction of the last run")(source));
                }
            }
        }
        self.see_to_the_end(journal, &unfinished).await
    }

    /// Pays these, all in flight at once, and waits for their end.
    ///
    /// # Errors
    /// When the node fails, the account cannot pay, or a transaction is in no block for too long. What was sent is in the
    /// journal.
    pub async fn pay(
        &self,
        journal: &mut Journal,
        signer: &PrivateKeySigner,
        batch: &[(Due, u64)],
        fees: Fees,
        mut report: impl FnMut(Progress),
    ) -> Result<(), DistributeError> {
        let account = signer.address();
        self.can_pay(account, batch, fees).await?;
        let wallet = EthereumWallet::from(signer.clone());
        let pending = self.provider.get_transaction_count(account).pending().await;
        let first = pending.map_err(node("the account's transactions"))?;
        let mut sent = Vec::new();
        let mut failure = None;
        for ((due, gas), nonce) in batch.iter().zip(first..) {
            let mut request = self.request(due);
            request.set_nonce(nonce);
            request.set_gas_limit(with_margin(*gas));
            request.set_max_fee_per_gas(fees.max_per_gas);
            request.set_max_priority_fee_per_gas(fees.priority_per_gas);
            request.set_chain_id(self.deployment.chain_id);
            let envelope: TxEnvelope = request
                .build(&wallet)
                .await
                .map_err(|error| DistributeError::Sign(Box::new(error)))?;
            let transaction = Sent {
                due: *due,
                from: account,
                nonce,
                transaction: *envelope.tx_hash(),
                raw: envelope.encoded_2718().into(),
            };
            journal.will_send(transaction.clone())?;
            sent.push(transaction.clone());
            // The rest would wait for this one's nonce: none of it is sent.
            if let Err(source) = self.provider.send_raw_transaction(&transaction.raw).await {
                failure = Some(node("to take a transaction")(source));
                break;
            }
            report(Progress::Sent(*due, transaction.transaction));
        }
        match failure {
            None => self.see_to_the_end(journal, &sent).await,
            // The last one is for the next run, whether the node has it or not.
            Some(failure) => {
                sent.pop();
                self.see_to_the_end(journal, &sent).await?;
                Err(failure)
            }
        }
    }

    fn request(&self, due: &Due) -> TransactionRequest {
        let Due { token, account, .. } = *due;
        let (to, input): (Address, Bytes) = match due.kind {
            Kind::Claim => {
                let call = EarningsSplitter::claimForCall { token, account };
                (self.deployment.splitter, call.abi_encode().into())
            }
            Kind::Distribute => {
                let call = PayoutSplit::distributeCall { token };
                (account, call.abi_encode().into())
            }
        };
        TransactionRequest::default().with_to(to).with_input(input)
    }

    async fn can_pay(
        &self,
        account: Address,
        batch: &[(Due, u64)],
        fees: Fees,
    ) -> Result<(), DistributeError> {
        let balance = self.provider.get_balance(account).await;
        let balance = balance.map_err(node("the account's balance"))?;
        let gas: u64 = batch.iter().map(|(_, gas)| with_margin(*gas)).sum();
        let needed = U256::from(gas) * U256::from(fees.max_per_gas);
        if balance >= needed {
            return Ok(());
        }
        Err(DistributeError::BalanceTooLow {
            account,
            balance_wei: balance.to_string(),
            needed_wei: needed.to_string(),
        })
    }

    /// Waits until each is in a block that enough others confirm, or can never be in one, and writes that down.
    async fn see_to_the_end(
        &self,
        journal: &mut Journal,
        sent: &[Sent],
    ) -> Result<(), DistributeError> {
        let started = Instant::now();
        let mut open = sent.to_vec();
        while !open.is_empty() {
            let head = self.provider.get_block_number().await;
            let head = head.map_err(node("its newest block"))?;
            let mut still_open = Vec::new();
            for sent in open {
                match self.end_of(&sent, head).await? {
                    Some(ended) => journal.has_ended(ended)?,
                    None => still_open.push(sent),
                }
            }
            open = still_open;
            let Some(first) = open.first() else { break };
            let waited = started.elapsed();
            if waited > self.waiting.patience {
                let transaction = first.transaction;
                return Err(DistributeError::NotMined {
                    transaction,
                    waited,
                });
            }
            tokio::time::sleep(self.waiting.interval).await;
        }
        Ok(())
    }

    async fn end_of(&self, sent: &Sent, head: u64) -> Result<Option<Ended>, DistributeError> {
        let used = self.used(sent.from).await?;
        // In this order: a transaction that was in no block after its nonce was used never will be.
        match self.receipt(sent.transaction).await? {
            Some(receipt) => {
                let block = receipt.block_number.unwrap_or(u64::MAX);
                let certain =
                    head.saturating_add(1) >= block.saturating_add(self.waiting.confirmations);
                Ok(certain.then(|| ended(sent, &receipt)))
            }
            None if used > sent.nonce => Ok(Some(Ended {
                transaction: sent.transaction,
                outcome: Outcome::Replaced,
                block: 0,
                gas_used: 0,
                cost_wei: U256::ZERO,
                paid: U256::ZERO,
                held_for: 0,
            })),
            None => Ok(None),
        }
    }

    /// How many transactions of the account are in blocks.
    async fn used(&self, account: Address) -> Result<u64, DistributeError> {
        let used = self.provider.get_transaction_count(account).latest().await;
        used.map_err(node("the account's transactions"))
    }

    async fn receipt(
        &self,
        transaction: TxHash,
    ) -> Result<Option<TransactionReceipt>, DistributeError> {
        let receipt = self.provider.get_transaction_receipt(transaction).await;
        receipt.map_err(node("a receipt"))
    }
}

fn ended(sent: &Sent, receipt: &TransactionReceipt) -> Ended {
    let logs = || receipt.logs().iter().map(|log| &log.inner);
    let paid = match sent.due.kind {
        Kind::Claim => logs()
            .filter_map(|log| EarningsSplitter::EarningsClaimed::decode_log(log).ok())
            .filter(|claimed| {
                claimed.token == sent.due.token && claimed.account == sent.due.account
            })
            .map(|claimed| claimed.amount)
            .next(),
        Kind::Distribute => logs()
            .filter(|log| log.address == sent.due.account)
            .filter_map(|log| PayoutSplit::Distributed::decode_log(log).ok())
            .map(|distributed| distributed.sent)
            .next(),
    };
    let held_for = logs()
        .filter(|log| sent.due.kind == Kind::Distribute && log.address == sent.due.account)
        .filter(|log| PayoutSplit::PaymentHeld::decode_log(log).is_ok())
        .count();
    Ended {
        transaction: sent.transaction,
        outcome: if receipt.status() {
            Outcome::Paid
        } else {
            Outcome::Reverted
        },
        block: receipt.block_number.unwrap_or_default(),
        gas_used: receipt.gas_used,
        cost_wei: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
        paid: paid.unwrap_or_default(),
        held_for,
    }
}

/// The estimate is for the state of now; others' payments may come first.
const fn with_margin(gas: u64) -> u64 {
    gas + gas / 4
}

/// Why the chain refuses a call; nothing when it was the node that failed.
fn refusal(error: &TransportError) -> Option<String> {
    let payload = error.as_error_resp()?;
    if let Some(data) = payload.as_revert_data().filter(|data| !data.is_empty()) {
        return Some(explain(&data).unwrap_or_else(|| data.to_string()));
    }
    let message = payload.message.to_lowercase();
    let by_the_chain = [
        "revert",
        "out of gas",
        "gas required exceeds",
        "invalid opcode",
        "stack",
    ];
    by_the_chain
        .iter()
        .any(|sign| message.contains(sign))
        .then(|| {
            message
                .chars()
                .filter(|character| !character.is_control())
                .take(120)
                .collect()
        })
}
