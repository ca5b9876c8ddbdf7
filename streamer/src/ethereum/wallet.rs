//! Accounts that are contracts: whether their code takes a signature for its own (EIP-1271).

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::sol;
use alloy::sol_types::SolCall;

use super::{Ethereum, unavailable, within};
use crate::error::Result;

/// The most gas that an account's code may use; wallets of several signers need a tenth of it.
const GAS: u64 = 2_000_000;
/// The longest that the question may take: the code is a stranger's.
const PATIENCE: Duration = Duration::from_secs(5);

sol! {
    #[sol(rpc)]
    interface SignatureValidator {
        function isValidSignature(bytes32 digest, bytes signature) external view returns (bytes4 magic);
    }
}

impl Ethereum {
    /// Whether an account has code, and the code says that this is the account's signature of the digest.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn code_accepts(
        &self,
        account: Address,
        digest: B256,
        signature: &Bytes,
    ) -> Result<bool> {
        let code = within(self.provider.get_code_at(account).into_future()).await?;
        if code.is_empty() {
            return Ok(false);
        }
        let validator = SignatureValidator::new(account, &self.provider);
        let call = validator
            .isValidSignature(digest, signature.clone())
            .gas(GAS);
        match tokio::time::timeout(PATIENCE, call.call().into_future()).await {
            Ok(Ok(magic)) => Ok(magic == SignatureValidator::isValidSignatureCall::SELECTOR),
            Ok(Err(alloy::contract::Error::TransportError(error)))
                if error.as_error_resp().is_none() =>
            {
                Err(unavailable(error.to_string()))
            }
            // It reverted, or answered something else.
            Ok(Err(_)) => Ok(false),
            Err(_) => Err(unavailable("no answer in time".to_owned())),
        }
    }
}
