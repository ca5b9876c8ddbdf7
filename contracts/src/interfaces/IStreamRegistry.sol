// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Content } from "../types/Content.sol";
import {
    DeregisterContent,
    DeregisterStream,
    RegisterContent,
    RegisterStream,
    SetBitcoinPayout,
    UpdateTerms
} from "../types/RegistryActions.sol";
import { Terms } from "../types/Terms.sol";
import { IContentErrors } from "./IContentErrors.sol";
import { ISignedActions } from "./ISignedActions.sol";

/// @title IStreamRegistry
/// @notice Who made which content, on which terms, and who streams it.
///
/// Nobody owns the registry, nothing in it can be upgraded, and it never holds money. A creator alone decides about a
/// content, a provider alone about a stream of it; anybody may be either.
///
/// Each action has a twin ending in `BySig`: the account signs the action (EIP-712) and anybody sends it. It does what
/// the account's own transaction would do, reverts as that would, and besides with `SignatureExpired`, `NonceNotNext`
/// and `SignatureInvalid`.
///
/// What is registered is a claim by the account that registered it. The registry does not know who really made a video,
/// whether a CID or a URL answers, or whether the Bitcoin script is the creator's own.
///
/// Warning: strings are bounded in length and otherwise kept as they came. They may hold any bytes, zeros and malformed
/// UTF-8 among them, and whoever shows them must treat them as hostile.
interface IStreamRegistry is IContentErrors, ISignedActions {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice A content is offered, for the first time or again after it had been deregistered.
    /// @param contentId keccak256(abi.encode(creator, cid)).
    event ContentRegistered(
        bytes32 indexed contentId, address indexed creator, string cid, string name, string metadataURI, Terms terms
    );

    /// @notice The creator replaced the terms of a content.
    event TermsUpdated(bytes32 indexed contentId, Terms terms);

    /// @notice The creator withdrew a content.
    event ContentDeregistered(bytes32 indexed contentId);

    /// @notice A provider offers a stream of a content, or offers it at another address from now on.
    event StreamRegistered(bytes32 indexed contentId, address indexed provider, string url);

    /// @notice A provider withdrew a stream.
    event StreamDeregistered(bytes32 indexed contentId, address indexed provider);

    /// @notice A creator set the output script of the creator's share on Bitcoin; an empty script clears it.
    event BitcoinPayoutSet(address indexed creator, bytes scriptPubKey);

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The content is registered and active already.
    error ContentAlreadyRegistered(bytes32 contentId);

    /// @notice Only the content's creator may do this.
    error NotCreator(bytes32 contentId, address account);

    /// @notice The creator's share is more than the whole.
    error CreatorShareAboveMaximum(uint256 creatorShareBps, uint256 maximum);

    /// @notice The terms name no account for the creator's share.
    error PayoutIsZero();

    /// @notice The CID is empty or longer than `maximum` bytes.
    error CidLengthInvalid(uint256 length, uint256 maximum);

    /// @notice The name is longer than `maximum` bytes.
    error NameTooLong(uint256 length, uint256 maximum);

    /// @notice The metadata URI is longer than `maximum` bytes.
    error MetadataURITooLong(uint256 length, uint256 maximum);

    /// @notice The stream's URL is empty or longer than `maximum` bytes.
    error UrlLengthInvalid(uint256 length, uint256 maximum);

    /// @notice The script is neither empty nor of the shape P2PKH, P2SH, P2WPKH, P2WSH or P2TR.
    error ScriptPubKeyNotStandard(bytes scriptPubKey);

    // -------------------------------------------------------------------------------------------------- Content

    /// @notice Offers a content on `terms`. Whoever calls is its creator.
    /// @dev A content that its creator deregistered may be registered again, with a new name, metadata and terms; its
    /// id, and the streams that providers kept registered, are the ones from before.
    ///
    /// Warning: `terms.msatPerSecond` alone does not name a place for Bitcoin; see `setBitcoinPayout`.
    /// @param cid The CID, 1 to 128 bytes. It is compared byte by byte: one block under two spellings is two contents.
    /// @param name A title for people, at most 256 bytes.
    /// @param metadataURI Where more is found, at most 512 bytes; may be empty.
    /// @param terms The terms; see `Terms`. Any token is accepted here: whether a rail can be paid in it is for the
    /// contract of that rail to say.
    /// @return contentId keccak256(abi.encode(creator, cid)): nobody can take somebody else's.
    ///
    /// Reverts with `CidLengthInvalid`, `NameTooLong`, `MetadataURITooLong`, `CreatorShareAboveMaximum`, `PayoutIsZero`,
    /// `ContentAlreadyRegistered`.
    function registerContent(
        string calldata cid,
        string calldata name,
        string calldata metadataURI,
        Terms calldata terms
    ) external returns (bytes32 contentId);

    /// @notice `registerContent` by whoever signed `action`.
    function registerContentBySig(RegisterContent calldata action, bytes calldata signature)
        external
        returns (bytes32 contentId);

    /// @notice Replaces the terms of an active content, from the next payment on. Only its creator may call.
    /// @dev A payer is protected from a change in flight by the maximum price named in the payment.
    ///
    /// Reverts with `ContentNotFound`, `NotCreator`, `ContentNotActive`, `CreatorShareAboveMaximum`, `PayoutIsZero`.
    function updateTerms(bytes32 contentId, Terms calldata terms) external;

    /// @notice `updateTerms` by whoever signed `action`.
    function updateTermsBySig(UpdateTerms calldata action, bytes calldata signature) external;

    /// @notice Withdraws a content: it can no longer be paid for. Only its creator may call.
    /// @dev What was earned stays earned. Streams stay registered until their providers withdraw them.
    ///
    /// Reverts with `ContentNotFound`, `NotCreator`, `ContentNotActive`.
    function deregisterContent(bytes32 contentId) external;

    /// @notice `deregisterContent` by whoever signed `action`.
    function deregisterContentBySig(DeregisterContent calldata action, bytes calldata signature) external;

    // ------------------------------------------------------------------------------------------------- Streams

    /// @notice Offers a stream of an active content. Whoever calls is its provider and earns the provider's share.
    /// @dev Calling again replaces the URL.
    /// @param url Where the streamer answers, 1 to 512 bytes.
    ///
    /// Reverts with `UrlLengthInvalid`, `ContentNotFound`, `ContentNotActive`.
    function registerStream(bytes32 contentId, string calldata url) external;

    /// @notice `registerStream` by whoever signed `action`.
    function registerStreamBySig(RegisterStream calldata action, bytes calldata signature) external;

    /// @notice Withdraws the caller's stream of a content, whether or not the content is still active.
    ///
    /// Reverts with `StreamNotRegistered`.
    function deregisterStream(bytes32 contentId) external;

    /// @notice `deregisterStream` by whoever signed `action`.
    function deregisterStreamBySig(DeregisterStream calldata action, bytes calldata signature) external;

    // ------------------------------------------------------------------------------------------------- Bitcoin

    /// @notice Sets the output script that the caller's share, as a creator, is paid to on Bitcoin, for all of the
    /// caller's contents. An empty script clears it.
    /// @dev Warning: only the shape is checked. A script that is not the creator's own, or a P2TR key that is not on the
    /// curve, loses the share for good.
    /// @param scriptPubKey A P2PKH, P2SH, P2WPKH, P2WSH or P2TR output script, or nothing.
    ///
    /// Reverts with `ScriptPubKeyNotStandard`.
    function setBitcoinPayout(bytes calldata scriptPubKey) external;

    /// @notice `setBitcoinPayout` by whoever signed `action`.
    function setBitcoinPayoutBySig(SetBitcoinPayout calldata action, bytes calldata signature) external;

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice The id of `creator`'s content with this CID, registered or not: keccak256(abi.encode(creator, cid)).
    function contentIdOf(address creator, string calldata cid) external pure returns (bytes32 contentId);

    /// @notice Everything registered about a content, active or not.
    ///
    /// Reverts with `ContentNotFound`.
    function content(bytes32 contentId) external view returns (Content memory);

    /// @notice Who made a content, whether it is offered, and on which terms.
    ///
    /// Reverts with `ContentNotFound`.
    function termsOf(bytes32 contentId) external view returns (address creator, bool active, Terms memory terms);

    /// @notice The terms of an active content that the provider streams: what a payment needs to know.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `StreamNotRegistered`.
    function offerOf(bytes32 contentId, address provider) external view returns (Terms memory terms);

    /// @notice The URL of the provider's stream of a content; empty when none is registered.
    function streamOf(bytes32 contentId, address provider) external view returns (string memory url);

    /// @notice Whether the provider has a registered stream of a content.
    /// @dev Warning: true also for a content that has been deregistered since, and no promise that anything answers.
    function isStreaming(bytes32 contentId, address provider) external view returns (bool);

    /// @notice The output script of the creator's share on Bitcoin; empty when none is set.
    function bitcoinPayoutOf(address creator) external view returns (bytes memory scriptPubKey);
}
