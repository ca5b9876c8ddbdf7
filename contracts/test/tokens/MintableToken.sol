// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ERC20 } from "solady/tokens/ERC20.sol";

/// @notice A plain ERC-20 token that anybody may mint; what the ill-behaved ones of this folder are made of.
contract MintableToken is ERC20 {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function name() public pure virtual override returns (string memory) {
        return "Mintable";
    }

    function symbol() public pure virtual override returns (string memory) {
        return "MINT";
    }

    /// @dev No account has an allowance that it was not given.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
