//! Payments for whole views.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolStruct;
use paystream_contracts::EarningsSplitter as splitter;
use paystream_contracts::StreamRegistry::Terms;

use super::{ETHER, Reference, Refusal, creator_share, refuse, view_nonce};

impl Reference {
    pub(super) fn record_view(
        &mut self,
        sender: Address,
        value: U256,
        call: &splitter::recordViewCall,
    ) -> Result<(), Refusal> {
        let terms = self.offer_in(ETHER, call.contentId, call.provider)?;
        let price = self.record(&terms, call.provider, call.maxPrice)?;
        self.take(ETHER, sender, price, value)
    }

    pub(super) fn record_view_in_token(
        &mut self,
        sender: Address,
        call: &splitter::recordViewInTokenCall,
    ) -> Result<(), Refusal> {
        let terms = self.offer_in(call.token, call.contentId, call.provider)?;
        let price = self.record(&terms, call.provider, call.maxPrice)?;
        self.permit(call.token, sender, &call.permit);
        self.take(call.token, sender, price, U256::ZERO)
    }

    pub(super) fn record_view_with_authorization(
        &mut self,
        call: &splitter::recordViewWithAuthorizationCall,
    ) -> Result<(), Refusal> {
        let terms = self.offer(call.contentId, call.provider)?;
        let price = U256::from(terms.pricePerView);
        if call.price != price {
            return refuse(splitter::AuthorizedAmountDiffers {
                authorized: call.price,
                price,
            });
        }
        self.record(&terms, call.provider, price)?;
        let nonce = view_nonce(call.contentId, call.provider, call.viewer, call.salt);
        self.take_authorized(terms.token, call.viewer, price, nonce, &call.authorization)
    }

    pub(super) fn record_view_by_sig(
        &mut self,
        call: &splitter::recordViewBySigCall,
    ) -> Result<(), Refusal> {
        let action = &call.action;
        let viewer = action.viewer;
        if U256::from(self.now) > action.deadline {
            let deadline = action.deadline;
            return refuse(splitter::SignatureExpired { deadline });
        }
        let next = self.nonces.get(&viewer).copied().unwrap_or_default();
        if action.nonce != next {
            return refuse(splitter::NonceNotNext {
                account: viewer,
                nonce: action.nonce,
                next,
            });
        }
        let digest = action.eip712_signing_hash(&self.domain());
        if !self.signed(viewer, digest, &call.signature) {
            return refuse(splitter::SignatureInvalid { account: viewer });
        }
        self.nonces.insert(viewer, next + U256::from(1));
        let terms = self.offer_in(action.token, action.contentId, action.provider)?;
        let price = self.record(&terms, action.provider, action.maxPrice)?;
        self.permit(action.token, viewer, &call.permit);
        self.take(action.token, viewer, price, U256::ZERO)
    }

    fn offer_in(&self, agreed: Address, id: B256, provider: Address) -> Result<Terms, Refusal> {
        let terms = self.offer(id, provider)?;
        if terms.token == agreed {
            return Ok(terms);
        }
        refuse(splitter::TokenDiffers {
            token: terms.token,
            agreed,
        })
    }

    /// Credits creator and provider; what is to be paid.
    fn record(&mut self, terms: &Terms, provider: Address, maximum: U256) -> Result<U256, Refusal> {
        let amount: u128 = terms.pricePerView.to();
        let price = U256::from(amount);
        if price > maximum {
            return refuse(splitter::PriceAboveMaximum { price, maximum });
        }
        let share = creator_share(amount, terms.creatorShareBps);
        self.credit(terms.token, terms.payout, share);
        self.credit(terms.token, provider, amount - share);
        Ok(price)
    }
}
