//! What is done to channels, and the vouchers for it.

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolStruct;
use paystream_contracts::EarningsSplitter::{self as splitter, Channel, EarningsSplitterCalls};
use proptest::sample::Index;

use super::super::action::{Flaw, Form, Parties, Pay, Row, Sum};
use super::super::reference::{Call, ETHER, Reference, top_up_nonce};
use super::{Planner, Scene, pick};

impl Planner<'_> {
    /// One of the channels that are open and, where there are some, as good for this; with a flaw one of all channels,
    /// and before there is any, one that never was.
    pub(super) fn channel(
        &self,
        scene: &Scene<'_>,
        index: Index,
        good: impl Fn(&Channel) -> bool,
    ) -> Channel {
        let open = |channel: &&Channel| {
            let row = scene.state.channel(channel);
            row.deposit > 0 && !row.closed
        };
        let mut open: Vec<Channel> = self.channels.iter().filter(open).cloned().collect();
        if scene.flaw != Flaw::None || open.is_empty() {
            open.clone_from(&self.channels);
        } else if open.iter().any(&good) {
            open.retain(good);
        }
        pick(&open, index).unwrap_or_else(|| Channel {
            deal: splitter::Deal {
                contentId: B256::ZERO,
                provider: self.cast.sender(index),
                payout: self.cast.sender(index),
                token: ETHER,
                creatorShareBps: 1,
                pricePerSecond: U96::from(1),
            },
            payer: self.cast.sender(index),
            signer: self.cast.sender(index),
            expiry: u64::MAX,
            salt: 0,
        })
    }

    /// Vouchers in the order in which they come; neighbours with the same deal stand in one batch.
    pub(super) fn settle(&self, scene: &Scene<'_>, rows: &[Row], repeat: bool) -> Call {
        let mut state = scene.state.clone();
        let mut batches: Vec<splitter::SettlementBatch> = Vec::new();
        for row in rows {
            let channel = self.channel(scene, row.channel, |channel| channel.expiry >= scene.now);
            let cumulative = sum_of(&state, &channel, row.sum);
            let settlement = splitter::Settlement {
                payer: channel.payer,
                signer: channel.signer,
                expiry: channel.expiry,
                salt: channel.salt,
                cumulative,
                signature: scene.voucher(&channel, cumulative, row.form),
            };
            if let Some(known) = state.channels.get_mut(&scene.state.channel_id(&channel)) {
                known.settled = cumulative.clamp(known.settled, known.deposit);
            }
            match batches.last_mut() {
                Some(last) if last.deal == channel.deal => last.settlements.push(settlement),
                _ => batches.push(splitter::SettlementBatch {
                    deal: channel.deal,
                    settlements: vec![settlement],
                }),
            }
        }
        if repeat {
            let again = batches[0].settlements[0].clone();
            batches[0].settlements.push(again);
        }
        scene.splitter(EarningsSplitterCalls::settle(splitter::settleCall {
            batches,
        }))
    }
}

impl Scene<'_> {
    pub(super) fn new_channel(&self, stream: Index, parties: &Parties, salt: usize) -> Channel {
        let (content_id, provider) = self.stream(stream);
        let terms = self.terms_of(content_id);
        let mut payer = *parties.payer.get(&self.accounts());
        if self.flaw == Flaw::Account {
            payer = Address::ZERO;
        }
        let price = terms.pricePerSecond;
        Channel {
            deal: splitter::Deal {
                contentId: content_id,
                provider,
                payout: terms.payout,
                token: self.currency(&terms),
                creatorShareBps: terms.creatorShareBps,
                pricePerSecond: price + U96::from(u8::from(self.flaw == Flaw::Amount)),
            },
            payer,
            signer: *parties.signer.get(&self.cast.signers(payer)),
            expiry: self.now.saturating_add_signed(parties.lasts),
            // Two in three have a salt of their own; the others may be a channel that was there before.
            salt: (salt % 3) as u64 * salt as u64,
        }
    }

    pub(super) fn open(&self, channel: Channel, deposit: u128, pay: Pay) -> Call {
        use EarningsSplitterCalls as Calls;
        let (deposit, ether) = (U256::from(deposit), channel.deal.token == ETHER);
        match self.pay(pay, channel.deal.token) {
            Pay::Allowance => {
                let call = splitter::openChannelCall { channel, deposit };
                let call = self.splitter(Calls::openChannel(call));
                if ether {
                    self.with_ether(call, deposit)
                } else {
                    call
                }
            }
            Pay::Permit if !ether => {
                let permit = self.permit(self.sender, deposit, pay);
                self.splitter(Calls::openChannelWithPermit(
                    splitter::openChannelWithPermitCall {
                        channel,
                        deposit,
                        permit,
                    },
                ))
            }
            Pay::Permit => self.open(channel, deposit.to(), Pay::Allowance),
            Pay::Authorization => {
                let nonce = self.state.channel_id(&channel);
                let authorization = self.authorization(channel.payer, deposit, nonce);
                self.splitter(Calls::openChannelWithAuthorization(
                    splitter::openChannelWithAuthorizationCall {
                        channel,
                        deposit,
                        authorization,
                    },
                ))
            }
        }
    }

    pub(super) fn top_up(&self, channel: Channel, amount: u128, pay: Pay) -> Call {
        use EarningsSplitterCalls as Calls;
        let (sum, ether) = (U256::from(amount), channel.deal.token == ETHER);
        match self.pay(pay, channel.deal.token) {
            Pay::Allowance => {
                let call = splitter::topUpCall {
                    channel,
                    amount: sum,
                };
                let call = self.splitter(Calls::topUp(call));
                if ether {
                    self.with_ether(call, sum)
                } else {
                    call
                }
            }
            Pay::Permit if !ether => {
                let permit = self.permit(self.sender, sum, pay);
                self.splitter(Calls::topUpWithPermit(splitter::topUpWithPermitCall {
                    channel,
                    amount: sum,
                    permit,
                }))
            }
            Pay::Permit => self.top_up(channel, amount, Pay::Allowance),
            Pay::Authorization => {
                let salt = B256::from(U256::from(u8::from(self.flaw != Flaw::Nonce) * self.salt()));
                let nonce = top_up_nonce(self.state.channel_id(&channel), salt);
                let authorization = self.authorization(channel.payer, sum, nonce);
                self.splitter(Calls::topUpWithAuthorization(
                    splitter::topUpWithAuthorizationCall {
                        channel,
                        amount: sum,
                        salt,
                        authorization,
                    },
                ))
            }
        }
    }

    pub(super) fn close(&self, channel: Channel, sum: Sum, form: Form) -> Call {
        let cumulative = sum_of(self.state, &channel, sum);
        let provider = channel.deal.provider;
        let call = splitter::closeChannelCall {
            signature: self.voucher(&channel, cumulative, form),
            channel,
            cumulative,
        };
        self.by(
            provider,
            self.splitter(EarningsSplitterCalls::closeChannel(call)),
        )
    }

    fn voucher(&self, channel: &Channel, cumulative: u128, form: Form) -> Bytes {
        let digest = |cumulative| {
            let voucher = splitter::Voucher {
                channelId: self.state.channel_id(channel),
                cumulative,
            };
            voucher.eip712_signing_hash(&self.state.domain())
        };
        let good = self.cast.sign(channel.signer, digest(cumulative));
        match form {
            Form::Long => good.as_bytes().to_vec().into(),
            Form::Compact => good.as_erc2098().to_vec().into(),
            Form::BySomebodyElse => self.cast.signature(self.sender, digest(cumulative)),
            Form::OverAnotherSum => {
                let other = digest(cumulative.wrapping_add(1));
                self.cast.signature(channel.signer, other)
            }
            Form::Garbage => Bytes::from_static(&[7; 7]),
        }
    }
}

/// The sum of a channel's next voucher.
fn sum_of(state: &Reference, channel: &Channel, sum: Sum) -> u128 {
    let row = state.channel(channel);
    let rest = row.deposit - row.settled;
    match sum {
        Sum::More(more) => row.settled + more.min(rest),
        Sum::Part(parts) => row.settled + rest / 256 * u128::from(parts) + rest % 256 / 2,
        Sum::Settled => row.settled,
        Sum::Less => row.settled.saturating_sub(1),
        Sum::All => row.deposit,
        Sum::TooMuch => row.deposit + 1,
    }
}
