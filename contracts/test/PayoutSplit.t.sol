// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "../src/interfaces/IPayoutSplit.sol";
import { ETHER } from "../src/types/Terms.sol";
import { PayoutSplitFixture } from "./PayoutSplitFixture.sol";
import { MintableToken } from "./tokens/MintableToken.sol";

contract PayoutSplitTest is PayoutSplitFixture {
    address private immutable alice = makeAddr("alice");
    address private immutable bob = makeAddr("bob");
    address private immutable carol = makeAddr("carol");
    MintableToken private token = new MintableToken();

    function test_EtherIsDividedByShare() public {
        IPayoutSplit split = splitBetween(alice, 70, bob, 30);
        pay(split, 1 ether);
        assertEq(split.distributable(ETHER), 1 ether);
        assertEq(split.owed(ETHER, alice), 0.7 ether);
        assertEq(split.owed(ETHER, stranger), 0);

        vm.expectEmit(address(split));
        emit IPayoutSplit.Distributed(ETHER, 1 ether, 1 ether);
        vm.prank(stranger);
        assertEq(split.distribute(ETHER), 1 ether);

        assertEq(alice.balance, 0.7 ether);
        assertEq(bob.balance, 0.3 ether);
        assertEq(split.received(ETHER), 1 ether);
        assertEq(split.distributable(ETHER), 0);
        assertEq(split.totalHeld(ETHER), 0);
    }

    function test_TokensAreDividedByShareWithBooksOfTheirOwn() public {
        IPayoutSplit split = splitBetween(alice, 70, bob, 30);
        pay(split, 10);
        token.mint(address(split), 1000);
        assertEq(split.distribute(address(token)), 1000);
        assertEq(token.balanceOf(alice), 700);
        assertEq(token.balanceOf(bob), 300);
        assertEq(split.received(address(token)), 1000);
        assertEq(split.distributable(ETHER), 10);
        assertEq(split.received(ETHER), 0);
    }

    function test_WhatRoundingLeavesWaitsForTheNextDistribution() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1, carol, 1);
        pay(split, 5);
        assertEq(split.distribute(ETHER), 3);
        assertEq(address(split).balance, 2);
        pay(split, 1);
        assertEq(split.distribute(ETHER), 3);
        assertEq(address(split).balance, 0);
        assertEq(alice.balance, 2);
    }

    function test_NothingReceivedIsNothingToDistribute() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, ETHER));
        split.distribute(ETHER);
        // An account without code, and a contract that is no token.
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, stranger));
        split.distribute(stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, address(split)));
        split.distribute(address(split));
    }

    function test_TooLittleToDivideIsNothingToDistributeAndIsNotForgotten() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1);
        pay(split, 1);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, ETHER));
        split.distribute(ETHER);
        pay(split, 1);
        assertEq(split.distribute(ETHER), 2);
    }

    function test_AShareTooSmallForAUnitIsPaidOnceItAmountsToOne() public {
        IPayoutSplit split = splitBetween(alice, type(uint32).max, bob, 1);
        for (uint256 i = 0; i < 4; i++) {
            pay(split, 2 ** 30);
            split.distribute(ETHER);
            assertEq(bob.balance, i / 3);
        }
    }

    function test_ASplitOfASplitPassesOn() public {
        IPayoutSplit inner = splitBetween(alice, 1, bob, 3);
        IPayoutSplit outer = splitBetween(address(inner), 1, carol, 1);
        pay(outer, 80);
        outer.distribute(ETHER);
        inner.distribute(ETHER);
        assertEq(alice.balance, 10);
        assertEq(bob.balance, 30);
        assertEq(carol.balance, 40);
    }

    /// @dev `payable.transfer` gives 2,300 gas.
    function test_ABareTransferNeedsNextToNoGas() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1);
        vm.deal(address(this), 4);
        payable(address(split)).transfer(1);
        assertTrue(payable(address(split)).send(1));
        (bool sent,) = address(split).call{ value: 1, gas: 0 }("");
        assertTrue(sent);
        assertEq(address(split).balance, 3);
    }

    function test_DataThatIsNoCallIsRefused() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1);
        (bool sent,) = address(split).call{ value: 1 }(hex"00");
        assertFalse(sent);
        (sent,) = address(split).call{ value: 1 }(abi.encodeCall(IPayoutSplit.distribute, (ETHER)));
        assertFalse(sent);
    }

    /// @dev The whole promise: whatever comes in and whenever it is distributed, each has the floor of its share of all.
    function testFuzz_PartsDoNotDependOnHowOftenItIsDistributed(
        uint32[3] memory shares,
        uint96[6] memory amounts,
        uint8 when
    ) public {
        for (uint256 i = 0; i < 3; i++) {
            if (shares[i] == 0) shares[i] = 1;
        }
        IPayoutSplit split = splitBetween(alice, shares[0], bob, shares[1], carol, shares[2]);
        uint256 received = 0;
        for (uint256 i = 0; i < amounts.length; i++) {
            pay(split, amounts[i]);
            received += amounts[i];
            if (when >> i & 1 == 1 && split.distributable(ETHER) != 0) split.distribute(ETHER);
        }
        if (split.distributable(ETHER) != 0) split.distribute(ETHER);

        uint256 total = uint256(shares[0]) + shares[1] + shares[2];
        assertEq(alice.balance, received * shares[0] / total);
        assertEq(bob.balance, received * shares[1] / total);
        assertEq(carol.balance, received * shares[2] / total);
        assertLt(address(split).balance, 3);
    }

    function testFuzz_ItSendsWhatTheViewsForetell(uint32 a, uint32 b, uint96 first, uint96 second) public {
        IPayoutSplit split = splitBetween(alice, a == 0 ? 1 : a, bob, b == 0 ? 1 : b);
        uint96[2] memory amounts = [first, second];
        for (uint256 i = 0; i < 2; i++) {
            token.mint(address(split), amounts[i]);
            uint256 foretold = split.distributable(address(token));
            uint256 ofAlice = split.owed(address(token), alice);
            assertEq(foretold, ofAlice + split.owed(address(token), bob));
            if (foretold == 0) continue;
            uint256 before = token.balanceOf(alice);
            assertEq(split.distribute(address(token)), foretold);
            assertEq(token.balanceOf(alice) - before, ofAlice);
        }
    }

    function test_WhatIsMoreThanTheBooksCanHoldStaysAndBlocksNothing() public {
        IPayoutSplit split = splitBetween(alice, 1, bob, 1);
        token.mint(address(split), type(uint256).max);
        split.distribute(address(token));
        assertEq(split.received(address(token)), type(uint120).max);
        assertEq(token.balanceOf(alice), type(uint120).max / 2);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, address(token)));
        split.distribute(address(token));
        pay(split, 2);
        split.distribute(ETHER);
        assertEq(alice.balance, 1);
    }
}

/// @notice Ahead of the public figures, as whole transactions: `forge test --isolate`. Without it, calls cost less.
contract PayoutSplitGasTest is PayoutSplitFixture {
    address[] private recipients =
        [address(0xa11ce00000000000000000000000000000000001), address(0xb0b0000000000000000000000000000000000002)];
    uint32[] private shares = [70, 30];

    function test_CreatingASplitForTwoCostsLessThan0xSplits() public {
        factory.createSplit(recipients, shares);
        uint256 gasUsed = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("createSplit", gasUsed);
        assertLt(gasUsed, 100_741);
    }

    function test_DistributingEtherToTwoCostsLessThan0xSplits() public {
        IPayoutSplit split = splitBetween(recipients[0], shares[0], recipients[1], shares[1]);
        for (uint256 i = 0; i < 2; i++) {
            pay(split, 1 ether);
            split.distribute(ETHER);
        }
        uint256 gasUsed = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint("distributeSplit_2", gasUsed);
        assertLt(gasUsed, 57_390);
    }

    function test_PayingASplitCostsNextToNothing() public {
        IPayoutSplit split = splitBetween(recipients[0], shares[0], recipients[1], shares[1]);
        pay(split, 1 ether);
        emit log_named_uint("transfer to a split", vm.lastCallGas().gasTotalUsed);
    }

    function test_DistributingTokensToTwo() public {
        IPayoutSplit split = splitBetween(recipients[0], shares[0], recipients[1], shares[1]);
        MintableToken token = new MintableToken();
        for (uint256 i = 0; i < 2; i++) {
            token.mint(address(split), 1 ether);
            split.distribute(address(token));
        }
        emit log_named_uint("distributeSplit_2_token", vm.lastCallGas().gasTotalUsed);
    }
}
