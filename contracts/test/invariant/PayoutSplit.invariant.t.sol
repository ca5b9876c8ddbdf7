// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "../../src/interfaces/IPayoutSplit.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { PayoutSplitHandler } from "./PayoutSplitHandler.sol";
import { Test } from "forge-std/Test.sol";

/// @notice A split between an ordinary account, one that refuses, one that burns its gas and one that calls back, which
/// is paid in ether and four tokens, each of them hostile in its own way at times.
contract PayoutSplitInvariantTest is Test {
    PayoutSplitHandler private handler;
    IPayoutSplit private split;

    // The handler's, kept here because asking for them is most of what a check would cost.
    address[] private tokens;
    address[] private recipients;
    uint32[] private shares;
    uint256 private totalShares;
    address private rebasing;

    function setUp() public {
        handler = new PayoutSplitHandler();
        split = handler.split();
        tokens = handler.allTokens();
        (recipients, shares) = split.recipients();
        totalShares = handler.totalShares();
        rebasing = address(handler.rebasing());
        targetContract(address(handler));
        // Peace is how a run ends, not a step of it.
        bytes4[] memory last = new bytes4[](1);
        last[0] = PayoutSplitHandler.makePeace.selector;
        excludeSelector(FuzzSelector({ addr: address(handler), selectors: last }));
    }

    /// @dev So that the invariants are not about a handler that does nothing.
    function test_TheHandlersStepsReallyPayHoldAndWithdraw() public {
        handler.deposit(0, 1 ether);
        handler.setRefuses(true, false, false);
        handler.setReentering(0, 1000, true, false);
        handler.distribute(0, address(this));
        handler.distributeWithLittleGas(0, 30_000);
        for (uint256 i = 0; i < 4; i++) {
            handler.withdraw(0, i);
        }
        handler.deposit(4, 1000);
        handler.shrink(5000);
        handler.distribute(4, address(this));
        assertEq(handler.distributions(), 2);
        assertEq(handler.withdrawals(), 1);
        assertEq(handler.failures(), 4);
        assertEq(handler.cameIn(ETHER), 1 ether + 1000);
        assertEq(handler.vanished(rebasing), 500);
        invariant_TheBooksAreExactAndCovered();
        afterInvariant();
    }

    /// @dev One invariant, as each one is a campaign of its own and all of these are about the same steps.
    /// The steps are dear, so there are fewer than elsewhere in the profile of every day.
    /// forge-config: default.invariant.runs = 8
    /// forge-config: long.invariant.runs = 512
    function invariant_TheBooksAreExactAndCovered() public view {
        for (uint256 i = 0; i < tokens.length; i++) {
            address token = tokens[i];
            uint256 cameIn = handler.cameIn(token);
            uint256 received = split.received(token);
            uint256 balance = handler.balanceOf(token, address(split));
            assertLe(received, cameIn, "no more is divided than came in");

            uint256 cameOut = 0;
            uint256 held = 0;
            uint256 owed = 0;
            for (uint256 j = 0; j < recipients.length; j++) {
                uint256 cameTo = handler.cameTo(token, recipients[j]);
                uint256 heldForIt = split.held(token, recipients[j]);
                cameOut += cameTo;
                held += heldForIt;
                owed += split.owed(token, recipients[j]);
                // Of every token, also of those that shrink: only what is divided shrinks, not how.
                uint256 part = received * shares[j] / totalShares;
                assertEq(cameTo + heldForIt, part, "each has exactly the floor of its share of all that was divided");
                assertLe(cameTo, cameIn * shares[j] / totalShares, "nobody gets more than their share of what came in");
            }
            assertEq(balance + handler.vanished(token) + cameOut, cameIn, "nothing is lost or made");
            assertEq(split.totalHeld(token), held, "what is held is the sum of what is held for each");
            uint256 distributable = split.distributable(token);
            assertEq(distributable, owed, "what is distributable is the sum of what is owed to each");
            if (token != rebasing) assertGe(balance, distributable, "all that is held and due is covered");
        }
    }

    /// @dev In the end everything has been divided and paid, but for less than one unit for each recipient.
    function afterInvariant() public {
        handler.makePeace();
        for (uint256 i = 0; i < tokens.length; i++) {
            address token = tokens[i];
            if (token == rebasing) continue;
            assertEq(split.totalHeld(token), 0);
            assertLt(handler.balanceOf(token, address(split)), recipients.length);
            uint256 cameIn = handler.cameIn(token);
            for (uint256 j = 0; j < recipients.length; j++) {
                assertEq(handler.cameTo(token, recipients[j]), cameIn * shares[j] / totalShares);
            }
        }
    }
}
