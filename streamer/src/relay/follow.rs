//! Follows what was sent until it is deep in the chain: looks it up, sends it again, and takes back what was believed too early.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Attempt, Entry, Outbox, State};
use crate::error::{Error, Result};
use crate::ethereum::within;

/// The pause between two looks at what is pending.
const ROUND: Duration = Duration::from_millis(500);
/// The pause when nothing is pending: a reorganisation is not noticed sooner. Also that before a relay is looked at again
/// after that has failed.
const SLOW_ROUND: Duration = Duration::from_secs(10);
/// A pending transaction is given to the node again after this.
const REBROADCAST: Duration = Duration::from_secs(5);
/// For how long a nonce must be found unusable, since a node may tell a new count before it tells the receipt.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a transaction is the first in the queue at least before its fee is raised: a block of Ethereum's.
const LEAD: Duration = Duration::from_secs(12);
/// A block this deep is not looked for again.
const DEEP: u64 = 12;

/// What is remembered of a relay between two looks. Times are of the clock that nobody sets.
#[derive(Default)]
struct Memory {
    /// When it was last given to the node.
    sent: Option<Instant>,
    /// Since when every look has found its nonce unusable.
    unusable: Option<Instant>,
    /// The transaction that it has, and since when.
    current: Option<(B256, Instant)>,
    /// Since when nothing of ours has a lower nonce.
    leads: Option<Instant>,
    /// Looking at it has failed; it is left alone until then.
    rests: Option<Instant>,
    /// The blocks at which a failed relay was looked for in the chain: the first, and the last.
    searched: Option<(u64, u64)>,
}

impl Memory {
    fn is_resting(&self) -> bool {
        self.rests.is_some_and(|until| Instant::now() < until)
    }

    /// Keeps time: for how long it has had this transaction, and for how long it has been the first.
    fn keep_time(&mut self, transaction: B256, leads: bool) -> (Duration, Duration) {
        let now = Instant::now();
        let since = self
            .current
            .filter(|(current, _)| *current == transaction)
            .map_or(now, |(_, since)| since);
        self.current = Some((transaction, since));
        self.leads = leads.then(|| self.leads.unwrap_or(now));
        let lead = self.leads.map_or(Duration::ZERO, |since| now - since);
        (now - since, lead)
    }
}

/// How the node sees the account.
#[derive(Clone, Copy)]
struct Account {
    /// How many transactions are in blocks.
    mined: u64,
    /// The first nonce that its pool has no transaction for.
    free: u64,
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

    /// Looks at all that is not settled; how long it may rest then. What fails for one is tried again later, and holds up no other.
    async fn look(&self, memories: &mut HashMap<B256, Memory>) -> Result<Duration> {
        let entries = self.journal.unsettled().await?;
        memories.retain(|id, _| entries.iter().any(|entry| entry.relay.id == *id));
        if entries.is_empty() {
            return Ok(SLOW_ROUND);
        }
        let head = within(self.provider.get_block_number()).await?;
        let account = Account {
            mined: self.mined_count().await?,
            free: self.next_in_pool().await?,
        };
        let mut queue = Vec::new();
        for entry in entries {
            let id = entry.relay.id;
            let memory = memories.entry(id).or_default();
            match entry.relay.state {
                State::Pending => match self.journal.attempts(id).await {
                    Ok(attempts) => queue.push((entry, attempts)),
                    Err(error) => failed(id, memory, &error),
                },
                State::Confirmed | State::Failed => {
                    if !memory.is_resting()
                        && let Err(error) = self.confirm(entry, memory, head).await
                    {
                        failed(id, memory, &error);
                    }
                }
            }
        }
        let pause = if queue.is_empty() { SLOW_ROUND } else { ROUND };
        queue.sort_by_key(|(_, attempts)| attempts.first().map(|current| current.nonce));
        for (place, (entry, attempts)) in queue.into_iter().enumerate() {
            let id = entry.relay.id;
            let memory = memories.entry(id).or_default();
            if memory.is_resting() {
                continue;
            }
            let pursued = self.pursue(entry, &attempts, memory, account, place == 0);
            if let Err(error) = pursued.await {
                failed(id, memory, &error);
            }
        }
        Ok(pause)
    }

    pub(super) async fn next_in_pool(&self) -> Result<u64> {
        let account = self.account();
        let count = self.provider.get_transaction_count(account).pending();
        within(count.into_future()).await
    }

    /// Brings a pending relay nearer to its block. `leads`: nothing of ours has a lower nonce.
    async fn pursue(
        &self,
        mut entry: Entry,
        attempts: &[Attempt],
        memory: &mut Memory,
        account: Account,
        leads: bool,
    ) -> Result<()> {
        let current = attempts
            .first()
            .ok_or_else(|| Error::Damaged(format!("the relay {}", entry.relay.id)))?;
        if let Some(receipt) = self.receipt(attempts, current.nonce).await? {
            return self.mined(entry, &receipt).await;
        }
        let (age, lead) = memory.keep_time(current.transaction, leads);
        let taken = account.mined > current.nonce;
        // Behind a gap that nothing of ours will fill, only the first can be the one to move.
        let gap = leads && current.nonce > account.free;
        if taken || gap {
            let since = *memory.unusable.get_or_insert_with(Instant::now);
            if since.elapsed() < PATIENCE {
                return Ok(());
            }
            memory.unusable = None;
            memory.sent = None;
            return self.renumber(entry, attempts, taken).await;
        }
        memory.unusable = None;
        // What comes behind waits for the first, and may need no more than that.
        let patience = self.budget.replace_after;
        if leads && age >= patience && lead >= patience.min(LEAD) {
            memory.leads = None;
            if let Some(next) = self.raise(&mut entry, current).await? {
                memory.sent = Some(Instant::now());
                self.broadcast(&next).await;
                return Ok(());
            }
        }
        if memory.sent.is_none_or(|at| at.elapsed() >= REBROADCAST) {
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

    /// Notes that a transaction of ours is in a block.
    async fn mined(&self, mut entry: Entry, receipt: &TransactionReceipt) -> Result<()> {
        entry.relay.transaction = receipt.transaction_hash;
        entry.block = receipt.block_number;
        entry.cost = U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price);
        if receipt.status() {
            entry.relay.state = State::Confirmed;
            entry.relay.detail = None;
            return self.note(&entry).await;
        }
        let reason = self.reason(&entry).await;
        self.fail(entry, reason).await
    }

    /// Notes that it did not happen, unless it did by somebody else's transaction.
    pub(super) async fn fail(&self, mut entry: Entry, reason: String) -> Result<()> {
        if let Some(found) = self.happened(&entry).await? {
            return self.found(entry, found).await;
        }
        entry.relay.state = State::Failed;
        entry.relay.detail = Some(reason);
        self.note(&entry).await
    }

    /// Notes that it happened by this transaction of somebody's, in this block. What ours have cost stays what it was.
    async fn found(&self, mut entry: Entry, (transaction, block): (B256, u64)) -> Result<()> {
        entry.relay.state = State::Confirmed;
        entry.relay.transaction = transaction;
        entry.relay.detail = None;
        entry.block = Some(block);
        self.note(&entry).await
    }

    async fn note(&self, entry: &Entry) -> Result<()> {
        self.journal.update(entry, false).await?;
        self.changed(entry);
        Ok(())
    }

    /// Why a transaction was reverted, as far as the same call tells it now.
    async fn reason(&self, entry: &Entry) -> String {
        match self.simulate(self.request(entry.to, &entry.data)).await {
            Err(Error::Refused { detail, .. }) => detail,
            Ok(()) | Err(_) => "the transaction was reverted".to_owned(),
        }
    }

    /// Looks whether what ended is still so, until it is deep.
    async fn confirm(&self, mut entry: Entry, memory: &mut Memory, head: u64) -> Result<()> {
        let question = self
            .provider
            .get_transaction_receipt(entry.relay.transaction);
        let receipt = within(question).await?;
        let is_there = match (&receipt, entry.block) {
            (Some(receipt), Some(_)) => match entry.relay.state {
                State::Confirmed => receipt.status(),
                State::Failed | State::Pending => !receipt.status(),
            },
            (None, Some(_)) => false,
            // It was given up before any transaction was mined.
            (_, None) => true,
        };
        if !is_there {
            return self.take_back(entry).await;
        }
        let moved = receipt.and_then(|receipt| receipt.block_number);
        if entry.block.is_some() && entry.block != moved {
            entry.block = moved;
            return self.journal.update(&entry, false).await;
        }
        let (first, last) = memory.searched.unwrap_or((head, 0));
        if entry.relay.state == State::Failed && last != head {
            memory.searched = Some((first, head));
            let attempts = self.journal.attempts(entry.relay.id).await?;
            for attempt in &attempts {
                let question = self.provider.get_transaction_receipt(attempt.transaction);
                if let Some(receipt) = within(question).await?
                    && receipt.status()
                {
                    return self.mined(entry, &receipt).await;
                }
            }
            if let Some(found) = self.happened(&entry).await? {
                return self.found(entry, found).await;
            }
        }
        if head >= entry.block.unwrap_or(first).saturating_add(DEEP) {
            self.journal.update(&entry, true).await?;
        }
        Ok(())
    }

    /// What was mined is not in the chain any more: it is on its way again. Unless something else that was signed with the same nonce is
    /// by now; then it stays as it is until that has ended, of which at most one can go through.
    async fn take_back(&self, mut entry: Entry) -> Result<()> {
        if let Some(once) = &entry.once
            && self.journal.under_way(once).await?.is_some()
        {
            return Ok(());
        }
        entry.relay.state = State::Pending;
        entry.relay.detail = None;
        entry.block = None;
        self.note(&entry).await?;
        self.woken.notify_one();
        Ok(())
    }
}

fn failed(id: B256, memory: &mut Memory, error: &Error) {
    memory.rests = Some(Instant::now() + SLOW_ROUND);
    tracing::warn!(relay = %id, %error, "cannot look after it now");
}
