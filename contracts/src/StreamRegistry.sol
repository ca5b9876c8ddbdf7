// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { SignedActions } from "./SignedActions.sol";
import { IStreamRegistry } from "./interfaces/IStreamRegistry.sol";
import { BitcoinScript } from "./libraries/BitcoinScript.sol";
import { SplitMath } from "./libraries/SplitMath.sol";
import { Content } from "./types/Content.sol";
import {
    DeregisterContent,
    DeregisterStream,
    RegisterContent,
    RegisterStream,
    SetBitcoinPayout,
    UpdateTerms
} from "./types/RegistryActions.sol";
import { Terms } from "./types/Terms.sol";

/// @title StreamRegistry
/// @notice Implements `IStreamRegistry`. Each action stands once, for an account that either sent it or signed it.
contract StreamRegistry is IStreamRegistry, SignedActions {
    /// @dev The longest strings accepted, in bytes.
    uint256 private constant MAX_CID_LENGTH = 128;
    uint256 private constant MAX_NAME_LENGTH = 256;
    uint256 private constant MAX_METADATA_URI_LENGTH = 512;
    uint256 private constant MAX_URL_LENGTH = 512;

    /// @dev `Content` in the order that packs the creator and all terms into three slots. A creator of zero means that
    /// the content was never registered.
    struct Record {
        address creator;
        bool active;
        uint16 creatorShareBps;
        uint64 msatPerSecond;
        address token;
        uint96 pricePerView;
        address payout;
        uint96 pricePerSecond;
        string cid;
        string name;
        string metadataURI;
    }

    mapping(bytes32 contentId => Record) private _records;

    /// @dev An empty URL means that there is no stream.
    mapping(bytes32 contentId => mapping(address provider => string url)) private _urls;

    mapping(address creator => bytes scriptPubKey) private _bitcoinPayouts;

    // -------------------------------------------------------------------------------------------------- Content

    /// @inheritdoc IStreamRegistry
    function registerContent(
        string calldata cid,
        string calldata name,
        string calldata metadataURI,
        Terms calldata terms
    ) external returns (bytes32 contentId) {
        return _registerContent(msg.sender, cid, name, metadataURI, terms);
    }

    /// @inheritdoc IStreamRegistry
    function registerContentBySig(RegisterContent calldata action, bytes calldata signature)
        external
        returns (bytes32 contentId)
    {
        _authorise(action.creator, action.hash(), action.nonce, action.deadline, signature);
        return _registerContent(action.creator, action.cid, action.name, action.metadataURI, action.terms);
    }

    /// @inheritdoc IStreamRegistry
    function updateTerms(bytes32 contentId, Terms calldata terms) external {
        _updateTerms(msg.sender, contentId, terms);
    }

    /// @inheritdoc IStreamRegistry
    function updateTermsBySig(UpdateTerms calldata action, bytes calldata signature) external {
        _authorise(action.creator, action.hash(), action.nonce, action.deadline, signature);
        _updateTerms(action.creator, action.contentId, action.terms);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterContent(bytes32 contentId) external {
        _deregisterContent(msg.sender, contentId);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterContentBySig(DeregisterContent calldata action, bytes calldata signature) external {
        _authorise(action.creator, action.hash(), action.nonce, action.deadline, signature);
        _deregisterContent(action.creator, action.contentId);
    }

    // ------------------------------------------------------------------------------------------------- Streams

    /// @inheritdoc IStreamRegistry
    function registerStream(bytes32 contentId, string calldata url) external {
        _registerStream(msg.sender, contentId, url);
    }

    /// @inheritdoc IStreamRegistry
    function registerStreamBySig(RegisterStream calldata action, bytes calldata signature) external {
        _authorise(action.provider, action.hash(), action.nonce, action.deadline, signature);
        _registerStream(action.provider, action.contentId, action.url);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterStream(bytes32 contentId) external {
        _deregisterStream(msg.sender, contentId);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterStreamBySig(DeregisterStream calldata action, bytes calldata signature) external {
        _authorise(action.provider, action.hash(), action.nonce, action.deadline, signature);
        _deregisterStream(action.provider, action.contentId);
    }

    // ------------------------------------------------------------------------------------------------- Bitcoin

    /// @inheritdoc IStreamRegistry
    function setBitcoinPayout(bytes calldata scriptPubKey) external {
        _setBitcoinPayout(msg.sender, scriptPubKey);
    }

    /// @inheritdoc IStreamRegistry
    function setBitcoinPayoutBySig(SetBitcoinPayout calldata action, bytes calldata signature) external {
        _authorise(action.creator, action.hash(), action.nonce, action.deadline, signature);
        _setBitcoinPayout(action.creator, action.scriptPubKey);
    }

    // --------------------------------------------------------------------------------------------------- Views

    /// @inheritdoc IStreamRegistry
    function contentIdOf(address creator, string calldata cid) public pure returns (bytes32 contentId) {
        return keccak256(abi.encode(creator, cid));
    }

    /// @inheritdoc IStreamRegistry
    function content(bytes32 contentId) external view returns (Content memory) {
        Record storage record = _record(contentId);
        return Content({
            creator: record.creator,
            active: record.active,
            terms: _readTerms(record),
            cid: record.cid,
            name: record.name,
            metadataURI: record.metadataURI
        });
    }

    /// @inheritdoc IStreamRegistry
    function termsOf(bytes32 contentId) external view returns (address creator, bool active, Terms memory terms) {
        Record storage record = _record(contentId);
        return (record.creator, record.active, _readTerms(record));
    }

    /// @inheritdoc IStreamRegistry
    function offerOf(bytes32 contentId, address provider) external view returns (Terms memory terms) {
        Record storage record = _record(contentId);
        if (!record.active) revert ContentNotActive(contentId);
        if (!isStreaming(contentId, provider)) revert StreamNotRegistered(contentId, provider);
        return _readTerms(record);
    }

    /// @inheritdoc IStreamRegistry
    function streamOf(bytes32 contentId, address provider) external view returns (string memory url) {
        return _urls[contentId][provider];
    }

    /// @inheritdoc IStreamRegistry
    function isStreaming(bytes32 contentId, address provider) public view returns (bool) {
        return bytes(_urls[contentId][provider]).length != 0;
    }

    /// @inheritdoc IStreamRegistry
    function bitcoinPayoutOf(address creator) external view returns (bytes memory scriptPubKey) {
        return _bitcoinPayouts[creator];
    }

    // ------------------------------------------------------------------------------------------------- Actions

    function _registerContent(
        address creator,
        string calldata cid,
        string calldata name,
        string calldata metadataURI,
        Terms calldata terms
    ) private returns (bytes32 contentId) {
        // Checks
        uint256 length = bytes(cid).length;
        if (length == 0 || length > MAX_CID_LENGTH) revert CidLengthInvalid(length, MAX_CID_LENGTH);
        length = bytes(name).length;
        if (length > MAX_NAME_LENGTH) revert NameTooLong(length, MAX_NAME_LENGTH);
        length = bytes(metadataURI).length;
        if (length > MAX_METADATA_URI_LENGTH) revert MetadataURITooLong(length, MAX_METADATA_URI_LENGTH);
        _checkTerms(terms);
        contentId = contentIdOf(creator, cid);
        Record storage record = _records[contentId];
        if (record.active) revert ContentAlreadyRegistered(contentId);

        // Effects
        record.creator = creator;
        record.active = true;
        _writeTerms(record, terms);
        record.cid = cid;
        record.name = name;
        record.metadataURI = metadataURI;
        emit ContentRegistered(contentId, creator, cid, name, metadataURI, terms);
    }

    function _updateTerms(address creator, bytes32 contentId, Terms calldata terms) private {
        // Checks
        Record storage record = _activeRecordOf(creator, contentId);
        _checkTerms(terms);

        // Effects
        _writeTerms(record, terms);
        emit TermsUpdated(contentId, terms);
    }

    function _deregisterContent(address creator, bytes32 contentId) private {
        // Checks
        Record storage record = _activeRecordOf(creator, contentId);

        // Effects
        record.active = false;
        emit ContentDeregistered(contentId);
    }

    function _registerStream(address provider, bytes32 contentId, string calldata url) private {
        // Checks
        uint256 length = bytes(url).length;
        if (length == 0 || length > MAX_URL_LENGTH) revert UrlLengthInvalid(length, MAX_URL_LENGTH);
        if (!_record(contentId).active) revert ContentNotActive(contentId);

        // Effects
        _urls[contentId][provider] = url;
        emit StreamRegistered(contentId, provider, url);
    }

    function _deregisterStream(address provider, bytes32 contentId) private {
        // Checks
        if (!isStreaming(contentId, provider)) revert StreamNotRegistered(contentId, provider);

        // Effects
        delete _urls[contentId][provider];
        emit StreamDeregistered(contentId, provider);
    }

    function _setBitcoinPayout(address creator, bytes calldata scriptPubKey) private {
        // Checks
        if (scriptPubKey.length != 0 && !BitcoinScript.isStandardOutput(scriptPubKey)) {
            revert ScriptPubKeyNotStandard(scriptPubKey);
        }

        // Effects
        _bitcoinPayouts[creator] = scriptPubKey;
        emit BitcoinPayoutSet(creator, scriptPubKey);
    }

    // ------------------------------------------------------------------------------------------------ Internals

    function _record(bytes32 contentId) private view returns (Record storage record) {
        record = _records[contentId];
        if (record.creator == address(0)) revert ContentNotFound(contentId);
    }

    function _activeRecordOf(address creator, bytes32 contentId) private view returns (Record storage record) {
        record = _record(contentId);
        if (record.creator != creator) revert NotCreator(contentId, creator);
        if (!record.active) revert ContentNotActive(contentId);
    }

    function _checkTerms(Terms calldata terms) private pure {
        if (terms.creatorShareBps > SplitMath.WHOLE_BPS) {
            revert CreatorShareAboveMaximum(terms.creatorShareBps, SplitMath.WHOLE_BPS);
        }
        if (terms.payout == address(0)) revert PayoutIsZero();
    }

    function _writeTerms(Record storage record, Terms calldata terms) private {
        record.creatorShareBps = terms.creatorShareBps;
        record.msatPerSecond = terms.msatPerSecond;
        record.token = terms.token;
        record.pricePerView = terms.pricePerView;
        record.payout = terms.payout;
        record.pricePerSecond = terms.pricePerSecond;
    }

    function _readTerms(Record storage record) private view returns (Terms memory) {
        return Terms({
            token: record.token,
            payout: record.payout,
            creatorShareBps: record.creatorShareBps,
            pricePerView: record.pricePerView,
            pricePerSecond: record.pricePerSecond,
            msatPerSecond: record.msatPerSecond
        });
    }

    /// @dev EIP-712.
    function _domainNameAndVersion() internal pure override returns (string memory name, string memory version) {
        return ("Paystream Registry", "1");
    }
}
