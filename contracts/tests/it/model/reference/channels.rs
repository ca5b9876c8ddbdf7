//! Payments by the second.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolStruct;
use paystream_contracts::EarningsSplitter::{self as splitter, Channel, Deal};

use super::{ChannelRow, DEPOSIT_LIMIT, Reference, Refusal, Skipped, creator_share, refuse};

const LONGEST: u64 = 365 * 24 * 60 * 60;

impl Reference {
    /// Everything of an opening but the payment; the channel's id.
    pub(super) fn open(&mut self, channel: &Channel, deposit: U256) -> Result<B256, Refusal> {
        let deal = &channel.deal;
        let (content, terms) = (deal.contentId, self.offer(deal.contentId, deal.provider)?);
        if terms.pricePerSecond.is_zero() {
            return refuse(splitter::NotSoldBySecond { contentId: content });
        }
        let agreed = (deal.token, deal.payout, deal.creatorShareBps);
        if agreed != (terms.token, terms.payout, terms.creatorShareBps)
            || deal.pricePerSecond != terms.pricePerSecond
        {
            return refuse(splitter::ChannelTermsDiffer { contentId: content });
        }
        if channel.payer.is_zero() || channel.signer.is_zero() {
            return refuse(splitter::ChannelPartyIsZero {});
        }
        if channel.expiry <= self.now || channel.expiry > self.now + LONGEST {
            return refuse(splitter::ChannelExpiryInvalid {
                expiry: U256::from(channel.expiry),
                latest: U256::from(self.now + LONGEST),
            });
        }
        let amount = checked_deposit(deposit, DEPOSIT_LIMIT - 1)?;
        let id = self.channel_id(channel);
        if self.channels.contains_key(&id) {
            return refuse(splitter::ChannelAlreadyExists { channelId: id });
        }
        let row = ChannelRow {
            deposit: amount,
            ..ChannelRow::default()
        };
        self.channels.insert(id, row);
        Ok(id)
    }

    /// Everything of a top-up but the payment; the channel's id.
    pub(super) fn top_up(&mut self, channel: &Channel, amount: U256) -> Result<B256, Refusal> {
        let id = self.channel_id(channel);
        let row = self.before_expiry(id, channel.expiry)?;
        let amount = checked_deposit(amount, DEPOSIT_LIMIT - 1 - row.deposit)?;
        self.channels.get_mut(&id).unwrap().deposit += amount;
        Ok(id)
    }

    /// Settles what can be settled; what was left out.
    pub(super) fn settle(&mut self, batches: &[splitter::SettlementBatch]) -> Vec<Skipped> {
        let mut skipped = Vec::new();
        for batch in batches {
            for row in &batch.settlements {
                let channel = Channel {
                    deal: batch.deal.clone(),
                    payer: row.payer,
                    signer: row.signer,
                    expiry: row.expiry,
                    salt: row.salt,
                };
                let id = self.channel_id(&channel);
                match self.voucher(&channel, row.cumulative, &row.signature) {
                    Ok(()) => self.settle_up_to(&batch.deal, id, row.cumulative),
                    Err(Refusal(error)) => skipped.push((id, error[..4].try_into().unwrap())),
                }
            }
        }
        skipped
    }

    pub(super) fn close(
        &mut self,
        sender: Address,
        call: &splitter::closeChannelCall,
    ) -> Result<(), Refusal> {
        let (channel, id) = (&call.channel, self.channel_id(&call.channel));
        if sender != channel.deal.provider {
            return refuse(splitter::NotProvider {
                channelId: id,
                caller: sender,
            });
        }
        if call.cumulative == self.channel(channel).settled {
            self.before_expiry(id, channel.expiry)?;
        } else {
            self.voucher(channel, call.cumulative, &call.signature)?;
            self.settle_up_to(&channel.deal, id, call.cumulative);
        }
        self.give_back(channel, id);
        Ok(())
    }

    pub(super) fn refund(&mut self, channel: &Channel) -> Result<(), Refusal> {
        let id = self.channel_id(channel);
        match self.channels.get(&id) {
            None => refuse(splitter::ChannelNotFound { channelId: id }),
            Some(row) if row.closed => refuse(splitter::ChannelIsClosed { channelId: id }),
            Some(_) if self.now < channel.expiry => refuse(splitter::ChannelNotExpired {
                channelId: id,
                expiry: U256::from(channel.expiry),
            }),
            Some(_) => {
                self.give_back(channel, id);
                Ok(())
            }
        }
    }

    /// The channel, which is open and has not expired.
    fn before_expiry(&self, id: B256, expiry: u64) -> Result<ChannelRow, Refusal> {
        match self.channels.get(&id) {
            None => refuse(splitter::ChannelNotFound { channelId: id }),
            Some(row) if row.closed => refuse(splitter::ChannelIsClosed { channelId: id }),
            Some(_) if self.now >= expiry => refuse(splitter::ChannelHasExpired {
                channelId: id,
                expiry: U256::from(expiry),
            }),
            Some(row) => Ok(*row),
        }
    }

    /// Whether a voucher can be settled now.
    fn voucher(&self, channel: &Channel, sum: u128, signature: &[u8]) -> Result<(), Refusal> {
        let id = self.channel_id(channel);
        let row = self.before_expiry(id, channel.expiry)?;
        let cumulative = U256::from(sum);
        if sum <= row.settled {
            return refuse(splitter::NothingToSettle {
                channelId: id,
                cumulative,
                settled: U256::from(row.settled),
            });
        }
        if sum > row.deposit {
            return refuse(splitter::CumulativeAboveDeposit {
                channelId: id,
                cumulative,
                deposit: U256::from(row.deposit),
            });
        }
        let voucher = splitter::Voucher {
            channelId: id,
            cumulative: sum,
        };
        let digest = voucher.eip712_signing_hash(&self.domain());
        if self.signed(channel.signer, digest, signature) {
            return Ok(());
        }
        refuse(splitter::VoucherSignatureInvalid {
            channelId: id,
            signer: channel.signer,
        })
    }

    /// Of everything settled so far the creator has the share, rounded up; so the step pays the difference.
    fn settle_up_to(&mut self, deal: &Deal, id: B256, sum: u128) {
        let row = self.channels.get_mut(&id).unwrap();
        let before = row.settled;
        row.settled = sum;
        let share = |sum| creator_share(sum, deal.creatorShareBps);
        let to_creator = share(sum) - share(before);
        self.credit(deal.token, deal.payout, to_creator);
        self.credit(deal.token, deal.provider, sum - before - to_creator);
    }

    /// Closes a channel: the rest goes to the payer, or waits for it in the ledger.
    fn give_back(&mut self, channel: &Channel, id: B256) {
        let row = self.channels.get_mut(&id).unwrap();
        row.closed = true;
        let rest = row.deposit - row.settled;
        if !self.push(channel.deal.token, channel.payer, U256::from(rest)) {
            self.credit(channel.deal.token, channel.payer, rest);
        }
    }
}

/// An amount that is more than nothing and at most `maximum`.
fn checked_deposit(amount: U256, maximum: u128) -> Result<u128, Refusal> {
    if amount.is_zero() || amount > U256::from(maximum) {
        return refuse(splitter::DepositInvalid {
            deposit: amount,
            maximum: U256::from(maximum),
        });
    }
    Ok(amount.to())
}
