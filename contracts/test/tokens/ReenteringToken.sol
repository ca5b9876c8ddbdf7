// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { MintableToken } from "./MintableToken.sol";

/// @notice Calls a contract of the test's choice from inside every transfer, before the balances move.
contract ReenteringToken is MintableToken {
    address public target;
    bytes public data;

    /// @notice How often it called, how often that call succeeded, and what the last one returned or reverted with.
    uint256 public calls;
    uint256 public successes;
    bytes public result;

    /// @param target_ Zero stops the calls.
    function setCall(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        reenter();
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        reenter();
        return super.transferFrom(from, to, amount);
    }

    /// @dev The call's own transfers call nobody again.
    function reenter() private {
        address callee = target;
        if (callee == address(0)) return;
        target = address(0);
        (bool success, bytes memory returned) = callee.call(data);
        target = callee;
        calls++;
        if (success) successes++;
        result = returned;
    }
}
