// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that burns all gas it is given when it is paid, while it is told to.
contract BurningPayee {
    bool public burns = true;

    function setBurns(bool burns_) external {
        burns = burns_;
    }

    receive() external payable {
        if (burns) {
            assembly {
                invalid()
            }
        }
    }
}
