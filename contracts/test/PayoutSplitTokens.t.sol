// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "../src/interfaces/IPayoutSplit.sol";
import { ETHER } from "../src/types/Terms.sol";
import { PayoutSplitFixture } from "./PayoutSplitFixture.sol";
import { BlacklistingToken } from "./tokens/BlacklistingToken.sol";
import { BurningToken } from "./tokens/BurningToken.sol";
import { FalseReturningToken } from "./tokens/FalseReturningToken.sol";
import { FeeOnTransferToken } from "./tokens/FeeOnTransferToken.sol";
import { MintableToken } from "./tokens/MintableToken.sol";
import { NoReturnToken } from "./tokens/NoReturnToken.sol";
import { RebasingToken } from "./tokens/RebasingToken.sol";
import { ReenteringToken } from "./tokens/ReenteringToken.sol";
import { RevertingToken } from "./tokens/RevertingToken.sol";

/// @notice Tokens that are not as they should be. In each test a good token and ether wait in the same split, and are
/// distributed in full at the end.
contract PayoutSplitTokensTest is PayoutSplitFixture {
    address private immutable alice = makeAddr("alice");
    address private immutable bob = makeAddr("bob");
    MintableToken private good = new MintableToken();
    IPayoutSplit private split;

    modifier leavesOtherTokensAlone() {
        split = splitBetween(alice, 1, bob, 3);
        pay(split, 1000);
        good.mint(address(split), 1000);
        _;
        assertEq(split.distribute(ETHER), 1000);
        assertEq(split.distribute(address(good)), 1000);
        assertEq(alice.balance, 250);
        assertEq(good.balanceOf(bob), 750);
    }

    function test_ATokenWithoutReturnValues() public leavesOtherTokensAlone {
        NoReturnToken token = new NoReturnToken();
        token.mint(address(split), 100);
        assertEq(split.distribute(address(token)), 100);
        assertEq(token.balanceOf(alice), 25);
        assertEq(token.balanceOf(bob), 75);
    }

    function test_AFeeIsTakenOutOfEachPayment() public leavesOtherTokensAlone {
        FeeOnTransferToken token = new FeeOnTransferToken(1000);
        token.mint(address(split), 400);
        assertEq(split.distribute(address(token)), 400);
        assertEq(token.balanceOf(alice), 90);
        assertEq(token.balanceOf(bob), 270);
        assertEq(token.balanceOf(address(split)), 0);
    }

    function test_ABlacklistedRecipientIsHeldFor() public leavesOtherTokensAlone {
        BlacklistingToken token = new BlacklistingToken();
        token.setBlacklisted(bob, true);
        token.mint(address(split), 100);
        assertEq(split.distribute(address(token)), 25);
        assertEq(split.held(address(token), bob), 75);

        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.PaymentRefused.selector, address(token), bob, 75));
        split.withdraw(address(token), bob);
        split.withdraw(address(token), stranger);
        vm.stopPrank();
        assertEq(token.balanceOf(stranger), 75);
    }

    function test_ABlacklistedSplitHoldsUntilItIsNot() public leavesOtherTokensAlone {
        BlacklistingToken token = new BlacklistingToken();
        token.mint(address(split), 100);
        token.setBlacklisted(address(split), true);
        assertEq(split.distribute(address(token)), 0);
        assertEq(split.totalHeld(address(token)), 100);
        token.setBlacklisted(address(split), false);
        assertEq(split.distribute(address(token)), 100);
        assertEq(token.balanceOf(bob), 75);
    }

    function test_ATokenThatRevertsHoldsAndThenPays() public leavesOtherTokensAlone {
        RevertingToken token = new RevertingToken();
        token.mint(address(split), 100);
        token.setReverts(true);
        assertEq(split.distribute(address(token)), 0);
        assertEq(split.totalHeld(address(token)), 100);
        token.setReverts(false);
        assertEq(split.distribute(address(token)), 100);
        assertEq(token.balanceOf(alice), 25);
    }

    function test_ATokenThatReturnsFalseHoldsAndThenPays() public leavesOtherTokensAlone {
        FalseReturningToken token = new FalseReturningToken();
        token.mint(address(split), 100);
        token.setRefuses(true);
        assertEq(split.distribute(address(token)), 0);
        assertEq(split.held(address(token), alice), 25);
        token.setRefuses(false);
        vm.prank(alice);
        split.withdraw(address(token), alice);
        assertEq(split.distribute(address(token)), 75);
        assertEq(token.balanceOf(alice), 25);
        assertEq(token.balanceOf(bob), 75);
    }

    function test_ATokenThatBurnsItsGasIsHeld() public leavesOtherTokensAlone {
        BurningToken token = new BurningToken();
        token.mint(address(split), 100);
        token.setBurns(true);
        assertEq(split.distribute(address(token)), 0);
        assertLt(vm.lastCallGas().gasTotalUsed, 700_000);
        token.setBurns(false);
        assertEq(split.distribute(address(token)), 100);
    }

    function test_ATokenThatBurnsItsGasFiftyTimesFitsIntoOneTransaction() public leavesOtherTokensAlone {
        address[] memory recipients = new address[](50);
        uint32[] memory shares = new uint32[](50);
        for (uint256 i = 0; i < 50; i++) {
            (recipients[i], shares[i]) = (address(uint160(0xbeef + i)), 1);
        }
        IPayoutSplit large = splitAmong(recipients, shares);
        BurningToken token = new BurningToken();
        token.mint(address(large), 100);
        token.setBurns(true);
        assertEq(large.distribute{ gas: 2 ** 24 - 30_000 }(address(token)), 0);
        assertEq(large.totalHeld(address(token)), 100);
    }

    function test_WhatABalanceLosesBeforeItIsDividedIsLostByAll() public leavesOtherTokensAlone {
        RebasingToken token = new RebasingToken();
        token.mint(address(split), 100);
        token.scale(address(split), 4000);
        assertEq(split.distribute(address(token)), 40);
        assertEq(token.balanceOf(alice), 10);
    }

    /// @dev Held: 75 for Bob. Half of it vanishes; what comes in next fills the gap before it is divided.
    function test_WhatIsMissingOfTheHeldIsTakenOutOfLaterReceipts() public leavesOtherTokensAlone {
        (RebasingToken token, address refused) = heldOfARebasingToken();
        token.scale(address(split), 5000);
        assertEq(token.balanceOf(address(split)), 37);
        assertEq(split.distributable(address(token)), 75);

        // Not enough for the whole, so nothing: a payment is made in full or not at all.
        assertEq(split.distribute(address(token)), 0);
        vm.prank(refused);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.PaymentRefused.selector, address(token), bob, 75));
        split.withdraw(address(token), bob);

        token.mint(address(split), 38 + 40);
        assertEq(split.distribute(address(token)), 75 + 40);
        assertEq(token.balanceOf(bob), 75 + 30);
        assertEq(token.balanceOf(alice), 25 + 10);
        assertEq(token.balanceOf(address(split)), 0);
    }

    function test_ABalanceThatGrowsIsAReceipt() public leavesOtherTokensAlone {
        (RebasingToken token,) = heldOfARebasingToken();
        token.scale(address(split), 20_000);
        // 75 held, and of 75 more the floors of 175 leave one undivided.
        assertEq(split.distribute(address(token)), 75 + 74);
        assertEq(token.balanceOf(bob), 75 + 56);
        assertEq(token.balanceOf(alice), 25 + 18);
    }

    function test_ATokenThatCallsBackGainsNothing() public leavesOtherTokensAlone {
        ReenteringToken token = new ReenteringToken();
        token.mint(address(split), 100);
        token.setCall(address(split), abi.encodeCall(IPayoutSplit.distribute, (address(token))));
        assertEq(split.distribute(address(token)), 100);
        assertEq(token.calls(), 2);
        assertEq(token.balanceOf(alice), 25);
        assertEq(token.balanceOf(bob), 75);
        assertEq(split.received(address(token)), 100);
        assertEq(split.totalHeld(address(token)), 0);
    }

    /// @dev The token calls before it moves anything: what is on its way must not count as a receipt.
    function test_ATokenThatCallsBackFromAWithdrawalGainsNothing() public leavesOtherTokensAlone {
        ReenteringToken token = new ReenteringToken();
        token.mint(address(split), 100);
        vm.mockCallRevert(address(token), abi.encodeCall(token.transfer, (bob, 75)), "");
        split.distribute(address(token));
        vm.clearMockedCalls();

        token.setCall(address(split), abi.encodeCall(IPayoutSplit.distribute, (address(token))));
        vm.prank(bob);
        assertEq(split.withdraw(address(token), stranger), 75);
        assertEq(token.calls(), 1);
        assertEq(token.balanceOf(stranger), 75);
        assertEq(token.balanceOf(alice), 25);
        assertEq(token.balanceOf(bob), 0);
        assertEq(split.received(address(token)), 100);
        assertEq(split.totalHeld(address(token)), 0);
    }

    function test_ATokenThatHasOthersDistributedMeanwhile() public {
        split = splitBetween(alice, 1, bob, 3);
        pay(split, 1000);
        ReenteringToken token = new ReenteringToken();
        token.mint(address(split), 100);
        token.setCall(address(split), abi.encodeCall(IPayoutSplit.distribute, (ETHER)));
        assertEq(split.distribute(address(token)), 100);
        assertEq(token.successes(), 1);
        assertEq(alice.balance, 250);
        assertEq(bob.balance, 750);
        assertEq(token.balanceOf(bob), 75);
    }

    /// @dev Bob's 75 of 100 held, and nothing else in the split.
    function heldOfARebasingToken() private returns (RebasingToken token, address refused) {
        token = new RebasingToken();
        refused = bob;
        token.mint(address(split), 100);
        // The one transfer to Bob fails; the token itself has no list.
        vm.mockCallRevert(address(token), abi.encodeCall(token.transfer, (bob, 75)), "");
        assertEq(split.distribute(address(token)), 25);
        vm.clearMockedCalls();
        assertEq(split.held(address(token), bob), 75);
    }
}
