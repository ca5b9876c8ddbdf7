//! Takes another transaction in the place of one that no block takes: with a higher fee, or with another nonce.

use alloy::primitives::U256;

use super::outbox::Fees;
use super::{Attempt, Entry, Outbox};
use crate::error::{Error, Result};

impl Outbox {
    /// A transaction with the same nonce and a higher fee; none when it would be more than is paid.
    pub(super) async fn raise(
        &self,
        entry: &mut Entry,
        current: &Attempt,
    ) -> Result<Option<Attempt>> {
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
        let turn = self.sending.lock().await;
        match self.take_more(entry, fees).await {
            Ok(()) => {}
            Err(Error::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let next = self
            .sign(entry.to, &entry.data, entry.gas, current.nonce, fees)
            .await?;
        self.journal
            .attempt(entry.relay.id, entry.cost, &next)
            .await?;
        drop(turn);
        tracing::info!(relay = %entry.relay.id, transaction = %next.transaction, max_fee = fees.max, "raised the fee");
        Ok(Some(next))
    }

    /// Signs with a fresh nonce what can never be mined with the one that it has, when it still makes sense. `taken`: another
    /// transaction has that nonce, and so none of this relay's can cost anything any more.
    pub(super) async fn renumber(
        &self,
        mut entry: Entry,
        attempts: &[Attempt],
        taken: bool,
    ) -> Result<()> {
        match self.simulate(self.request(entry.to, &entry.data)).await {
            Ok(()) => {}
            Err(Error::Refused { detail, .. }) => {
                if taken {
                    entry.cost = U256::ZERO;
                }
                return self.fail(entry, detail).await;
            }
            Err(error) => return Err(error),
        }
        let mut fees = self.fees().await?;
        let turn = self.sending.lock().await;
        // Not next_nonce: a gap is behind what is pending of ours.
        let nonce = self.next_in_pool().await?;
        // It may have had this nonce before; a transaction is written down once.
        let is_former =
            |max| (attempts.iter()).any(|former| former.nonce == nonce && former.max_fee == max);
        while is_former(fees.max) {
            fees.max += 1;
        }
        self.take_more(&mut entry, fees).await?;
        let next = self
            .sign(entry.to, &entry.data, entry.gas, nonce, fees)
            .await?;
        self.journal
            .attempt(entry.relay.id, entry.cost, &next)
            .await?;
        drop(turn);
        let former = attempts.first().map(|former| former.nonce);
        tracing::warn!(relay = %entry.relay.id, former, nonce, "gave it another nonce");
        self.broadcast(&next).await;
        Ok(())
    }

    /// Lets a relay cost what these fees come to, when what that is more can be afforded.
    async fn take_more(&self, entry: &mut Entry, fees: Fees) -> Result<()> {
        let cost = U256::from(entry.gas) * U256::from(fees.max);
        let more = cost.saturating_sub(entry.cost);
        if !more.is_zero() {
            self.afford(entry.kind.purse(), more).await?;
        }
        entry.cost = entry.cost.max(cost);
        Ok(())
    }
}
