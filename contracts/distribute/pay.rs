//! Sends what is to be paid, a batch at a time, and takes up what an interrupted run left.
//!
//! A transaction is journalled, signed, before it is sent. It is sent again as it is; where the node will not have it so, or no
//! block does, it is signed again with other fees and the same nonce. So of all attempts at one payment at most one can be in a
//! block.

use std::collections::BTreeMap;
use std::time::Instant;

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::{Decodable2718, Encodable2718};
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{BlockNumberOrTag, TransactionReceipt, TransactionRequest};
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
    most_per_gas: u128,
}

impl<'a, P: Provider> Payer<'a, P> {
    /// Pays what stands in this deployment's contracts, and at most so many wei for a unit of gas.
    #[must_use]
    pub const fn new(
        provider: &'a P,
        deployment: &'a Deployment,
        waiting: Waiting,
        most_per_gas: u128,
    ) -> Self {
        Self {
            provider,
            deployment,
            waiting,
            most_per_gas,
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

    /// Whether so much is paid.
    ///
    /// # Errors
    /// When it is more.
    pub fn accept(&self, fees: Fees) -> Result<Fees, DistributeError> {
        if fees.max_per_gas > self.most_per_gas {
            return Err(DistributeError::GasTooDear {
                now: fees.max_per_gas,
                most: self.most_per_gas,
            });
        }
        Ok(fees)
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
    /// When the node fails, when one has to be signed again and cannot, or when one is in no block for too long.
    pub async fn resume(
        &self,
        journal: &mut Journal,
        signer: &PrivateKeySigner,
        mut report: impl FnMut(Progress),
    ) -> Result<(), DistributeError> {
        let unfinished = journal.unfinished();
        if unfinished.is_empty() {
            return Ok(());
        }
        report(Progress::Resumed(unfinished.len()));
        let mut by_nonce: BTreeMap<(Address, u64), Vec<&Sent>> = BTreeMap::new();
        for sent in &unfinished {
            let attempts = by_nonce.entry((sent.from, sent.nonce)).or_default();
            attempts.push(sent);
        }
        for attempts in by_nonce.into_values() {
            let Some(again) = self.bring_back(&attempts, signer).await? else {
                continue;
            };
            journal.will_send(again.clone())?;
            let refused = self.provider.send_raw_transaction(&again.raw).await.err();
            match refused {
                None => report(Progress::Sent(again.due, again.transaction)),
                // A block took another one of them a moment ago: the end tells.
                Some(_) if self.used(again.from).await? > again.nonce => {}
                Some(source) => {
                    return Err(node("to take a transaction of the last run")(source));
                }
            }
        }
        let unfinished = journal.unfinished();
        self.see_to_the_end(journal, &unfinished).await
    }

    /// Of all that an earlier run signed for one nonce, in that order, sends the last again, as it is; when that cannot help, answers
    /// what is to be sent in its place: the same payment with the same nonce. Nothing, when one of them is in a block.
    async fn bring_back(
        &self,
        attempts: &[&Sent],
        signer: &PrivateKeySigner,
    ) -> Result<Option<Sent>, DistributeError> {
        let Some(sent) = attempts.last() else {
            return Ok(None);
        };
        let refused = self.provider.send_raw_transaction(&sent.raw).await.err();
        if self.used(sent.from).await? > sent.nonce {
            // One of them, or another one that took their nonce, is in a block: the end tells.
            return Ok(None);
        }
        let mut fees = self.fees().await?;
        let former = decoded(sent)?;
        let base_fee = self.base_fee().await?;
        let is_enough = is_enough(&former, base_fee, fees);
        let mut waits = false;
        let mut may_be_mined = false;
        for attempt in attempts {
            let known = self.provider.get_transaction_by_hash(attempt.transaction);
            if known.await.map_err(node("a transaction"))?.is_none() {
                continue;
            }
            waits |= attempt.transaction == sent.transaction;
            // What nodes ask for of a transaction that takes the place of another.
            let raised = |fee: u128| fee + fee / 8 + 1;
            let other = decoded(attempt)?;
            may_be_mined |= other.max_fee_per_gas() >= base_fee;
            let priority = other.max_priority_fee_per_gas().unwrap_or_default();
            fees.max_per_gas = fees.max_per_gas.max(raised(other.max_fee_per_gas()));
            fees.priority_per_gas = fees.priority_per_gas.max(raised(priority));
            fees.max_per_gas = fees.max_per_gas.max(fees.priority_per_gas);
        }
        match refused {
            None if is_enough => return Ok(None),
            Some(_) if waits && is_enough => return Ok(None),
            // It was not the transaction that it did not like.
            Some(source) if !waits && source.as_error_resp().is_none() => {
                return Err(node("to take a transaction of the last run")(source));
            }
            None | Some(_) => {}
        }
        let fees = match self.accept(fees) {
            // It is the raise that costs too much: a block can take what the node has, sooner or later.
            Err(_) if may_be_mined => return Ok(None),
            accepted => accepted?,
        };
        if signer.address() != sent.from {
            return Err(DistributeError::OtherKey {
                transaction: sent.transaction,
                account: sent.from,
            });
        }
        let gas = former.gas_limit();
        self.can_pay(sent.from, gas, fees).await?;
        let again = self.sign(signer, &sent.due, gas, sent.nonce, fees).await?;
        // The same once more would be refused once more.
        let is_new = (attempts.iter()).all(|attempt| attempt.transaction != again.transaction);
        // A block may have taken one of them in the meantime.
        let is_open = self.used(sent.from).await? <= sent.nonce;
        Ok((is_new && is_open).then_some(again))
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
        let gas = batch.iter().map(|(_, gas)| with_margin(*gas)).sum();
        self.can_pay(account, gas, fees).await?;
        let pending = self.provider.get_transaction_count(account).pending().await;
        let first = pending.map_err(node("the account's transactions"))?;
        let mut sent = Vec::new();
        let mut failure = None;
        for ((due, gas), nonce) in batch.iter().zip(first..) {
            let gas = with_margin(*gas);
            let transaction = self.sign(signer, due, gas, nonce, fees).await?;
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

    async fn sign(
        &self,
        signer: &PrivateKeySigner,
        due: &Due,
        gas: u64,
        nonce: u64,
        fees: Fees,
    ) -> Result<Sent, DistributeError> {
        let mut request = self.request(due);
        request.set_nonce(nonce);
        request.set_gas_limit(gas);
        request.set_max_fee_per_gas(fees.max_per_gas);
        request.set_max_priority_fee_per_gas(fees.priority_per_gas);
        request.set_chain_id(self.deployment.chain_id);
        let wallet = EthereumWallet::from(signer.clone());
        let envelope: TxEnvelope = request
            .build(&wallet)
            .await
            .map_err(|error| DistributeError::Sign(Box::new(error)))?;
        Ok(Sent {
            due: *due,
            from: signer.address(),
            nonce,
            transaction: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
        })
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

    async fn can_pay(&self, account: Address, gas: u64, fees: Fees) -> Result<(), DistributeError> {
        let balance = self.provider.get_balance(account).await;
        let balance = balance.map_err(node("the account's balance"))?;
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

    /// What a unit of gas costs in the newest block, before anything for its maker.
    async fn base_fee(&self) -> Result<u128, DistributeError> {
        let newest = (self.provider).get_block_by_number(BlockNumberOrTag::Latest);
        let newest = newest.await.map_err(node("its newest block"))?;
        let fee = newest.and_then(|block| block.header.base_fee_per_gas);
        Ok(fee.unwrap_or_default().into())
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

fn decoded(sent: &Sent) -> Result<TxEnvelope, DistributeError> {
    TxEnvelope::decode_2718(&mut sent.raw.as_ref())
        .map_err(|error| DistributeError::Sign(Box::new(error)))
}

/// Whether a block's maker has a reason to take it: of its fee, at least half of what is usual now is left beside the base fee.
fn is_enough(transaction: &TxEnvelope, base_fee: u128, now: Fees) -> bool {
    let beside = transaction.max_fee_per_gas().saturating_sub(base_fee);
    let priority = transaction.max_priority_fee_per_gas().unwrap_or(beside);
    beside.min(priority) >= (now.priority_per_gas / 2).max(1)
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
