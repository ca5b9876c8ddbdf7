// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Balances that shrink or grow without a transfer, one holder at a time, as a slashed staking token's do.
contract RebasingToken is MintableToken {
    /// @notice Sets the holder's balance to `bps` ten-thousandths of what it is, rounded down.
    function scale(address holder, uint256 bps) external {
        uint256 balance = balanceOf(holder);
        uint256 scaled = balance * bps / 10_000;
        if (scaled < balance) _burn(holder, balance - scaled);
        else _mint(holder, scaled - balance);
    }
}
