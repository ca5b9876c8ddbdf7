//! The loop that keeps the database on the chain: read, decide, write, and wait for the next block.
//!
//! Whatever fails, the loop goes on from what the database says: at once with the next endpoint, and after one round of
//! failures with growing pauses. Only what no retry can mend ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paystream_contracts::Deployment;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::chain::{self, Ancestor, BlockRef, Header, Link, Plan, Position, Span};
use crate::error::Error;
use crate::event::{self, RawLog};
use crate::projection;
use crate::source::{Source, Tip};
use crate::status::Status;
use crate::store::write::{Batch, Writer};

/// How many blocks that may still change are read at once.
const BLOCKS: u64 = 64;
/// How many known blocks are compared with the node's at once.
const ANCESTORS: i64 = 64;
/// More logs than this at once, and the next range is shorter.
const MANY_LOGS: usize = 5_000;
/// The pauses after failures.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How long one step may take, whatever hangs.
const STEP_PATIENCE: Duration = Duration::from_secs(120);

/// The follower.
pub struct Follower {
    source: Source,
    database: PgConnectOptions,
    deployment: Deployment,
    status: Arc<Status>,
    poll_interval: Duration,
    max_range: u64,
    range: u64,
    writer: Option<Writer>,
    failures: u32,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There may be more to do at once.
    Moved,
    /// The database is at the chain's head.
    Rest,
}

impl Follower {
    /// Follows the deployment through `source` into `database`; reads at most `max_range` final blocks at once.
    #[must_use]
    pub fn new(
        source: Source,
        database: PgConnectOptions,
        deployment: Deployment,
        status: Arc<Status>,
        poll_interval: Duration,
        max_range: u64,
    ) -> Self {
        Self {
            source,
            database,
            deployment,
            status,
            poll_interval,
            max_range: max_range.max(1),
            range: max_range.max(1),
            writer: None,
            failures: 0,
        }
    }

    /// Follows until `stop`. A step that is under way is dropped with its transaction.
    ///
    /// # Errors
    /// What no retry can mend.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            let step = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                step = tokio::time::timeout(STEP_PATIENCE, self.step()) => step,
            };
            let pause = match step {
                Ok(Ok(step)) => {
                    if self.failures > 0 {
                        tracing::info!("following again");
                    }
                    self.failures = 0;
                    self.status.works(self.writer.is_some());
                    match step {
                        Step::Moved => Duration::ZERO,
                        Step::Rest => self.poll_interval,
                    }
                }
                Ok(Err(error)) if error.is_transient() => self.after(&error),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    // What hung cannot be told from here: start afresh with both.
                    self.writer = None;
                    self.after(&Error::Inconsistent("a step took too long".to_owned()))
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes note of a failure; answers how long to wait.
    fn after(&mut self, error: &Error) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.status.fails(error);
        if matches!(
            error,
            Error::Database(_) | Error::Migration(_) | Error::HeadMoved
        ) {
            self.writer = None;
        } else {
            self.source.fail_over();
        }
        let rounds = (self.failures - 1) / u32::try_from(self.source.endpoints()).unwrap_or(1);
        let pause = FIRST_PAUSE
            .saturating_mul(1 << rounds.min(8))
            .min(LONGEST_PAUSE);
        tracing::warn!(error = %error.chain(), pause_ms = pause.as_millis(), "cannot follow the chain");
        pause
    }

    async fn step(&mut self) -> Result<Step, Error> {
        let tip = self.source.tip().await?;
        self.status.chain_head_is(tip.latest.number, tip.timestamp);
        if self.writer.is_none() {
            match Writer::acquire(&self.database, &self.deployment).await {
                Ok(writer) => {
                    tracing::info!("this process writes");
                    self.writer = Some(writer);
                }
                Err(Error::Standby) => {
                    tracing::debug!("standing by: another process writes");
                    return Ok(Step::Rest);
                }
                Err(error) => return Err(error),
            }
        }
        let position = self.writer()?.position().await?;
        let span = Span {
            final_blocks: self.range,
            blocks: BLOCKS,
        };
        match chain::plan(&position, tip.latest.number, tip.finalized, span) {
            Plan::Wait => Ok(Step::Rest),
            Plan::Compare { number } => self.compare(&position, number, &tip).await,
            Plan::ReadFinal { from, to } => self.read_final(&position, from, to, &tip).await,
            Plan::ReadBlocks { from, to } => self.read_blocks(&position, from, to, &tip).await,
        }
    }

    /// The node has nothing above our head: it is behind, or it has another block where we stand.
    async fn compare(
        &mut self,
        position: &Position,
        number: u64,
        tip: &Tip,
    ) -> Result<Step, Error> {
        let known = self.writer()?.known_blocks(number, 1).await?;
        match known.first() {
            Some(block) if block.number == number && block.hash != tip.latest.hash => {
                self.part(position).await
            }
            // Blocks that are final and carry no log are not kept, and do not change.
            Some(_) | None => Ok(Step::Rest),
        }
    }

    /// Reads final blocks by range. Each log must be in the block that the chain has at its number.
    async fn read_final(
        &mut self,
        position: &Position,
        from: u64,
        to: u64,
        tip: &Tip,
    ) -> Result<Step, Error> {
        let started = Instant::now();
        let logs = match self.source.logs_in_range(from, to).await {
            Ok(logs) => logs,
            // That a range is too long for it is what a node most often refuses for: ask for less, down to one block.
            Err(Error::Ethereum { detail, .. }) if from < to => {
                self.range = (to - from).div_ceil(2);
                tracing::debug!(from, to, detail, "the node refuses a range");
                return Ok(Step::Moved);
            }
            Err(error) => {
                self.range = (self.range / 2).max(1);
                return Err(error);
            }
        };
        self.range = if logs.len() > MANY_LOGS {
            (self.range / 2).max(1)
        } else {
            (self.range + self.range / 4 + 1).min(self.max_range)
        };

        let mut numbers: Vec<u64> = logs.iter().map(|(block, _)| block.number).collect();
        numbers.push(to);
        numbers.dedup();
        let mut headers = Vec::with_capacity(numbers.len());
        for header in self.source.headers(numbers).await? {
            headers.push(
                header
                    .ok_or_else(|| Error::Inconsistent("a final block is not there".to_owned()))?,
            );
        }
        for (block, _) in &logs {
            let header = headers.binary_search_by_key(&block.number, |header| header.block.number);
            if header.is_ok_and(|index| headers[index].block == *block) {
                continue;
            }
            return Err(Error::Inconsistent(format!(
                "it gives a log of block {} with hash {}, which is not on its chain",
                block.number, block.hash
            )));
        }
        if let Some(hash) = position.head_hash {
            let head = self.source.header(position.head).await?;
            if head.is_none_or(|head| head.block.hash != hash) {
                return self.part(position).await;
            }
        }
        let logs = logs.into_iter().map(|(_, log)| log).collect();
        self.extend(position, headers, logs, tip, started).await
    }

    /// Reads blocks that may still change: the headers first, then the logs of exactly these blocks.
    async fn read_blocks(
        &mut self,
        position: &Position,
        from: u64,
        to: u64,
        tip: &Tip,
    ) -> Result<Step, Error> {
        let started = Instant::now();
        let headers: Option<Vec<Header>> =
            self.source.headers(from..=to).await?.into_iter().collect();
        // A chain that became shorter in the meantime is looked at again.
        let Some(headers) = headers else {
            return Ok(Step::Moved);
        };
        match chain::link(position, &headers) {
            Link::Torn => Ok(Step::Moved),
            Link::Part => self.part(position).await,
            Link::Extend => {
                let blocks: Vec<BlockRef> = headers.iter().map(|header| header.block).collect();
                let logs = self.source.logs_of_blocks(&blocks).await?;
                self.extend(position, headers, logs, tip, started).await
            }
        }
    }

    async fn extend(
        &mut self,
        position: &Position,
        headers: Vec<Header>,
        logs: Vec<RawLog>,
        tip: &Tip,
        started: Instant,
    ) -> Result<Step, Error> {
        let Some(last) = headers.last() else {
            return Ok(Step::Rest);
        };
        let to = position.extended(last.block, tip.finalized);
        let deployment = self.deployment;
        let logs: Vec<_> = logs
            .into_iter()
            .map(|log| {
                let changes = match event::decode(&log, &deployment) {
                    Some(event) => projection::project(event),
                    None => {
                        tracing::warn!(
                            block = log.block_number,
                            index = log.log_index,
                            "a log that is not known; it is kept"
                        );
                        Vec::new()
                    }
                };
                (log, changes)
            })
            .collect();
        let batch = Batch { headers, logs };
        self.writer()?.extend(position, &to, &batch).await?;
        tracing::info!(
            from = position.head + 1,
            to = to.head,
            logs = batch.logs.len(),
            behind = tip.latest.number.saturating_sub(to.head),
            ms = started.elapsed().as_millis(),
            "followed"
        );
        Ok(if to.head < tip.latest.number {
            Step::Moved
        } else {
            Step::Rest
        })
    }

    /// The node's chain has parted from ours: takes back what is no longer on it.
    async fn part(&mut self, position: &Position) -> Result<Step, Error> {
        let mut from = position.head;
        let ancestor = loop {
            let blocks = self.writer()?.known_blocks(from, ANCESTORS).await?;
            let exhausted = i64::try_from(blocks.len()).is_ok_and(|count| count < ANCESTORS);
            let lowest = blocks.last().map(|block| block.number);
            let canonical = self
                .source
                .headers(blocks.iter().map(|block| block.number))
                .await?;
            let known: Vec<_> = blocks
                .into_iter()
                .zip(canonical)
                .map(|(block, header)| (block, header.map(|header| header.block.hash)))
                .collect();
            match chain::common_ancestor(position, &known, exhausted) {
                Ancestor::At(block) => break Some(block),
                Ancestor::Origin => break None,
                Ancestor::Older => from = lowest.unwrap_or(0).saturating_sub(1),
                Ancestor::BelowFinalized(block) => {
                    return Err(Error::FinalizedReorganised {
                        finalized: position.finalized,
                        number: block.number,
                        known: block.hash,
                    });
                }
            }
        };
        let to = position.rolled_back(ancestor);
        if to.head == position.head {
            return Ok(Step::Moved);
        }
        self.writer()?.roll_back(position, &to).await?;
        tracing::warn!(from = position.head, to = to.head, "rolled back");
        Ok(Step::Moved)
    }

    fn writer(&mut self) -> Result<&mut Writer, Error> {
        self.writer.as_mut().ok_or(Error::Standby)
    }
}
