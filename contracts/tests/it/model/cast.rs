//! Who takes part, and what each signs.

use alloy::primitives::{Address, B256, Bytes, Signature, U256, address, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolStruct;
use paystream_contracts::EarningsSplitter as splitter;
use proptest::sample::Index;

use super::reference::{Permit, ReceiveWithAuthorization, Reference, usd_domain};

/// Its code takes no ether and signs nothing.
pub const REFUSING: Address = address!("00000000000000000000000000000000000Bad00");

/// Its code takes ether and calls every signature its own.
pub const AGREEING: Address = address!("0000000000000000000000000000000000A93ee0");

/// The accounts with ether, which send transactions, and the session keys, which only sign.
pub struct Cast {
    pub senders: Vec<PrivateKeySigner>,
    pub sessions: Vec<PrivateKeySigner>,
}

impl Cast {
    pub fn new() -> Self {
        let key = |name: &str| PrivateKeySigner::from_bytes(&keccak256(name)).unwrap();
        Self {
            senders: ["Ada", "Ben", "Cleo", "Dan", "Eve"].map(key).into(),
            sessions: ["one", "two", "three"].map(key).into(),
        }
    }

    pub fn sender(&self, index: Index) -> Address {
        index.get(&self.senders).address()
    }

    /// Everybody whom a payment may be for.
    pub fn accounts(&self, splitter: Address) -> Vec<Address> {
        let senders = self.senders.iter().map(PrivateKeySigner::address);
        senders.chain([REFUSING, AGREEING, splitter]).collect()
    }

    /// Everybody who may sign vouchers, most of them session keys.
    pub fn signers(&self, payer: Address) -> Vec<Address> {
        let sessions = self.sessions.iter().map(PrivateKeySigner::address);
        sessions.chain([payer, AGREEING, REFUSING]).collect()
    }

    /// The signature of the account's key, or of some other key when the account has none.
    pub fn sign(&self, account: Address, digest: B256) -> Signature {
        let mut keys = self.senders.iter().chain(&self.sessions);
        let key = keys.find(|key| key.address() == account);
        let key = key.unwrap_or(&self.sessions[0]);
        key.sign_hash_sync(&digest).unwrap()
    }

    pub fn permit(
        &self,
        state: &Reference,
        owner: Address,
        signer: Address,
        value: U256,
        deadline: u64,
    ) -> splitter::Permit {
        let signed = Permit {
            owner,
            spender: state.splitter,
            value,
            nonce: state.permit_nonces.get(&owner).copied().unwrap_or_default(),
            deadline: U256::from(deadline),
        };
        let digest = signed.eip712_signing_hash(&usd_domain(state.chain_id, state.token));
        let (v, r, s) = parts(&self.sign(signer, digest));
        splitter::Permit {
            value,
            deadline: signed.deadline,
            v,
            r,
            s,
        }
    }

    pub fn authorization(
        &self,
        state: &Reference,
        signed: &ReceiveWithAuthorization,
        signer: Address,
    ) -> splitter::Authorization {
        let digest = signed.eip712_signing_hash(&usd_domain(state.chain_id, state.token));
        let (v, r, s) = parts(&self.sign(signer, digest));
        splitter::Authorization {
            validAfter: signed.validAfter,
            validBefore: signed.validBefore,
            v,
            r,
            s,
        }
    }

    /// 65 bytes: r, s, v.
    pub fn signature(&self, account: Address, digest: B256) -> Bytes {
        self.sign(account, digest).as_bytes().to_vec().into()
    }
}

/// No permit.
pub fn no_permit() -> splitter::Permit {
    splitter::Permit {
        value: U256::ZERO,
        deadline: U256::ZERO,
        v: 0,
        r: B256::ZERO,
        s: B256::ZERO,
    }
}

fn parts(signature: &Signature) -> (u8, B256, B256) {
    (
        27 + u8::from(signature.v()),
        signature.r().into(),
        signature.s().into(),
    )
}
