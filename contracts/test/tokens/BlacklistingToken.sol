// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Refuses transfers from and to the accounts on its list, as USDC and USDT do.
contract BlacklistingToken is MintableToken {
    error Blacklisted(address account);

    mapping(address account => bool) public isBlacklisted;

    function setBlacklisted(address account, bool blacklisted) external {
        isBlacklisted[account] = blacklisted;
    }

    function _beforeTokenTransfer(address from, address to, uint256) internal view override {
        if (isBlacklisted[from]) revert Blacklisted(from);
        if (isBlacklisted[to]) revert Blacklisted(to);
    }
}
