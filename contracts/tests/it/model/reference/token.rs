//! How a payment comes in: as ether, from an allowance, or by what the payer signed for the token.

use alloy::primitives::{Address, B256, U256};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};
use paystream_contracts::EarningsSplitter as splitter;

use super::{ETHER, Reference, Refusal, move_amount, recover, refuse};

sol! {
    /// What is used of the token.
    #[sol(rpc, all_derives)]
    interface Usd {
        error InsufficientBalance();
        error AuthorizationNotYetValid();
        error AuthorizationExpired();
        error AuthorizationUsedOrCanceled();
        error InvalidSignature();

        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
    }

    /// EIP-2612.
    struct Permit {
        address owner;
        address spender;
        uint256 value;
        uint256 nonce;
        uint256 deadline;
    }

    /// EIP-3009.
    struct ReceiveWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

impl Reference {
    /// Takes an amount: the ether that was sent along, or tokens from the allowance.
    pub(super) fn take(
        &mut self,
        token: Address,
        from: Address,
        amount: U256,
        sent: U256,
    ) -> Result<(), Refusal> {
        let due = if token == ETHER { amount } else { U256::ZERO };
        if sent != due {
            return refuse(splitter::IncorrectPayment { sent, due });
        }
        if token == ETHER || amount.is_zero() {
            return Ok(());
        }
        let balance = self.tokens.get(&from).copied().unwrap_or_default();
        let allowance = self.allowances.entry(from).or_default();
        if balance < amount || *allowance < amount {
            return refuse(splitter::TransferFromFailed {
                token,
                from,
                amount,
            });
        }
        if *allowance != U256::MAX {
            *allowance -= amount;
        }
        move_amount(&mut self.tokens, from, self.splitter, amount);
        Ok(())
    }

    /// Gives an allowance; a permit that is not good does nothing.
    pub(super) fn permit(&mut self, token: Address, owner: Address, permit: &splitter::Permit) {
        if token != self.token || permit.deadline < U256::from(self.now) {
            return;
        }
        let nonce = self.permit_nonces.entry(owner).or_default();
        let signed = Permit {
            owner,
            spender: self.splitter,
            value: permit.value,
            nonce: *nonce,
            deadline: permit.deadline,
        };
        let digest = signed.eip712_signing_hash(&usd_domain(self.chain_id, token));
        if recover(digest, &join(permit.r, permit.s, permit.v)) == Some(owner) {
            *nonce += U256::from(1);
            self.allowances.insert(owner, permit.value);
        }
    }

    /// Takes tokens by an authorisation.
    pub(super) fn take_authorized(
        &mut self,
        token: Address,
        from: Address,
        amount: U256,
        nonce: B256,
        authorization: &splitter::Authorization,
    ) -> Result<(), Refusal> {
        if token != self.token {
            return refuse(splitter::TokenNotSupported { token });
        }
        let now = U256::from(self.now);
        if now <= authorization.validAfter {
            return refuse(Usd::AuthorizationNotYetValid {});
        }
        if now >= authorization.validBefore {
            return refuse(Usd::AuthorizationExpired {});
        }
        if self.used_authorizations.contains(&(from, nonce)) {
            return refuse(Usd::AuthorizationUsedOrCanceled {});
        }
        let signed = ReceiveWithAuthorization {
            from,
            to: self.splitter,
            value: amount,
            validAfter: authorization.validAfter,
            validBefore: authorization.validBefore,
            nonce,
        };
        let digest = signed.eip712_signing_hash(&usd_domain(self.chain_id, token));
        let signature = join(authorization.r, authorization.s, authorization.v);
        if !self.signed(from, digest, &signature) {
            return refuse(Usd::InvalidSignature {});
        }
        self.used_authorizations.insert((from, nonce));
        if self.tokens.get(&from).copied().unwrap_or_default() < amount {
            return refuse(Usd::InsufficientBalance {});
        }
        move_amount(&mut self.tokens, from, self.splitter, amount);
        Ok(())
    }
}

/// What the token's typed data is bound to.
pub fn usd_domain(chain_id: u64, token: Address) -> Eip712Domain {
    eip712_domain! {
        name: "USD Coin",
        version: "2",
        chain_id: chain_id,
        verifying_contract: token,
    }
}

fn join(r: B256, s: B256, v: u8) -> Vec<u8> {
    [r.as_slice(), s.as_slice(), &[v]].concat()
}
