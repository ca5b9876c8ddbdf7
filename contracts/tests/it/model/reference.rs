//! What the contracts' interfaces promise about money, written down again without looking at how Solidity does it.
//!
//! A call is played as a whole: it changes the state, or it is refused with the exact error, arguments included, and
//! changes nothing. Gas and blocks are no part of it: the time comes in, the fee is taken by whoever knows it.

mod channels;
mod registry;
mod token;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy::sol_types::{Eip712Domain, SolError, SolValue, eip712_domain};
use paystream_contracts::EarningsSplitter::{self as splitter, EarningsSplitterCalls};
use paystream_contracts::StreamRegistry::{StreamRegistryCalls, Terms};

pub use token::{Permit, ReceiveWithAuthorization, Usd, usd_domain};

/// The token that stands for the chain's own currency.
pub const ETHER: Address = Address::ZERO;

/// The first amount that no channel can hold.
pub const DEPOSIT_LIMIT: u128 = 1 << 120;

/// A transaction, but for its gas.
#[derive(Debug, Clone)]
pub struct Call {
    pub sender: Address,
    pub value: U256,
    pub input: Input,
}

/// What is called, and with what.
#[derive(Debug, Clone)]
pub enum Input {
    Registry(StreamRegistryCalls),
    Splitter(EarningsSplitterCalls),
}

/// The encoded error that a call reverts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub Bytes);

/// A settlement that was left out: the channel, and the selector of the reason.
pub type Skipped = (B256, [u8; 4]);

#[derive(Debug, Clone)]
pub struct Content {
    pub creator: Address,
    pub active: bool,
    pub terms: Terms,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelRow {
    pub deposit: u128,
    pub settled: u128,
    pub closed: bool,
}

/// All that the money depends on.
#[derive(Debug, Clone)]
pub struct Reference {
    pub now: u64,
    pub chain_id: u64,
    pub splitter: Address,
    pub token: Address,
    /// Accounts whose code takes no ether.
    pub refusing: BTreeSet<Address>,
    /// An account whose code calls every signature its own (ERC-1271).
    pub agreeing: Address,
    pub ether: BTreeMap<Address, U256>,
    pub tokens: BTreeMap<Address, U256>,
    /// What the splitter may take of an account's tokens.
    pub allowances: BTreeMap<Address, U256>,
    pub permit_nonces: BTreeMap<Address, U256>,
    pub used_authorizations: BTreeSet<(Address, B256)>,
    pub contents: BTreeMap<B256, Content>,
    pub streams: BTreeSet<(B256, Address)>,
    /// The next nonce of what an account signs for the splitter.
    pub nonces: BTreeMap<Address, U256>,
    pub channels: BTreeMap<B256, ChannelRow>,
    /// The ledger, by token and account.
    pub earned: BTreeMap<(Address, Address), U256>,
}

impl Reference {
    /// Plays a call in a block of this time; what was left out of a batch, or why the call reverts.
    pub fn play(&mut self, call: &Call, now: u64) -> Result<Vec<Skipped>, Refusal> {
        let before = self.clone();
        self.now = now;
        let outcome = match &call.input {
            Input::Registry(input) => self.registry(call.sender, input).map(|()| Vec::new()),
            Input::Splitter(input) => self.splitter(call.sender, call.value, input),
        };
        if outcome.is_err() {
            *self = Self { now, ..before };
        }
        outcome
    }

    fn splitter(
        &mut self,
        sender: Address,
        value: U256,
        input: &EarningsSplitterCalls,
    ) -> Result<Vec<Skipped>, Refusal> {
        use EarningsSplitterCalls as Calls;
        move_amount(&mut self.ether, sender, self.splitter, value);
        match input {
            Calls::settle(call) => return Ok(self.settle(&call.batches)),
            Calls::recordView(call) => self.record_view(sender, value, call),
            Calls::recordViewInToken(call) => self.record_view_in_token(sender, call),
            Calls::recordViewWithAuthorization(call) => self.record_view_with_authorization(call),
            Calls::recordViewBySig(call) => self.record_view_by_sig(call),
            Calls::openChannel(call) => {
                self.open(&call.channel, call.deposit)?;
                self.take(call.channel.deal.token, sender, call.deposit, value)
            }
            Calls::openChannelWithPermit(call) => {
                self.open(&call.channel, call.deposit)?;
                self.permit(call.channel.deal.token, sender, &call.permit);
                self.take(call.channel.deal.token, sender, call.deposit, value)
            }
            Calls::openChannelWithAuthorization(call) => {
                let (channel, nonce) = (&call.channel, self.open(&call.channel, call.deposit)?);
                let (token, payer) = (channel.deal.token, channel.payer);
                self.take_authorized(token, payer, call.deposit, nonce, &call.authorization)
            }
            Calls::topUp(call) => {
                self.top_up(&call.channel, call.amount)?;
                self.take(call.channel.deal.token, sender, call.amount, value)
            }
            Calls::topUpWithPermit(call) => {
                self.top_up(&call.channel, call.amount)?;
                self.permit(call.channel.deal.token, sender, &call.permit);
                self.take(call.channel.deal.token, sender, call.amount, value)
            }
            Calls::topUpWithAuthorization(call) => {
                let id = self.top_up(&call.channel, call.amount)?;
                let (token, payer) = (call.channel.deal.token, call.channel.payer);
                let nonce = top_up_nonce(id, call.salt);
                self.take_authorized(token, payer, call.amount, nonce, &call.authorization)
            }
            Calls::closeChannel(call) => self.close(sender, call),
            Calls::refund(call) => self.refund(&call.channel),
            Calls::claim(call) => self.pay_out(call.token, sender, call.to),
            Calls::claimFor(call) => self.pay_out(call.token, call.account, call.account),
            other => panic!("no transaction of the model: {other:?}"),
        }?;
        Ok(Vec::new())
    }

    fn credit(&mut self, token: Address, account: Address, amount: u128) {
        *self.earned.entry((token, account)).or_default() += U256::from(amount);
    }

    fn pay_out(&mut self, token: Address, account: Address, to: Address) -> Result<(), Refusal> {
        if to == Address::ZERO || to == self.splitter {
            return refuse(splitter::RecipientInvalid { to });
        }
        let amount = self.earned.remove(&(token, account)).unwrap_or_default();
        if amount.is_zero() {
            return refuse(splitter::NothingToClaim { token, account });
        }
        if self.push(token, to, amount) {
            return Ok(());
        }
        refuse(splitter::TransferFailed { token, to, amount })
    }

    /// Sends what the splitter holds; whether it was taken.
    fn push(&mut self, token: Address, to: Address, amount: U256) -> bool {
        if token != ETHER {
            move_amount(&mut self.tokens, self.splitter, to, amount);
            return true;
        }
        let takes = !self.refusing.contains(&to);
        if takes {
            move_amount(&mut self.ether, self.splitter, to, amount);
        }
        takes
    }

    /// Whether a signature is an account's, by its key or by its code.
    fn signed(&self, account: Address, digest: B256, signature: &[u8]) -> bool {
        recover(digest, signature) == Some(account) || account == self.agreeing
    }

    /// What the splitter's typed data is bound to (EIP-712).
    pub fn domain(&self) -> Eip712Domain {
        eip712_domain! {
            name: "Paystream Splitter",
            version: "1",
            chain_id: self.chain_id,
            verifying_contract: self.splitter,
        }
    }

    pub fn channel_id(&self, channel: &splitter::Channel) -> B256 {
        let chain_id = U256::from(self.chain_id);
        keccak256((chain_id, self.splitter, channel.clone()).abi_encode())
    }

    pub fn channel(&self, channel: &splitter::Channel) -> ChannelRow {
        let id = self.channel_id(channel);
        self.channels.get(&id).copied().unwrap_or_default()
    }

    /// What the splitter owes in a token: the ledger, and what is not settled of the channels that are not closed.
    pub fn owed<'a>(
        &self,
        token: Address,
        channels: impl Iterator<Item = &'a splitter::Channel>,
    ) -> U256 {
        let rows = self.earned.iter().filter(|((of, _), _)| *of == token);
        let earned: U256 = rows.map(|(_, amount)| *amount).sum();
        let open = channels
            .filter(|channel| channel.deal.token == token)
            .map(|channel| self.channel(channel))
            .filter(|row| !row.closed)
            .map(|row| U256::from(row.deposit - row.settled));
        earned + open.sum::<U256>()
    }
}

/// The creator's share of a sum: the whole ten thousands exactly, the rest rounded up.
pub fn creator_share(sum: u128, share_bps: u16) -> u128 {
    let (whole, rest) = (sum / 10_000, sum % 10_000);
    whole * u128::from(share_bps) + (rest * u128::from(share_bps)).div_ceil(10_000)
}

/// The nonce of the authorisation that pays for a view.
pub fn view_nonce(content_id: B256, provider: Address, viewer: Address, salt: B256) -> B256 {
    let kind = keccak256(
        "ViewAuthorization(bytes32 contentId,address provider,address viewer,bytes32 salt)",
    );
    keccak256((kind, content_id, provider, viewer, salt).abi_encode())
}

/// The nonce of the authorisation that tops a channel up.
pub fn top_up_nonce(channel_id: B256, salt: B256) -> B256 {
    let kind = keccak256("TopUpAuthorization(bytes32 channelId,bytes32 salt)");
    keccak256((kind, channel_id, salt).abi_encode())
}

/// Who made a signature of 65 bytes (r, s, v) or 64 (EIP-2098).
fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    let signature = match signature.len() {
        65 => Signature::from_raw(signature).ok()?,
        64 => Signature::from_erc2098(signature),
        _ => return None,
    };
    signature.recover_address_from_prehash(&digest).ok()
}

fn move_amount(balances: &mut BTreeMap<Address, U256>, from: Address, to: Address, amount: U256) {
    let payer = balances.entry(from).or_default();
    *payer = payer.checked_sub(amount).unwrap();
    *balances.entry(to).or_default() += amount;
}

fn refuse<T>(error: impl SolError) -> Result<T, Refusal> {
    Err(Refusal(error.abi_encode().into()))
}
