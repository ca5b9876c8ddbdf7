// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { BlacklistingToken } from "../tokens/BlacklistingToken.sol";
import { IWatcher } from "./Puppet.sol";

/// @notice Refuses accounts on its list, and lets a watcher act in the middle of every transfer, before balances move.
contract HostileToken is BlacklistingToken {
    IWatcher private immutable watcher = IWatcher(msg.sender);

    bool public callsBack;

    function setCallsBack(bool callsBack_) external {
        callsBack = callsBack_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        letAct();
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        letAct();
        return super.transferFrom(from, to, amount);
    }

    function letAct() private {
        if (!callsBack) return;
        try watcher.callBack() { } catch { }
    }
}
