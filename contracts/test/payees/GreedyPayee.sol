// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Takes ether only with at least so much gas, and otherwise refuses at once.
contract GreedyPayee {
    uint256 private immutable wants;

    error TooLittleGas();

    constructor(uint256 wants_) {
        wants = wants_;
    }

    receive() external payable {
        if (gasleft() < wants) revert TooLittleGas();
    }
}
