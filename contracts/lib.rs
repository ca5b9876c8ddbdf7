//! Paystream's contracts, as Rust sees them.
//!
//! - [`StreamRegistry`], [`EarningsSplitter`], [`PayoutSplitFactory`] and [`PayoutSplit`]: bindings made from forge's
//!   artefacts, with calls, events, custom errors and the bytecode to deploy.
//! - [`Deployment`]: the record of where the contracts are on one chain (`deployments/<chain id>.json`).
//! - [`deploy`]: how they get there. The binary `paystream-deploy` and every test deploy by it.
//! - [`distribute`]: how earnings are pushed to whom they belong. The binary `paystream-distribute`.
//! - [`ethstorage`]: files stored on chain, in a `FlatDirectory` of EthStorage.
//! - [`Heartbeat`]: what a provider signs to tell an indexer that a stream is alive.
//! - [`registry_domain`] and [`splitter_domain`]: in which accounts sign what somebody else may send (EIP-712).
//! - [`channel_id`] and the nonces of authorisations, computed without asking the chain.
//! - [`explain`]: why a contract refused, in a sentence for the person.
//! - [`content_id`]: the id of a content, computed without asking the chain.
//!
//! Nothing here opens a connection or keeps a key: [`deploy`] and [`distribute`] use what they are given.

#![forbid(unsafe_code)]

mod bindings;
pub mod deploy;
mod deployment;
pub mod distribute;
mod errors;
pub mod ethstorage;
mod heartbeat;
mod typed_data;

use alloy::primitives::{Address, B256, keccak256};
use alloy::sol_types::SolValue;

pub use bindings::{EarningsSplitter, PayoutSplit, PayoutSplitFactory, StreamRegistry};
pub use deployment::{Deployment, DeploymentError};
pub use errors::explain;
pub use heartbeat::{Heartbeat, heartbeat_signing_hash};
pub use typed_data::{
    channel_id, registry_domain, splitter_domain, top_up_authorization_nonce,
    view_authorization_nonce,
};

/// The id of `creator`'s content with this CID: `keccak256(abi.encode(creator, cid))`, which is what
/// `StreamRegistry.contentIdOf` answers. The CID is taken byte by byte; nothing is normalised.
#[must_use]
pub fn content_id(creator: Address, cid: &str) -> B256 {
    keccak256((creator, cid).abi_encode_params())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        creator: Address,
        cid: String,
        content_id: B256,
    }

    #[test]
    fn the_bindings_carry_the_bytecode_to_deploy() {
        assert!(!StreamRegistry::BYTECODE.is_empty());
        assert!(!EarningsSplitter::BYTECODE.is_empty());
    }

    /// The contract passes the same vectors (test/StreamRegistry.t.sol).
    #[test]
    fn the_content_id_is_the_one_that_the_contract_computes() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("vectors/content_id.json")).unwrap();
        assert!(!vectors.is_empty());
        for vector in vectors {
            assert_eq!(
                content_id(vector.creator, &vector.cid),
                vector.content_id,
                "{}",
                vector.cid
            );
        }
    }
}
