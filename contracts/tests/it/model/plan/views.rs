//! Payments for whole views.

use alloy::primitives::{B256, U256};
use alloy::sol_types::SolStruct;
use paystream_contracts::EarningsSplitter::{self as splitter, EarningsSplitterCalls};
use proptest::sample::Index;

use super::super::action::{Flaw, Pay};
use super::super::reference::{Call, ETHER, view_nonce};
use super::Scene;

impl Scene<'_> {
    pub(super) fn view(&self, stream: Index, viewer: Index, pay: Pay) -> Call {
        let (content_id, provider) = self.stream(stream);
        let terms = self.terms_of(content_id);
        let (token, price) = (self.currency(&terms), U256::from(terms.pricePerView));
        let viewer = *viewer.get(&self.accounts());
        let max_price = self.amount(price);
        match self.pay(pay, token) {
            Pay::Authorization => {
                let salt = B256::from(U256::from(u8::from(self.flaw != Flaw::Nonce) * self.salt()));
                let nonce = view_nonce(content_id, provider, viewer, salt);
                let authorization = self.authorization(viewer, max_price, nonce);
                let call = splitter::recordViewWithAuthorizationCall {
                    contentId: content_id,
                    provider,
                    viewer,
                    price: max_price,
                    salt,
                    authorization,
                };
                self.splitter(EarningsSplitterCalls::recordViewWithAuthorization(call))
            }
            Pay::Allowance | Pay::Permit if token != ETHER => {
                let call = splitter::recordViewInTokenCall {
                    contentId: content_id,
                    provider,
                    viewer,
                    token,
                    maxPrice: max_price,
                    permit: self.permit(self.sender, price, pay),
                };
                self.splitter(EarningsSplitterCalls::recordViewInToken(call))
            }
            Pay::Allowance | Pay::Permit => {
                let call = splitter::recordViewCall {
                    contentId: content_id,
                    provider,
                    viewer,
                    maxPrice: max_price,
                };
                let call = self.splitter(EarningsSplitterCalls::recordView(call));
                self.with_ether(call, price)
            }
        }
    }

    pub(super) fn view_by_sig(&self, stream: Index, viewer: Index, pay: Pay) -> Call {
        let (content_id, provider) = self.stream(stream);
        let terms = self.terms_of(content_id);
        let viewer = *viewer.get(&self.accounts());
        let next = self.state.nonces.get(&viewer).copied().unwrap_or_default();
        let price = U256::from(terms.pricePerView);
        let action = splitter::RecordView {
            viewer,
            contentId: content_id,
            provider,
            token: self.currency(&terms),
            maxPrice: self.amount(price),
            nonce: next + U256::from(u8::from(self.flaw == Flaw::Nonce)),
            deadline: U256::from(self.now - u64::from(self.flaw == Flaw::Deadline)),
        };
        let digest = action.eip712_signing_hash(&self.state.domain());
        let call = splitter::recordViewBySigCall {
            signature: self.cast.signature(self.signer(viewer), digest),
            permit: self.permit(viewer, price, pay),
            action,
        };
        self.splitter(EarningsSplitterCalls::recordViewBySig(call))
    }
}
