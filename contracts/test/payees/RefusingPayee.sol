// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that earns and refuses ether while it is told to.
contract RefusingPayee {
    error Refused();

    bool public refuses = true;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    receive() external payable {
        if (refuses) revert Refused();
    }
}
