// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ChannelSteps } from "./ChannelSteps.sol";
import { SplitterHandler } from "./SplitterHandler.sol";
import { Test } from "forge-std/Test.sol";

/// @notice See contracts/INVARIANTS.md.
contract EarningsSplitterInvariantTest is Test {
    SplitterHandler private handler;

    function setUp() public {
        handler = new SplitterHandler();
        targetContract(address(handler));
        // What is true is not a step, and peace is how a run ends.
        bytes4[] memory others = new bytes4[](2);
        others[0] = SplitterHandler.makePeace.selector;
        others[1] = SplitterHandler.callBack.selector;
        excludeSelector(FuzzSelector({ addr: address(handler), selectors: others }));
    }

    /// @dev So that the invariants are not about a handler that does nothing.
    function test_TheHandlersStepsReallyPayOpenSettleEndAndClaim() public {
        for (uint8 token = 0; token < 4; token++) {
            handler.view_(token, 1, 1, 0, 7, 0);
            for (uint8 way = 0; way < 3; way++) {
                handler.openChannel(
                    ChannelSteps.Opening(token, 3, way == 0 ? 1 : 0, way == 0 ? 3 : 0, way * 2, way, 23, 1 days, 1e6)
                );
            }
        }
        handler.viewBySignature(1, 1, 0, 8);
        assertEq(handler.refusals(), 0);
        assertEq(handler.successes(), 17);
        handler.settle(0, 3, 500, 0x0505050505050505);
        handler.topUp(3, 1, 0, 7, 0, 1000);
        handler.closeChannel(0, 7, 9);
        handler.passTime(2 days);
        handler.refund(1);
        handler.claim(0, 3, 3);
        assertEq(handler.refusals(), 0);
        assertEq(handler.successes(), 22);
        // The channels have one deal each, and the first of a batch comes a second time with another voucher.
        assertEq(handler.skips(), 0);
        handler.check();
        handler.makePeace();
        handler.check();
    }

    function test_EverySignedActionReallyCountsOnceAndNoneThatIsFlawed() public {
        handler.changeTermsBySignature(0, 0, 0, 1, 1, 5);
        handler.withdrawOrOfferContentBySignature(0, 1, 0, 1, 5, 1);
        handler.withdrawOrOfferContentBySignature(0, 1, 0, 1, 5, 1);
        for (uint8 provider = 0; provider < 3; provider++) {
            handler.withdrawOrOfferStreamBySignature(0, provider, 5, 1);
            handler.withdrawOrOfferStreamBySignature(0, provider, 5, 1);
        }
        handler.setBitcoinPayoutBySignature(0, 2, "", 5);
        handler.setBitcoinPayoutBySignature(1, 3, "", 5);
        handler.invalidateRegistryNonce(0);
        assertEq(handler.refusals(), 0);
        assertEq(handler.successes(), 12);
        for (uint8 flaw = 0; flaw < 3; flaw++) {
            handler.changeTermsBySignature(0, 0, 0, 1, 1, flaw);
            handler.withdrawOrOfferContentBySignature(0, 1, 0, 1, flaw, 1);
            handler.withdrawOrOfferStreamBySignature(0, 0, flaw, 1);
            handler.setBitcoinPayoutBySignature(1, 3, "", flaw);
        }
        handler.withdrawOrOfferContentBySignature(0, 4, 0, 1, 5, 1);
        handler.withdrawOrOfferContentBySignature(0, 1, 0, 1, 5, 0);
        handler.setBitcoinPayoutBySignature(0, 0, "", 5);
        assertEq(handler.refusals(), 15);
        assertEq(handler.successes(), 12);
        handler.check();
    }

    function test_StepsInsideOtherStepsReallyHappen() public {
        handler.view_(2, 2, 2, 0, 7, 0);
        // While the token is taken for a view it opens a channel in itself, so that neither counts.
        handler.planToCallBack(6, 2, 1, 1000);
        handler.view_(2, 2, 2, 0, 7, 0);
        assertEq(handler.interruptions(), 1);
        // While it is claimed, the channel is opened well.
        handler.claim(2, 2, 2);
        assertEq(handler.insideSuccesses(), 1);
        handler.check();
        handler.makePeace();
    }

    /// @dev One invariant, as each one is a campaign of its own and all of these are about the same steps.
    /// forge-config: default.invariant.runs = 32
    /// forge-config: long.invariant.runs = 8192
    function invariant_TheBooksAreExactAndCovered() public view {
        handler.check();
    }

    /// @dev In the end everything can be paid out, to the last unit.
    function afterInvariant() public {
        handler.makePeace();
        handler.check();
    }
}
