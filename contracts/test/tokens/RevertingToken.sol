// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Every transfer reverts while it is told so, as a paused token's do.
contract RevertingToken is MintableToken {
    error Paused();

    bool public reverts;

    function setReverts(bool reverts_) external {
        reverts = reverts_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (reverts) revert Paused();
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (reverts) revert Paused();
        return super.transferFrom(from, to, amount);
    }
}
