// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Burns all gas that a transfer is given, while it is told so.
contract BurningToken is MintableToken {
    bool public burns;

    function setBurns(bool burns_) external {
        burns = burns_;
    }

    function _beforeTokenTransfer(address from, address, uint256) internal view override {
        if (burns && from != address(0)) {
            assembly {
                invalid()
            }
        }
    }
}
