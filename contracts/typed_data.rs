//! What accounts sign for the contracts (EIP-712), and what identifies a payment to them.
//!
//! The messages themselves are the bindings' structs, made from the contracts' ABI: `RegisterContent` and its kin of
//! [`StreamRegistry`](crate::StreamRegistry), `RecordView` and `Voucher` of [`EarningsSplitter`]. Each
//! hashes itself in one of the domains below:
//!
//! ```
//! use alloy::sol_types::SolStruct;
//! use paystream_contracts::{EarningsSplitter::Voucher, splitter_domain};
//! # use alloy::primitives::{Address, B256};
//! # let (chain_id, splitter, channel_id) = (31337, Address::ZERO, B256::ZERO);
//! let voucher = Voucher { channelId: channel_id, cumulative: 5 };
//! let digest = voucher.eip712_signing_hash(&splitter_domain(chain_id, splitter));
//! ```

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::{Eip712Domain, SolValue, eip712_domain};

use crate::EarningsSplitter;

/// The domain of every action that is signed for the registry at `registry` on the chain `chain_id`.
#[must_use]
pub fn registry_domain(chain_id: u64, registry: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Paystream Registry",
        version: "1",
        chain_id: chain_id,
        verifying_contract: registry,
    }
}

/// The domain of every view and every voucher that is signed for the splitter at `splitter` on the chain `chain_id`.
#[must_use]
pub fn splitter_domain(chain_id: u64, splitter: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Paystream Splitter",
        version: "1",
        chain_id: chain_id,
        verifying_contract: splitter,
    }
}

/// The id of a channel, open or not: `keccak256(abi.encode(chain_id, splitter, channel))`, which is what
/// `EarningsSplitter.channelIdOf` answers. It is also the nonce of the EIP-3009 authorisation that opens the channel.
#[must_use]
pub fn channel_id(chain_id: u64, splitter: Address, channel: &EarningsSplitter::Channel) -> B256 {
    keccak256((U256::from(chain_id), splitter, channel.clone()).abi_encode_params())
}

/// The nonce of the EIP-3009 authorisation that tops a channel up, and does nothing else; each `salt` makes another.
#[must_use]
pub fn top_up_authorization_nonce(channel_id: B256, salt: B256) -> B256 {
    let kind = keccak256("TopUpAuthorization(bytes32 channelId,bytes32 salt)");
    keccak256((kind, channel_id, salt).abi_encode_params())
}

/// The nonce of the EIP-3009 authorisation that pays for this view, and for nothing else; each `salt` makes another.
#[must_use]
pub fn view_authorization_nonce(
    content_id: B256,
    provider: Address,
    viewer: Address,
    salt: B256,
) -> B256 {
    let kind = keccak256(
        "ViewAuthorization(bytes32 contentId,address provider,address viewer,bytes32 salt)",
    );
    keccak256((kind, content_id, provider, viewer, salt).abi_encode_params())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, Signature};
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use alloy::sol_types::{SolCall, SolStruct};
    use serde::Deserialize;

    use super::*;
    use crate::StreamRegistry;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vectors {
        chain_id: u64,
        registry: Contract,
        splitter: Contract,
        messages: Vec<Message>,
        channel: ChannelVector,
    }

    #[derive(Deserialize)]
    struct Contract {
        address: Address,
        name: String,
        version: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Message {
        primary_type: String,
        account: Address,
        private_key: B256,
        digest: B256,
        signature: Bytes,
        calldata: Bytes,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ChannelVector {
        encoded: Bytes,
        channel_id: B256,
        salt: B256,
        top_up_authorization_nonce: B256,
        view_authorization_nonce: B256,
    }

    /// Made with viem, an independent implementation of EIP-712 (web/src/contracts/typed-data.test.ts); the contracts
    /// pass them too (test/TypedData.t.sol).
    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("vectors/typed_data.json")).unwrap()
    }

    /// The message that a call carries, by its EIP-712 type.
    fn digest_of(message: &Message, registry: &Eip712Domain, splitter: &Eip712Domain) -> B256 {
        macro_rules! action {
            ($call:path, $field:ident, $domain:expr) => {
                <$call>::abi_decode(&message.calldata)
                    .unwrap()
                    .$field
                    .eip712_signing_hash($domain)
            };
        }
        match message.primary_type.as_str() {
            "RegisterContent" => {
                action!(StreamRegistry::registerContentBySigCall, action, registry)
            }
            "UpdateTerms" => action!(StreamRegistry::updateTermsBySigCall, action, registry),
            "DeregisterContent" => {
                action!(StreamRegistry::deregisterContentBySigCall, action, registry)
            }
            "RegisterStream" => action!(StreamRegistry::registerStreamBySigCall, action, registry),
            "DeregisterStream" => {
                action!(StreamRegistry::deregisterStreamBySigCall, action, registry)
            }
            "SetBitcoinPayout" => {
                action!(StreamRegistry::setBitcoinPayoutBySigCall, action, registry)
            }
            "RecordView" => action!(EarningsSplitter::recordViewBySigCall, action, splitter),
            "Voucher" => action!(EarningsSplitter::voucherDigestCall, voucher, splitter),
            other => panic!("{other} is not signed for these contracts"),
        }
    }

    #[test]
    fn every_message_hashes_as_wallets_hash_it_and_is_its_accounts() {
        let vectors = vectors();
        let registry = registry_domain(vectors.chain_id, vectors.registry.address);
        let splitter = splitter_domain(vectors.chain_id, vectors.splitter.address);
        assert_eq!(vectors.messages.len(), 8);
        for message in &vectors.messages {
            let digest = digest_of(message, &registry, &splitter);
            assert_eq!(digest, message.digest, "{}", message.primary_type);

            let signature = Signature::from_raw(&message.signature).unwrap();
            let recovered = signature.recover_address_from_prehash(&digest).unwrap();
            assert_eq!(recovered, message.account, "{}", message.primary_type);
            let signer = PrivateKeySigner::from_bytes(&message.private_key).unwrap();
            assert_eq!(signer.sign_hash_sync(&digest).unwrap(), signature);
        }
    }

    #[test]
    fn the_domains_are_named_as_in_the_vectors() {
        let vectors = vectors();
        for (domain, contract) in [
            (registry_domain(1, Address::ZERO), &vectors.registry),
            (splitter_domain(1, Address::ZERO), &vectors.splitter),
        ] {
            assert_eq!(domain.name.as_deref(), Some(contract.name.as_str()));
            assert_eq!(domain.version.as_deref(), Some(contract.version.as_str()));
        }
    }

    #[test]
    fn another_chain_or_contract_is_another_digest() {
        let vectors = vectors();
        let Contract { address, .. } = vectors.splitter;
        let here = splitter_domain(vectors.chain_id, address);
        let message = &vectors.messages[0];
        for domain in [
            registry_domain(vectors.chain_id + 1, vectors.registry.address),
            registry_domain(vectors.chain_id, address),
        ] {
            assert_ne!(digest_of(message, &domain, &here), message.digest);
        }
    }

    #[test]
    fn a_channels_id_and_the_nonces_are_the_ones_that_the_contract_computes() {
        let vectors = vectors();
        let vector = &vectors.channel;
        let channel = EarningsSplitter::channelIdOfCall::abi_decode(&vector.encoded)
            .unwrap()
            .channel;
        let id = channel_id(vectors.chain_id, vectors.splitter.address, &channel);
        assert_eq!(id, vector.channel_id);
        assert_eq!(
            top_up_authorization_nonce(id, vector.salt),
            vector.top_up_authorization_nonce
        );
        let deal = &channel.deal;
        assert_eq!(
            view_authorization_nonce(deal.contentId, deal.provider, channel.payer, vector.salt),
            vector.view_authorization_nonce
        );
    }
}
