//! The one sender of the provider's transactions.

use std::path::Path;
use std::time::Duration;

use alloy::eips::eip2718::Encodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::transports::{RpcError, TransportErrorKind};
use jiff::Timestamp;
use paystream_contracts::explain;
use tokio::sync::{Mutex, Notify, watch};

use super::journal::Journal;
use super::{Attempt, Entry, Intent, Kind, Purse, Relay, State};
use crate::error::{Code, Error, Result, refused};
use crate::ethereum::{in_time, unavailable, within};

/// The most gas that a relayed call may use: tokens may be anything.
const MAX_GAS: u64 = 1_000_000;
/// Relays that are under way at a time out of one purse, in all and of one account.
const MAX_PENDING: u32 = 32;
const MAX_PENDING_OF_AN_ACCOUNT: u32 = 4;
/// The time of the budget, in seconds.
const DAY: i64 = 86_400;

/// What may be spent.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// The most that is paid for a unit of gas, in wei.
    pub max_fee: u128,
    /// The most that is spent for others in 24 hours, in wei: half for views, and half for what creators sign or ask for.
    pub daily: U256,
    /// After so long without being mined a transaction is replaced by one with a higher fee.
    pub replace_after: Duration,
}

/// What an operation needs of gas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fees {
    pub(super) max: u128,
    pub(super) priority: u128,
}

/// The sender.
pub struct Outbox {
    pub(super) provider: DynProvider,
    pub(super) journal: Journal,
    pub(super) budget: Budget,
    wallet: EthereumWallet,
    account: Address,
    chain_id: u64,
    /// Held while a nonce is taken, until it is written down.
    pub(super) sending: Mutex<()>,
    pub(super) woken: Notify,
    pub(super) changes: watch::Sender<u64>,
}

impl Outbox {
    /// Opens the journal. Nothing is sent until it runs.
    ///
    /// # Errors
    /// When the journal cannot be used.
    pub async fn open(
        path: &Path,
        provider: DynProvider,
        signer: alloy::signers::local::PrivateKeySigner,
        chain_id: u64,
        budget: Budget,
    ) -> Result<Self> {
        Ok(Self {
            provider,
            journal: Journal::open(path).await?,
            budget,
            account: signer.address(),
            wallet: EthereumWallet::from(signer),
            chain_id,
            sending: Mutex::default(),
            woken: Notify::new(),
            changes: watch::Sender::new(0),
        })
    }

    /// The provider's account.
    #[must_use]
    pub fn account(&self) -> Address {
        self.account
    }

    /// A relay, as it stands.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn find(&self, id: B256) -> Result<Option<Relay>> {
        Ok(self.journal.find(id).await?.map(|entry| entry.relay))
    }

    /// Simulates a call, writes it down, and sends it; or answers the relay that there is for its id.
    ///
    /// # Errors
    /// `forbidden` when the contract refuses it; `rate_limited` when a bound is reached; unavailable when the node does not answer.
    /// Then nothing was sent and nothing will be.
    pub async fn submit(&self, intent: &Intent) -> Result<Relay> {
        if let Some(relay) = self.find(intent.id).await? {
            return Ok(relay);
        }
        let gas = match self.gas_of(intent).await {
            Ok(gas) => gas,
            // The same, asked for a moment earlier, may be on chain by now; then it is refused as used.
            Err(error) => return self.find(intent.id).await?.ok_or(error),
        };
        let fees = self.fees().await?;
        let cost = U256::from(gas) * U256::from(fees.max);
        let turn = self.sending.lock().await;
        if let Some(relay) = self.find(intent.id).await? {
            return Ok(relay);
        }
        if let Some(relay) = self.under_way(intent).await? {
            return Ok(relay);
        }
        self.admit(intent, cost).await?;
        let nonce = self.next_nonce().await?;
        let attempt = self.sign(intent.to, &intent.data, gas, nonce, fees).await?;
        self.journal.begin(intent, gas, cost, &attempt).await?;
        drop(turn);
        self.broadcast(&attempt).await;
        self.woken.notify_one();
        tracing::info!(relay = %intent.id, transaction = %attempt.transaction, nonce, "sent");
        Ok(Relay {
            id: intent.id,
            state: State::Pending,
            transaction: attempt.transaction,
            detail: None,
        })
    }

    /// Waits until a relay is not pending any more, for so long at most; answers how it stands then.
    ///
    /// # Errors
    /// When the journal fails or does not know it.
    pub async fn settled(&self, id: B256, patience: Duration) -> Result<Relay> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut changes = self.changes.subscribe();
        loop {
            let relay = (self.find(id).await?)
                .ok_or_else(|| Error::Internal(format!("there is no relay {id}")))?;
            if relay.state != State::Pending {
                return Ok(relay);
            }
            match tokio::time::timeout_at(deadline, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(relay),
            }
        }
    }

    /// What is under way with the same mark: for our own calls that is it; a second signature over one nonce has to wait.
    async fn under_way(&self, intent: &Intent) -> Result<Option<Relay>> {
        let Some(once) = &intent.once else {
            return Ok(None);
        };
        match (self.journal.under_way(once).await?, intent.kind) {
            (None, _) => Ok(None),
            (Some(entry), Kind::Stream | Kind::Own) => Ok(Some(entry.relay)),
            (Some(_), Kind::View | Kind::Registration) => Err(refused(
                Code::RateLimited,
                "something else that was signed with this nonce is on its way; wait until it is on chain",
            )),
        }
    }

    async fn admit(&self, intent: &Intent, cost: U256) -> Result<()> {
        let Some(purse) = intent.kind.purse() else {
            return Ok(());
        };
        let load = self.journal.load(purse, intent.account).await?;
        if load.pending >= MAX_PENDING || load.of_account >= MAX_PENDING_OF_AN_ACCOUNT {
            return Err(refused(
                Code::RateLimited,
                "too many transactions are on their way; try again when they are on chain",
            ));
        }
        self.afford(Some(purse), cost).await
    }

    /// Whether so much more may be spent: by the day's bound, and by what the account has beside all that is on its way.
    ///
    /// # Errors
    /// `rate_limited` when it may not.
    pub(super) async fn afford(&self, purse: Option<Purse>, more: U256) -> Result<()> {
        if let Some(purse) = purse {
            let since = Timestamp::now().as_second() - DAY;
            let spent = self.journal.spent_since(since, purse).await?;
            if spent.saturating_add(more) > self.budget.daily / U256::from(2) {
                tracing::warn!(?purse, %spent, %more, "this half of the day's budget for gas is spent");
                return Err(refused(
                    Code::RateLimited,
                    "the provider has paid for as much gas as it does in a day; pay by a transaction of your own",
                ));
            }
        }
        let pending = self.journal.pending_cost().await?;
        let balance = within(self.provider.get_balance(self.account).into_future()).await?;
        if balance < pending.saturating_add(more) {
            tracing::error!(account = %self.account, %balance, %pending, %more, "the provider's account has too little ether for gas");
            return Err(refused(
                Code::RateLimited,
                "the provider has no ether for gas now; pay by a transaction of your own",
            ));
        }
        Ok(())
    }

    /// Runs the call without sending it; what it may use of gas.
    async fn gas_of(&self, intent: &Intent) -> Result<u64> {
        let request = self.request(intent.to, &intent.data);
        self.simulate(request.clone()).await?;
        let estimate = self.provider.estimate_gas(request).into_future();
        let used = in_time(estimate).await?.map_err(|error| refusal(&error))?;
        let gas = used + used / 4;
        if intent.kind != Kind::Own && gas > MAX_GAS {
            return Err(refused(
                Code::Forbidden,
                format!("this would use {used} gas, which is more than this provider pays for"),
            ));
        }
        Ok(gas)
    }

    /// Whether the call would go through now.
    pub(super) async fn simulate(&self, request: TransactionRequest) -> Result<()> {
        let call = self.provider.call(request).into_future();
        in_time(call).await?.map_err(|error| refusal(&error))?;
        Ok(())
    }

    pub(super) fn request(
        &self,
        to: Address,
        data: &alloy::primitives::Bytes,
    ) -> TransactionRequest {
        TransactionRequest::default()
            .with_from(self.account)
            .with_to(to)
            .with_input(data.clone())
    }

    /// What gas costs now.
    pub(super) async fn fees(&self) -> Result<Fees> {
        let now = within(self.provider.estimate_eip1559_fees()).await?;
        if now.max_fee_per_gas > self.budget.max_fee {
            return Err(refused(
                Code::Unavailable,
                "gas costs more now than this provider pays; try again later, or pay by a transaction of your own",
            ));
        }
        Ok(Fees {
            max: now.max_fee_per_gas,
            priority: now.max_priority_fee_per_gas,
        })
    }

    /// The nonce after all that are on chain, in the node's pool, or in our journal.
    pub(super) async fn next_nonce(&self) -> Result<u64> {
        let count = self.provider.get_transaction_count(self.account).pending();
        let count = within(count.into_future()).await?;
        let ours = self.journal.highest_nonce().await?;
        Ok(ours.map_or(count, |nonce| count.max(nonce + 1)))
    }

    /// How many transactions of ours are in blocks.
    pub(super) async fn mined_count(&self) -> Result<u64> {
        within(
            self.provider
                .get_transaction_count(self.account)
                .into_future(),
        )
        .await
    }

    pub(super) async fn sign(
        &self,
        to: Address,
        data: &alloy::primitives::Bytes,
        gas: u64,
        nonce: u64,
        fees: Fees,
    ) -> Result<Attempt> {
        let request = self
            .request(to, data)
            .with_chain_id(self.chain_id)
            .with_nonce(nonce)
            .with_gas_limit(gas)
            .with_max_fee_per_gas(fees.max)
            .with_max_priority_fee_per_gas(fees.priority);
        let signed = request
            .build(&self.wallet)
            .await
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Attempt {
            transaction: *signed.tx_hash(),
            nonce,
            raw: signed.encoded_2718(),
            max_fee: fees.max,
            priority_fee: fees.priority,
            sent_at: Timestamp::now().as_second(),
        })
    }

    /// Gives the node a transaction that is written down. What goes wrong shows itself when it is looked for.
    pub(super) async fn broadcast(&self, attempt: &Attempt) {
        let sent = self.provider.send_raw_transaction(&attempt.raw);
        match in_time(sent).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(transaction = %attempt.transaction, %error, "not taken by the node");
            }
            Err(_) => {
                tracing::debug!(transaction = %attempt.transaction, "the node did not answer in time");
            }
        }
    }

    /// Tells those who wait for a relay.
    pub(super) fn changed(&self, entry: &Entry) {
        let Relay {
            id,
            state,
            transaction,
            detail,
        } = &entry.relay;
        tracing::info!(relay = %id, state = state.as_str(), %transaction, detail, "a relay has changed");
        self.changes.send_modify(|version| *version += 1);
    }
}

/// What the node said of a call, as an error: what the chain refuses is explained, and never a reason to try again.
fn refusal(error: &RpcError<TransportErrorKind>) -> Error {
    let Some(answer) = error.as_error_resp() else {
        return unavailable(error.to_string());
    };
    let data = answer.as_revert_data();
    if data.is_none() && !is_of_the_call(&answer.message) {
        return unavailable(answer.to_string());
    }
    let sentence = data.and_then(|data| explain(&data)).unwrap_or_else(|| {
        "the contract or the token refuses it: it may be used already, not signed by this account, expired, or not covered"
            .to_owned()
    });
    refused(Code::Forbidden, sentence)
}

/// Whether a node's sentence is about how the call ended, and not about the node. There is no code for it that all nodes use.
fn is_of_the_call(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "revert",
        "out of gas",
        "outofgas",
        "gas required exceeds",
        "invalid opcode",
        "invalid jump",
        "stack underflow",
        "stack limit",
        "evm error",
        "vm execution error",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use alloy::rpc::json_rpc::ErrorPayload;

    use super::*;

    #[test]
    fn a_call_that_ends_without_data_is_refused_and_a_node_that_fails_is_asked_again() {
        for (message, is_refused) in [
            ("execution reverted", true),
            ("Execution reverted", true),
            ("out of gas", true),
            ("EVM error OutOfGas", true),
            ("gas required exceeds allowance (550000000)", true),
            ("invalid opcode: INVALID", true),
            ("VM execution error.", true),
            ("header not found", false),
            ("missing trie node 1c2d", false),
            ("daily request count exceeded, request rate limited", false),
        ] {
            let payload = ErrorPayload {
                code: -32_000,
                message: message.into(),
                data: None,
            };
            let error = refusal(&RpcError::ErrorResp(payload));
            let found = matches!(error, Error::Refused { .. });
            assert_eq!(found, is_refused, "{message}");
        }
    }
}
