// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { TERMS_TYPE, Terms } from "./Terms.sol";

// What an account signs (EIP-712) so that somebody else may send the registry's transaction for it. The names of the
// structs and of their fields are the typed data: wallets show them, and the bindings of other languages are made from
// the contract's ABI. Each names the account that acts, its next nonce, and the last second at which it may be sent.

/// @notice Offers a content; see `IStreamRegistry.registerContent`.
struct RegisterContent {
    address creator;
    string cid;
    string name;
    string metadataURI;
    Terms terms;
    uint256 nonce;
    uint256 deadline;
}

/// @notice Replaces the terms of a content; see `IStreamRegistry.updateTerms`.
struct UpdateTerms {
    address creator;
    bytes32 contentId;
    Terms terms;
    uint256 nonce;
    uint256 deadline;
}

/// @notice Withdraws a content; see `IStreamRegistry.deregisterContent`.
struct DeregisterContent {
    address creator;
    bytes32 contentId;
    uint256 nonce;
    uint256 deadline;
}

/// @notice Offers a stream of a content; see `IStreamRegistry.registerStream`.
struct RegisterStream {
    address provider;
    bytes32 contentId;
    string url;
    uint256 nonce;
    uint256 deadline;
}

/// @notice Withdraws a stream of a content; see `IStreamRegistry.deregisterStream`.
struct DeregisterStream {
    address provider;
    bytes32 contentId;
    uint256 nonce;
    uint256 deadline;
}

/// @notice Sets where the creator's share is paid on Bitcoin; see `IStreamRegistry.setBitcoinPayout`.
struct SetBitcoinPayout {
    address creator;
    bytes scriptPubKey;
    uint256 nonce;
    uint256 deadline;
}

using RegistryActionHash for RegisterContent global;
using RegistryActionHash for UpdateTerms global;
using RegistryActionHash for DeregisterContent global;
using RegistryActionHash for RegisterStream global;
using RegistryActionHash for DeregisterStream global;
using RegistryActionHash for SetBitcoinPayout global;

/// @title RegistryActionHash
/// @notice `hashStruct` of each action (EIP-712).
library RegistryActionHash {
    bytes32 private constant REGISTER_CONTENT_TYPEHASH = keccak256(
        abi.encodePacked(
            "RegisterContent(address creator,string cid,string name,string metadataURI,Terms terms,uint256 nonce,uint256 deadline)",
            TERMS_TYPE
        )
    );
    bytes32 private constant UPDATE_TERMS_TYPEHASH = keccak256(
        abi.encodePacked(
            "UpdateTerms(address creator,bytes32 contentId,Terms terms,uint256 nonce,uint256 deadline)", TERMS_TYPE
        )
    );
    bytes32 private constant DEREGISTER_CONTENT_TYPEHASH =
        keccak256("DeregisterContent(address creator,bytes32 contentId,uint256 nonce,uint256 deadline)");
    bytes32 private constant REGISTER_STREAM_TYPEHASH =
        keccak256("RegisterStream(address provider,bytes32 contentId,string url,uint256 nonce,uint256 deadline)");
    bytes32 private constant DEREGISTER_STREAM_TYPEHASH =
        keccak256("DeregisterStream(address provider,bytes32 contentId,uint256 nonce,uint256 deadline)");
    bytes32 private constant SET_BITCOIN_PAYOUT_TYPEHASH =
        keccak256("SetBitcoinPayout(address creator,bytes scriptPubKey,uint256 nonce,uint256 deadline)");

    function hash(RegisterContent calldata action) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REGISTER_CONTENT_TYPEHASH,
                action.creator,
                keccak256(bytes(action.cid)),
                keccak256(bytes(action.name)),
                keccak256(bytes(action.metadataURI)),
                action.terms.hash(),
                action.nonce,
                action.deadline
            )
        );
    }

    function hash(UpdateTerms calldata action) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                UPDATE_TERMS_TYPEHASH,
                action.creator,
                action.contentId,
                action.terms.hash(),
                action.nonce,
                action.deadline
            )
        );
    }

    function hash(DeregisterContent calldata action) internal pure returns (bytes32) {
        return keccak256(abi.encode(DEREGISTER_CONTENT_TYPEHASH, action));
    }

    function hash(RegisterStream calldata action) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                REGISTER_STREAM_TYPEHASH,
                action.provider,
                action.contentId,
                keccak256(bytes(action.url)),
                action.nonce,
                action.deadline
            )
        );
    }

    function hash(DeregisterStream calldata action) internal pure returns (bytes32) {
        return keccak256(abi.encode(DEREGISTER_STREAM_TYPEHASH, action));
    }

    function hash(SetBitcoinPayout calldata action) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                SET_BITCOIN_PAYOUT_TYPEHASH,
                action.creator,
                keccak256(action.scriptPubKey),
                action.nonce,
                action.deadline
            )
        );
    }
}
