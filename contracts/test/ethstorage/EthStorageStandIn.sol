// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Stands in for EthStorage's storage contract on a development chain, where its network is not: it keeps the hashes
///         of blobs as that one does, and answers the data that a test, in the place of EthStorage's nodes, took from the chain's
///         blobs and put as code at an address that begins as the hash does.
contract EthStorageStandIn {
    struct Blob {
        bytes32 hash;
        uint256 size;
    }

    error TooLittle();
    error NoBlob(uint256 index);

    uint256 public constant upfrontPayment = 0.001 ether;

    mapping(bytes32 key => Blob) private blobs;

    /// @notice Keeps the hash of the transaction's blob, for its sender.
    function putBlob(bytes32 key, uint256 index, uint256 size_) external payable {
        if (msg.value < upfrontPayment) revert TooLittle();
        bytes32 blob = blobhash(index);
        if (blob == 0) revert NoBlob(index);
        blobs[keccak256(abi.encode(msg.sender, key))] = Blob(blob, size_);
    }

    function hash(bytes32 key) external view returns (bytes24) {
        return bytes24(blobs[keccak256(abi.encode(msg.sender, key))].hash);
    }

    function size(bytes32 key) external view returns (uint256) {
        return blobs[keccak256(abi.encode(msg.sender, key))].size;
    }

    function get(bytes32 key, uint8, uint256, uint256) external view returns (bytes memory) {
        return address(bytes20(blobs[keccak256(abi.encode(msg.sender, key))].hash)).code;
    }
}
