// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that answers a payment with a megabyte, or reverts with one; whoever copies it pays for it.
contract ReturnBombPayee {
    bool private immutable reverts;

    constructor(bool reverts_) {
        reverts = reverts_;
    }

    receive() external payable {
        bool fails = reverts;
        // Memory costs its reader as much as its writer: as much as the gas given allows, and some to spare.
        uint256 length = gasleft() > 2_000_000 ? 1_000_000 : 10_000;
        assembly {
            if fails { revert(0, length) }
            return(0, length)
        }
    }
}
