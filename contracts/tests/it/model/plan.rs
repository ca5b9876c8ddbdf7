//! What a step becomes, given what there is: a call with every argument and signature.
//!
//! Without a flaw a step is mostly something that works. What works is not decided here but by the reference.

mod channels;
mod views;

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, U256};
use paystream_contracts::EarningsSplitter::{self as splitter, Channel, EarningsSplitterCalls};
use paystream_contracts::StreamRegistry::{self as registry, StreamRegistryCalls, Terms};
use proptest::sample::Index;

use super::action::{Action, Flaw, Pay, Step, TermsChoice, Wait};
use super::cast::{Cast, no_permit};
use super::reference::{Call, ETHER, Input, ReceiveWithAuthorization, Reference};

/// Makes calls of steps, and remembers every channel that one was about.
pub struct Planner<'a> {
    pub cast: &'a Cast,
    pub channels: Vec<Channel>,
}

/// What one call is made from.
struct Scene<'a> {
    cast: &'a Cast,
    state: &'a Reference,
    sender: Address,
    flaw: Flaw,
    now: u64,
}

impl Planner<'_> {
    /// When the step's block is.
    pub fn time(&self, state: &Reference, wait: &Wait) -> u64 {
        match wait {
            Wait::Seconds(seconds) => state.now + seconds,
            Wait::Expiry { channel, late } => {
                let expiries = self.channels.iter().map(|channel| channel.expiry);
                let ahead: Vec<u64> = expiries
                    .filter_map(|expiry| expiry.checked_add_signed((*late).into()))
                    .filter(|time| (1..10_000).contains(&time.saturating_sub(state.now)))
                    .collect();
                pick(&ahead, *channel).unwrap_or(state.now + 1)
            }
        }
    }

    pub fn call(&mut self, state: &Reference, step: &Step, now: u64) -> Call {
        let scene = Scene {
            cast: self.cast,
            state,
            sender: self.cast.sender(step.sender),
            flaw: step.flaw,
            now,
        };
        let live = |channel: &Channel| channel.expiry >= now;
        let mut call = match &step.action {
            Action::Open {
                stream,
                parties,
                deposit,
                pay,
            } => {
                let channel = scene.new_channel(*stream, parties, self.channels.len());
                self.channels.push(channel.clone());
                scene.open(channel, *deposit, *pay)
            }
            Action::TopUp {
                channel,
                amount,
                pay,
            } => scene.top_up(self.channel(&scene, *channel, live), *amount, *pay),
            Action::Settle { rows, repeat } => self.settle(&scene, rows, *repeat),
            Action::Close { channel, sum, form } => {
                scene.close(self.channel(&scene, *channel, live), *sum, *form)
            }
            Action::Refund { channel } => {
                let expired = |channel: &Channel| channel.expiry <= now;
                let channel = self.channel(&scene, *channel, expired);
                scene.splitter(EarningsSplitterCalls::refund(splitter::refundCall {
                    channel,
                }))
            }
            other => scene.call(other),
        };
        // A function that takes no ether is never sent any: it has no error to name.
        if step.flaw == Flaw::Value && takes_ether(&call.input) {
            call.value += U256::from(1);
        }
        call
    }
}

impl Scene<'_> {
    fn call(&self, action: &Action) -> Call {
        use StreamRegistryCalls as Calls;
        match action {
            Action::Register { cid, terms } => {
                let cid = if self.flaw == Flaw::Amount {
                    String::new()
                } else {
                    format!("cid-{cid}")
                };
                self.registry(Calls::registerContent(registry::registerContentCall {
                    cid,
                    name: "A film".to_owned(),
                    metadataURI: String::new(),
                    terms: self.terms(terms),
                }))
            }
            Action::UpdateTerms { content, terms } => {
                let (id, creator) = self.content(*content);
                let call = registry::updateTermsCall {
                    contentId: id,
                    terms: self.terms(terms),
                };
                self.by(creator, self.registry(Calls::updateTerms(call)))
            }
            Action::Deregister { content } => {
                let (content_id, creator) = self.content(*content);
                let call = registry::deregisterContentCall {
                    contentId: content_id,
                };
                self.by(creator, self.registry(Calls::deregisterContent(call)))
            }
            Action::RegisterStream { content } => {
                let long = self.flaw == Flaw::Amount;
                self.registry(Calls::registerStream(registry::registerStreamCall {
                    contentId: self.content(*content).0,
                    url: "u".repeat(if long { 513 } else { 20 }),
                }))
            }
            Action::DeregisterStream { stream } => {
                let (content_id, provider) = self.stream(*stream);
                let call = registry::deregisterStreamCall {
                    contentId: content_id,
                };
                self.by(provider, self.registry(Calls::deregisterStream(call)))
            }
            Action::View {
                stream,
                viewer,
                pay,
            } => self.view(*stream, *viewer, *pay),
            Action::ViewBySig {
                stream,
                viewer,
                pay,
            } => self.view_by_sig(*stream, *viewer, *pay),
            Action::Claim { row, to } => {
                let (token, account) = self.earnings(*row);
                let mut to = to.get(&self.accounts()).to_owned();
                if self.flaw == Flaw::Account {
                    to = Address::ZERO;
                }
                let call = splitter::claimCall { token, to };
                self.by(account, self.splitter(EarningsSplitterCalls::claim(call)))
            }
            Action::ClaimFor { row } => {
                let (token, account) = self.earnings(*row);
                let call = splitter::claimForCall { token, account };
                self.splitter(EarningsSplitterCalls::claimFor(call))
            }
            Action::Open { .. }
            | Action::TopUp { .. }
            | Action::Settle { .. }
            | Action::Close { .. }
            | Action::Refund { .. } => unreachable!("the planner knows the channels"),
        }
    }

    fn accounts(&self) -> Vec<Address> {
        self.cast.accounts(self.state.splitter)
    }

    fn terms(&self, choice: &TermsChoice) -> Terms {
        let mut payout = *choice.payout.get(&self.accounts());
        if self.flaw == Flaw::Account {
            payout = Address::ZERO;
        }
        Terms {
            token: if choice.in_ether {
                ETHER
            } else {
                self.state.token
            },
            payout,
            creatorShareBps: choice.share_bps,
            pricePerView: U96::from(choice.per_view),
            pricePerSecond: U96::from(choice.per_second),
            msatPerSecond: 0,
        }
    }

    /// A content and who may change it.
    fn content(&self, index: Index) -> (B256, Address) {
        let all = self.flaw != Flaw::None;
        let contents = self.state.contents.iter();
        let contents = contents.filter(|(_, known)| all || known.active);
        let contents: Vec<_> = contents.map(|(id, known)| (*id, known.creator)).collect();
        match pick(&contents, index) {
            Some(content) if self.flaw != Flaw::Nonce => content,
            _ => (B256::repeat_byte(7), self.sender),
        }
    }

    /// A content and who streams it.
    fn stream(&self, index: Index) -> (B256, Address) {
        let mut streams: Vec<_> = self.state.streams.iter().copied().collect();
        let offered = |(id, _): &(B256, Address)| self.state.contents[id].active;
        if self.flaw == Flaw::None && streams.iter().any(offered) {
            streams.retain(offered);
        }
        match pick(&streams, index) {
            Some((id, _)) if self.flaw == Flaw::Account => (id, self.sender),
            Some(stream) => stream,
            None => self.content(index),
        }
    }

    /// What a content costs, or would cost if it were there.
    fn terms_of(&self, id: B256) -> Terms {
        let known = self.state.contents.get(&id);
        known.map_or_else(
            || Terms {
                token: ETHER,
                payout: self.sender,
                creatorShareBps: 1,
                pricePerView: U96::from(1),
                pricePerSecond: U96::from(1),
                msatPerSecond: 0,
            },
            |content| content.terms.clone(),
        )
    }

    /// A row of the ledger.
    fn earnings(&self, index: Index) -> (Address, Address) {
        let rows = self.state.earned.iter();
        let rows = rows.filter(|(_, amount)| !amount.is_zero());
        let rows: Vec<_> = rows.map(|(row, _)| *row).collect();
        match pick(&rows, index) {
            Some(row) if self.flaw != Flaw::Amount => row,
            _ => (ETHER, self.sender),
        }
    }

    fn currency(&self, terms: &Terms) -> Address {
        match (self.flaw, terms.token) {
            (Flaw::Token, ETHER) => self.state.token,
            (Flaw::Token, _) => ETHER,
            (_, token) => token,
        }
    }

    /// Ether comes along, unless it is asked for as only a token can be.
    fn pay(&self, pay: Pay, token: Address) -> Pay {
        match self.flaw {
            Flaw::None if token == ETHER => Pay::Allowance,
            _ => pay,
        }
    }

    fn amount(&self, due: U256) -> U256 {
        match self.flaw {
            Flaw::Amount => due.saturating_sub(U256::from(1)),
            _ => due,
        }
    }

    fn signer(&self, account: Address) -> Address {
        match self.flaw {
            Flaw::Signer => self.cast.sessions[0].address(),
            _ => account,
        }
    }

    fn salt(&self) -> u8 {
        (self.now % 251) as u8
    }

    fn permit(&self, owner: Address, value: U256, pay: Pay) -> splitter::Permit {
        match pay {
            Pay::Permit => {
                let deadline = self.now - u64::from(self.flaw == Flaw::Deadline);
                let signer = self.signer(owner);
                self.cast.permit(self.state, owner, signer, value, deadline)
            }
            Pay::Allowance | Pay::Authorization => no_permit(),
        }
    }

    fn authorization(&self, from: Address, value: U256, nonce: B256) -> splitter::Authorization {
        // Good in this second only; with the flaw not yet in an even one, and no more in an odd one.
        let flawed = self.flaw == Flaw::Deadline;
        let even = self.now.is_multiple_of(2);
        let (early, late) = (flawed && even, flawed && !even);
        let signed = ReceiveWithAuthorization {
            from,
            to: self.state.splitter,
            value,
            validAfter: U256::from(self.now - u64::from(!early)),
            validBefore: U256::from(self.now + u64::from(!late)),
            nonce,
        };
        self.cast
            .authorization(self.state, &signed, self.signer(from))
    }

    fn registry(&self, call: StreamRegistryCalls) -> Call {
        Call {
            sender: self.sender,
            value: U256::ZERO,
            input: Input::Registry(call),
        }
    }

    fn splitter(&self, call: EarningsSplitterCalls) -> Call {
        Call {
            sender: self.sender,
            value: U256::ZERO,
            input: Input::Splitter(call),
        }
    }

    /// Sent by this account, which may: unless that is the flaw, or it cannot send anything.
    fn by(&self, account: Address, call: Call) -> Call {
        let sends = self.cast.senders.iter().any(|key| key.address() == account);
        let sender = match self.flaw {
            Flaw::Account | Flaw::Signer => self.sender,
            _ if sends => account,
            _ => self.sender,
        };
        Call { sender, ..call }
    }

    /// With this much ether, and where the sender has less, with a little.
    fn with_ether(&self, call: Call, amount: U256) -> Call {
        let has = self.state.ether.get(&call.sender).copied();
        let fee = U256::from(10).pow(U256::from(18));
        let enough = has.unwrap_or_default() > amount.saturating_add(fee);
        let value = if enough { amount } else { U256::from(1) };
        Call { value, ..call }
    }
}

fn takes_ether(input: &Input) -> bool {
    use EarningsSplitterCalls as Calls;
    let Input::Splitter(call) = input else {
        return false;
    };
    matches!(
        call,
        Calls::recordView(_) | Calls::openChannel(_) | Calls::topUp(_)
    )
}

fn pick<T: Clone>(from: &[T], index: Index) -> Option<T> {
    (!from.is_empty()).then(|| index.get(from).clone())
}
