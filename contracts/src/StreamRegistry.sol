// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IStreamRegistry } from "./interfaces/IStreamRegistry.sol";
import { BitcoinScript } from "./libraries/BitcoinScript.sol";
import { SplitMath } from "./libraries/SplitMath.sol";
import { Content } from "./types/Content.sol";
import { Terms } from "./types/Terms.sol";

/// @title StreamRegistry
/// @notice Implements `IStreamRegistry`.
contract StreamRegistry is IStreamRegistry {
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
        // Checks
        uint256 length = bytes(cid).length;
        if (length == 0 || length > MAX_CID_LENGTH) revert CidLengthInvalid(length, MAX_CID_LENGTH);
        length = bytes(name).length;
        if (length > MAX_NAME_LENGTH) revert NameTooLong(length, MAX_NAME_LENGTH);
        length = bytes(metadataURI).length;
        if (length > MAX_METADATA_URI_LENGTH) revert MetadataURITooLong(length, MAX_METADATA_URI_LENGTH);
        _checkTerms(terms);
        contentId = contentIdOf(msg.sender, cid);
        Record storage record = _records[contentId];
        if (record.active) revert ContentAlreadyRegistered(contentId);

        // Effects
        record.creator = msg.sender;
        record.active = true;
        _writeTerms(record, terms);
        record.cid = cid;
        record.name = name;
        record.metadataURI = metadataURI;
        emit ContentRegistered(contentId, msg.sender, cid, name, metadataURI, terms);
    }

    /// @inheritdoc IStreamRegistry
    function updateTerms(bytes32 contentId, Terms calldata terms) external {
        // Checks
        Record storage record = _activeRecordOfCaller(contentId);
        _checkTerms(terms);

        // Effects
        _writeTerms(record, terms);
        emit TermsUpdated(contentId, terms);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterContent(bytes32 contentId) external {
        // Checks
        Record storage record = _activeRecordOfCaller(contentId);

        // Effects
        record.active = false;
        emit ContentDeregistered(contentId);
    }

    // ------------------------------------------------------------------------------------------------- Streams

    /// @inheritdoc IStreamRegistry
    function registerStream(bytes32 contentId, string calldata url) external {
        // Checks
        uint256 length = bytes(url).length;
        if (length == 0 || length > MAX_URL_LENGTH) revert UrlLengthInvalid(length, MAX_URL_LENGTH);
        if (!_record(contentId).active) revert ContentNotActive(contentId);

        // Effects
        _urls[contentId][msg.sender] = url;
        emit StreamRegistered(contentId, msg.sender, url);
    }

    /// @inheritdoc IStreamRegistry
    function deregisterStream(bytes32 contentId) external {
        // Checks
        if (!isStreaming(contentId, msg.sender)) revert StreamNotRegistered(contentId, msg.sender);

        // Effects
        delete _urls[contentId][msg.sender];
        emit StreamDeregistered(contentId, msg.sender);
    }

    // ------------------------------------------------------------------------------------------------- Bitcoin

    /// @inheritdoc IStreamRegistry
    function setBitcoinPayout(bytes calldata scriptPubKey) external {
        // Checks
        if (scriptPubKey.length != 0 && !BitcoinScript.isStandardOutput(scriptPubKey)) {
            revert ScriptPubKeyNotStandard(scriptPubKey);
        }

        // Effects
        _bitcoinPayouts[msg.sender] = scriptPubKey;
        emit BitcoinPayoutSet(msg.sender, scriptPubKey);
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

    // ------------------------------------------------------------------------------------------------ Internals

    function _record(bytes32 contentId) private view returns (Record storage record) {
        record = _records[contentId];
        if (record.creator == address(0)) revert ContentNotFound(contentId);
    }

    function _activeRecordOfCaller(bytes32 contentId) private view returns (Record storage record) {
        record = _record(contentId);
        if (record.creator != msg.sender) revert NotCreator(contentId, msg.sender);
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
}
