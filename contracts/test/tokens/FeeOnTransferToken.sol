// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Burns a part of every transfer, so that less arrives than was sent.
contract FeeOnTransferToken is MintableToken {
    uint256 public immutable feeBps;

    constructor(uint256 feeBps_) {
        feeBps = feeBps_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        super.transfer(to, amount);
        _burn(to, amount * feeBps / 10_000);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount);
        _burn(to, amount * feeBps / 10_000);
        return true;
    }
}
