//! Follows what was sent until it is deep in the chain: looks it up, sends it again, raises its fee, gives it another nonce.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outbox::{Fees, within};
use super::{Attempt, Entry, Outbox, State};
use crate::error::{Error, Result};

/// The pause between two looks at what is pending.
const ROUND: Duration = Duration::from_millis(500);
/// The pause when nothing is pending: a reorganisation is not noticed sooner.
const SLOW_ROUND: Duration = Duration::from_secs(10);
/// A pending transaction is given to the node again after this.
const REBROADCAST: Duration = Duration::from_secs(5);
/// Looks in a row that must find a nonce unusable, since a node may tell a new count before it tells the receipt.
const PATIENCE: u32 = 6;
/// A block this deep is not looked for again.
const DEEP: u64 = 12;

/// What is remembered of a pending relay between two looks.
#[derive(Default)]
struct Memory {
    sent: Option<Instant>,
    unusable: u32,
}

impl Outbox {
    /// Runs until it is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut memories = HashMap::new();
        loop {
            let pause = self.look(&mut memories).await.unwrap_or_else(|error| {
                error.log();
                SLOW_ROUND
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.woken.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks at all that is not settled; how long it may rest then.
    async fn look(&self, memories: &mut HashMap<B256, Memory>) -> Result<Duration> {
        let entries = self.journal.unsettled().await?;
        memories.retain(|id, _| entries.iter().any(|entry| entry.relay.id == *id));
        if entries.is_empty() {
            return Ok(SLOW_ROUND);
        }
        let head = within(self.provider.get_block_number()).await?;
        let mined = self.mined_count().await?;
        let pool = self.next_in_pool().await?;
        let mut first = true;
        for entry in entries {
            match entry.relay.state {
                State::Pending => {
                    let memory = memories.entry(entry.relay.id).or_default();
                    // Behind a gap that nothing of ours will fill, only the first can be the one to move.
                    let gap = if first { Some(pool) } else { None };
                    first = false;
                    self.pursue(entry, memory, mined, gap).await?;
                }
                State::Confirmed | State::Failed => self.confirm(entry, head).await?,
            }
        }
        Ok(if first { SLOW_ROUND } else { ROUND })
    }

    async fn next_in_pool(&self) -> Result<u64> {
        let account = self.account();
        let count = self.provider.get_transaction_count(account).pending();
        within(count.into_future()).await
    }

    /// Brings a pending relay nearer to its block.
    async fn pursue(
        &self,
        mut entry: Entry,
        memory: &mut Memory,
        mined: u64,
        pool: Option<u64>,
    ) -> Result<()> {
        let attempts = self.journal.attempts(entry.relay.id).await?;
        let current = attempts
            .first()
            .ok_or_else(|| Error::Damaged(format!("the relay {}", entry.relay.id)))?;
        if let Some(receipt) = self.receipt(&attempts, current.nonce).await? {
            return self.mined(entry, &receipt).await;
        }
        let taken = mined > current.nonce;
        let gap = pool.is_some_and(|pool| current.nonce > pool);
        if taken || gap {
            memory.unusable += 1;
            if memory.unusable < PATIENCE {
                return Ok(());
            }
            memory.unusable = 0;
            memory.sent = None;
            return self.renumber(entry, current).await;
        }
        memory.unusable = 0;
        let now = Timestamp::now().as_second();
        let waited = Duration::from_secs(u64::try_from(now - current.sent_at).unwrap_or(0));
        if waited >= self.budget.replace_after
            && let Some(next) = self.raise(&mut entry, current).await?
        {
            memory.sent = Some(Instant::now());
            self.broadcast(&next).await;
        } else if memory.sent.is_none_or(|at| at.elapsed() >= REBROADCAST) {
            memory.sent = Some(Instant::now());
            self.broadcast(current).await;
        }
        Ok(())
    }

    /// The receipt of one of the transactions: of one that went through, or else of one with the present nonce that did not.
    async fn receipt(
        &self,
        attempts: &[Attempt],
        nonce: u64,
    ) -> Result<Option<TransactionReceipt>> {
        let mut reverted = None;
        for attempt in attempts {
            let question = self.provider.get_transaction_receipt(attempt.transaction);
            match within(question).await? {
                Some(receipt) if receipt.status() => return Ok(Some(receipt)),
                Some(receipt) if attempt.nonce == nonce => reverted = Some(receipt),
                Some(_) | None => {}
            }
        }
        Ok(reverted)
    }

    async fn mined(&self, mut entry: Entry, receipt: &TransactionReceipt) -> Result<()> {
        entry.relay.transaction = receipt.transaction_hash;
        entry.block = receipt.block_number;
        entry.cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        if receipt.status() {
            entry.relay.state = State::Confirmed;
            entry.relay.detail = None;
        } else {
            entry.relay.state = State::Failed;
            entry.relay.detail = Some(self.reason(&entry).await?);
        }
        self.journal.update(&entry, false).await?;
        self.changed(&entry);
        Ok(())
    }

    /// Why a transaction was reverted, as far as the same call tells it now.
    async fn reason(&self, entry: &Entry) -> Result<String> {
        match self.simulate(self.request(entry.to, &entry.data)).await {
            Ok(()) => Ok("the transaction was reverted".to_owned()),
            Err(Error::Refused { detail, .. }) => Ok(detail),
            Err(error) => Err(error),
        }
    }

    /// Looks whether a mined relay is still in the chain, until it is deep.
    async fn confirm(&self, mut entry: Entry, head: u64) -> Result<()> {
        let question = self
            .provider
            .get_transaction_receipt(entry.relay.transaction);
        match (within(question).await?, entry.block) {
            (Some(receipt), Some(block)) if receipt.block_number == Some(block) => {
                if head >= block.saturating_add(DEEP) {
                    self.journal.update(&entry, true).await?;
                }
                Ok(())
            }
            (Some(receipt), _) => self.mined(entry, &receipt).await,
            // It was given up before any transaction was mined.
            (None, None) => self.journal.update(&entry, true).await,
            (None, Some(_)) => {
                entry.relay.state = State::Pending;
                entry.relay.detail = None;
                entry.block = None;
                self.journal.update(&entry, false).await?;
                self.changed(&entry);
                Ok(())
            }
        }
    }

    /// A transaction with the same nonce and a higher fee; none when it would be more than is paid.
    async fn raise(&self, entry: &mut Entry, current: &Attempt) -> Result<Option<Attempt>> {
        let now = match self.fees().await {
            Ok(fees) => fees,
            Err(Error::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let raised = |fee: u128| fee + fee / 8 + 1;
        let fees = Fees {
            max: now.max.max(raised(current.max_fee)),
            priority: now.priority.max(raised(current.priority_fee)),
        };
        if fees.max > self.budget.max_fee || fees.priority > fees.max {
            return Ok(None);
        }
        let next = self
            .sign(entry.to, &entry.data, entry.gas, current.nonce, fees)
            .await?;
        entry.cost = U256::from(entry.gas) * U256::from(fees.max);
        self.journal
            .attempt(entry.relay.id, entry.cost, &next)
            .await?;
        tracing::info!(relay = %entry.relay.id, transaction = %next.transaction, max_fee = fees.max, "raised the fee");
        Ok(Some(next))
    }

    /// Signs with a fresh nonce what can never be mined with the one that it has, when it still makes sense.
    async fn renumber(&self, mut entry: Entry, current: &Attempt) -> Result<()> {
        match self.simulate(self.request(entry.to, &entry.data)).await {
            Ok(()) => {}
            Err(Error::Refused { detail, .. }) => {
                entry.relay.state = State::Failed;
                entry.relay.detail = Some(detail);
                self.journal.update(&entry, false).await?;
                self.changed(&entry);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let fees = self.fees().await?;
        let turn = self.sending.lock().await;
        // Not next_nonce: a gap is behind what is pending of ours.
        let nonce = self.next_in_pool().await?;
        let next = self
            .sign(entry.to, &entry.data, entry.gas, nonce, fees)
            .await?;
        self.journal
            .attempt(entry.relay.id, entry.cost, &next)
            .await?;
        drop(turn);
        tracing::warn!(relay = %entry.relay.id, former = current.nonce, nonce, "gave it another nonce");
        self.broadcast(&next).await;
        Ok(())
    }
}
