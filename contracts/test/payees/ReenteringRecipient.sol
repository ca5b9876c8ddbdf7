// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "../../src/interfaces/IPayoutSplit.sol";

/// @notice A recipient of a split that answers every payment by calling every way out of the split again, for a token of
/// its choice, and may first send a part of what it got back to it.
contract ReenteringRecipient {
    IPayoutSplit public split;
    address public token;
    uint256 public sendsBack;
    bool public refusesAfterwards;

    /// @notice How often it was paid, how often it called back, and how often that was not refused. All in one slot, as
    /// it must do with the gas that a payment gives.
    uint32 public payments;
    uint32 public calls;
    uint32 public successes;

    /// @notice What it sent back in all.
    uint128 public returned;

    error Refused();

    function setSplit(IPayoutSplit split_, address token_, uint256 sendsBack_) external {
        split = split_;
        token = token_;
        sendsBack = sendsBack_;
    }

    function setRefusesAfterwards(bool refuses) external {
        refusesAfterwards = refuses;
    }

    receive() external payable {
        payments++;
        if (address(split) == address(0)) return;
        if (sendsBack != 0 && msg.value >= sendsBack) {
            (bool sent,) = address(split).call{ value: sendsBack }("");
            require(sent);
            returned += uint128(sendsBack);
        }
        reenter();
        if (refusesAfterwards) revert Refused();
    }

    function reenter() public {
        IPayoutSplit target = split;
        // Its own calls do not make it call again.
        split = IPayoutSplit(address(0));
        calls += 2;
        try target.withdraw(token, address(this)) {
            successes++;
        } catch { }
        try target.distribute(token) {
            successes++;
        } catch { }
        split = target;
    }
}
