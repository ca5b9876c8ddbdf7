// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that answers with as many zeros as its gas is good for, or reverts with them; whoever copies them
/// pays for it.
contract ReturnBombSigner {
    bool private immutable reverts;

    constructor(bool reverts_) {
        reverts = reverts_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        bool fails = reverts;
        assembly {
            // 300,000 gas buy about 300 kB of memory.
            if fails { revert(0x1000, 250000) }
            return(0x1000, 250000)
        }
    }
}
