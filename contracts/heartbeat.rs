//! What a provider signs to tell an indexer that a stream is alive (docs/protocol.md, section 10).

use alloy::primitives::{Address, B256};
use alloy::sol;
use alloy::sol_types::{SolStruct, eip712_domain};

sol! {
    /// A provider's word that it is serving a content now: EIP-712 type
    /// `Heartbeat(bytes32 contentId,address provider,string url,uint32 viewers,uint64 at)`.
    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Heartbeat {
        /// The content that is being served.
        bytes32 contentId;
        /// The provider, who signs.
        address provider;
        /// The URL under which the provider registered the stream.
        string url;
        /// How many viewers are being served.
        uint32 viewers;
        /// When it was signed, in seconds since the Unix epoch.
        uint64 at;
    }
}

/// The hash that a provider's account signs (EIP-712), for the registry at `registry` on the chain `chain_id`.
///
/// The domain is `{name: "Paystream Heartbeat", version: "1", chainId, verifyingContract: registry}`, so that a
/// heartbeat means nothing on another chain or for another registry.
#[must_use]
pub fn heartbeat_signing_hash(heartbeat: &Heartbeat, chain_id: u64, registry: Address) -> B256 {
    let domain = eip712_domain! {
        name: "Paystream Heartbeat",
        version: "1",
        chain_id: chain_id,
        verifying_contract: registry,
    };
    heartbeat.eip712_signing_hash(&domain)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, Signature};
    use alloy::signers::{SignerSync, local::PrivateKeySigner};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        chain_id: u64,
        registry: Address,
        content_id: B256,
        provider: Address,
        url: String,
        viewers: u32,
        at: u64,
        private_key: B256,
        signing_hash: B256,
        signature: Bytes,
    }

    impl Vector {
        fn heartbeat(&self) -> Heartbeat {
            Heartbeat {
                contentId: self.content_id,
                provider: self.provider,
                url: self.url.clone(),
                viewers: self.viewers,
                at: self.at,
            }
        }
    }

    fn vectors() -> Vec<Vector> {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("vectors/heartbeat.json")).unwrap();
        assert!(!vectors.is_empty());
        vectors
    }

    /// The vectors were made with viem, an independent implementation of EIP-712.
    #[test]
    fn the_signing_hash_is_the_one_that_wallets_compute() {
        for vector in vectors() {
            let hash =
                heartbeat_signing_hash(&vector.heartbeat(), vector.chain_id, vector.registry);
            assert_eq!(hash, vector.signing_hash);
        }
    }

    #[test]
    fn a_signature_is_the_providers_own_and_deterministic() {
        for vector in vectors() {
            let signer = PrivateKeySigner::from_bytes(&vector.private_key).unwrap();
            assert_eq!(signer.address(), vector.provider);
            let signature = Signature::from_raw(&vector.signature).unwrap();
            assert_eq!(
                signer.sign_hash_sync(&vector.signing_hash).unwrap(),
                signature
            );
            let recovered = signature.recover_address_from_prehash(&vector.signing_hash);
            assert_eq!(recovered.unwrap(), vector.provider);
        }
    }

    #[test]
    fn another_chain_registry_or_field_is_another_hash() {
        let vector = &vectors()[0];
        let heartbeat = vector.heartbeat();
        let hash = |heartbeat: &Heartbeat| {
            heartbeat_signing_hash(heartbeat, vector.chain_id, vector.registry)
        };
        let changed = [
            heartbeat_signing_hash(&heartbeat, vector.chain_id + 1, vector.registry),
            heartbeat_signing_hash(&heartbeat, vector.chain_id, vector.provider),
            hash(&Heartbeat {
                contentId: B256::ZERO,
                ..heartbeat.clone()
            }),
            hash(&Heartbeat {
                provider: vector.registry,
                ..heartbeat.clone()
            }),
            hash(&Heartbeat {
                url: String::new(),
                ..heartbeat.clone()
            }),
            hash(&Heartbeat {
                viewers: vector.viewers + 1,
                ..heartbeat.clone()
            }),
            hash(&Heartbeat {
                at: vector.at + 1,
                ..heartbeat.clone()
            }),
        ];
        for other in changed {
            assert_ne!(other, vector.signing_hash);
        }
    }
}
