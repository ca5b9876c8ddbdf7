//! A viewer's signed payment for a view: read, checked, and made into the call that sends it. Pure.

mod call;
mod terms;
#[cfg(test)]
mod tests;

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use utoipa::ToSchema;

/// A payment that a viewer signed. Amounts and times are decimal texts.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ViewPayment {
    /// EIP-3009 `ReceiveWithAuthorization` to the splitter; its nonce is `viewAuthorizationNonce(content, provider, viewer, salt)`.
    Authorization {
        /// The content.
        #[schema(value_type = String)]
        content_id: B256,
        /// Who views and pays.
        #[schema(value_type = String)]
        viewer: Address,
        /// What is authorised: exactly the price.
        price: String,
        /// Makes the nonce one of its own.
        #[schema(value_type = String)]
        salt: B256,
        /// It may be used after this second.
        valid_after: String,
        /// It may be used before this second.
        valid_before: String,
        /// 65 bytes.
        #[schema(value_type = String)]
        signature: Bytes,
    },
    /// EIP-712 `RecordView`, paid from an allowance.
    Signature {
        /// What was signed.
        view: RecordViewBody,
        /// The viewer's, or what the viewer's code takes (EIP-1271).
        #[schema(value_type = String)]
        signature: Bytes,
        /// Gives the allowance (EIP-2612), where it is not there yet.
        permit: Option<PermitBody>,
    },
}

/// `RecordView`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RecordViewBody {
    /// Who views and pays.
    #[schema(value_type = String)]
    pub viewer: Address,
    /// The content.
    #[schema(value_type = String)]
    pub content_id: B256,
    /// This provider.
    #[schema(value_type = String)]
    pub provider: Address,
    /// What is paid in.
    #[schema(value_type = String)]
    pub token: Address,
    /// The most that may be taken.
    pub max_price: String,
    /// The viewer's next nonce at the splitter.
    pub nonce: String,
    /// The last second at which it may be sent.
    pub deadline: String,
}

/// `Permit`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PermitBody {
    /// What the splitter may take.
    pub value: String,
    /// The last second at which it may be used.
    pub deadline: String,
    /// 65 bytes.
    #[schema(value_type = String)]
    pub signature: Bytes,
}

/// What the registry and this provider say of the content.
#[derive(Debug, Clone, Copy)]
pub struct ViewTerms {
    /// The chain of the contracts.
    pub chain_id: u64,
    /// The contract that takes the money.
    pub splitter: Address,
    /// This provider.
    pub provider: Address,
    /// What the content is paid in.
    pub token: Address,
    /// What a view costs.
    pub price: U256,
    /// The share of the price that is not the provider's.
    pub creator_share_bps: u16,
    /// The least that this provider wants to get of a view in this token.
    pub min_share: U256,
    /// The present second.
    pub now: u64,
}

impl ViewPayment {
    /// The content that it pays for.
    #[must_use]
    pub fn content(&self) -> B256 {
        match self {
            Self::Authorization { content_id, .. } => *content_id,
            Self::Signature { view, .. } => view.content_id,
        }
    }

    /// Who pays.
    #[must_use]
    pub fn viewer(&self) -> Address {
        match self {
            Self::Authorization { viewer, .. } => *viewer,
            Self::Signature { view, .. } => view.viewer,
        }
    }
}
