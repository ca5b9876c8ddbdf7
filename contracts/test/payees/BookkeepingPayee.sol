// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that needs much gas to be paid, but no more than is fair: it keeps books of its own. It refuses
/// early when the gas will not suffice, and so leaves its caller enough to go on without it.
contract BookkeepingPayee {
    uint256[] public payments;

    error TooLittleGas();

    receive() external payable {
        if (gasleft() < 80_000) revert TooLittleGas();
        payments.push(msg.value);
    }
}
