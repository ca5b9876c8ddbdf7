// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../../src/EarningsSplitter.sol";
import { StreamRegistry } from "../../src/StreamRegistry.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { SplitterHandler } from "./SplitterHandler.sol";
import { Test } from "forge-std/Test.sol";

/// @notice See README.md beside this file.
contract EarningsSplitterInvariantTest is Test {
    EarningsSplitter private splitter;
    SplitterHandler private handler;

    function setUp() public {
        StreamRegistry registry = new StreamRegistry();
        splitter = new EarningsSplitter(registry);
        handler = new SplitterHandler(registry, splitter);
        targetContract(address(handler));
        // Claiming everything is how a run ends, not a step of it.
        bytes4[] memory last = new bytes4[](1);
        last[0] = SplitterHandler.claimAll.selector;
        excludeSelector(FuzzSelector({ addr: address(handler), selectors: last }));
    }

    /// @dev So that the invariants are not about a handler that does nothing.
    function test_TheHandlersStepsReallyPayRefuseAndClaim() public {
        handler.pay(0, 1, address(this));
        handler.payAnotherSum(0, 1, 1);
        handler.withdrawOrOfferStream(0, 1);
        handler.pay(0, 1, address(this));
        handler.claim(1, 0);
        handler.claimFor(2, address(this));
        assertEq(handler.payments(), 1);
        assertEq(handler.claims(), 1);
        assertEq(handler.refusals(), 3);
        assertEq(handler.paid(), 1 ether);
        assertEq(address(splitter).balance, 0);
    }

    function invariant_WhatItHoldsCoversAllUnclaimedEarnings() public view {
        assertGe(address(splitter).balance, unclaimed());
    }

    function invariant_NothingIsLostOrMade() public view {
        uint256 claimed = 0;
        for (uint256 i = 0; i < handler.accountCount(); i++) {
            claimed += handler.claimed(handler.accounts(i));
        }
        assertEq(address(splitter).balance, handler.paid() + handler.forced() - claimed);
        assertEq(address(splitter).balance, unclaimed() + handler.forced());
    }

    function invariant_EarningsMoveOnlyByPaymentsAndTheAccountsOwnClaims() public view {
        for (uint256 i = 0; i < handler.accountCount(); i++) {
            address account = handler.accounts(i);
            assertEq(splitter.earned(ETHER, account), handler.credited(account) - handler.claimed(account));
        }
    }

    function afterInvariant() public {
        handler.claimAll();
        assertEq(unclaimed(), 0);
        assertEq(address(splitter).balance, handler.forced());
    }

    function unclaimed() private view returns (uint256 sum) {
        for (uint256 i = 0; i < handler.accountCount(); i++) {
            sum += splitter.earned(ETHER, handler.accounts(i));
        }
    }
}
