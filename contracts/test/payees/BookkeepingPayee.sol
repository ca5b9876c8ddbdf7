// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that needs much gas to be paid, but no more than is fair: it keeps books of its own.
contract BookkeepingPayee {
    uint256[] public payments;

    receive() external payable {
        payments.push(msg.value);
    }
}
