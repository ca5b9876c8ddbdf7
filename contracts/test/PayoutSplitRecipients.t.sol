// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "../src/interfaces/IPayoutSplit.sol";
import { Push } from "../src/libraries/Push.sol";
import { ETHER } from "../src/types/Terms.sol";
import { PayoutSplitFixture } from "./PayoutSplitFixture.sol";
import { BookkeepingPayee } from "./payees/BookkeepingPayee.sol";
import { BurningPayee } from "./payees/BurningPayee.sol";
import { ReenteringRecipient } from "./payees/ReenteringRecipient.sol";
import { RefusingPayee } from "./payees/RefusingPayee.sol";
import { ReturnBombPayee } from "./payees/ReturnBombPayee.sol";

/// @notice Recipients of ether that do not take it, or take it ill.
contract PayoutSplitRecipientsTest is PayoutSplitFixture {
    /// @dev What a transaction may cost at most (EIP-7825).
    uint256 private constant TRANSACTION_GAS = 2 ** 24;

    address private immutable alice = makeAddr("alice");
    RefusingPayee private refusing = new RefusingPayee();

    function test_ARecipientThatRefusesIsHeldForAndBlocksNobody() public {
        IPayoutSplit split = splitBetween(alice, 1, address(refusing), 3);
        pay(split, 100);

        vm.expectEmit(address(split));
        emit IPayoutSplit.PaymentHeld(ETHER, address(refusing), 75);
        vm.expectEmit(address(split));
        emit IPayoutSplit.Distributed(ETHER, 100, 25);
        assertEq(split.distribute(ETHER), 25);

        assertEq(alice.balance, 25);
        assertEq(split.held(ETHER, address(refusing)), 75);
        assertEq(split.totalHeld(ETHER), 75);
        assertEq(split.distributable(ETHER), 75);
        assertEq(split.owed(ETHER, address(refusing)), 75);
    }

    function test_WhatIsHeldIsWithdrawnByItsOwnerToAnywhere() public {
        IPayoutSplit split = splitWithHeld();

        vm.expectEmit(address(split));
        emit IPayoutSplit.HeldPaid(ETHER, address(refusing), stranger, 75);
        vm.prank(address(refusing));
        assertEq(split.withdraw(ETHER, stranger), 75);

        assertEq(stranger.balance, 75);
        assertEq(split.held(ETHER, address(refusing)), 0);
        assertEq(split.totalHeld(ETHER), 0);
        vm.prank(address(refusing));
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingHeld.selector, ETHER, address(refusing)));
        split.withdraw(ETHER, stranger);
    }

    function test_NobodyElseWithdrawsIt() public {
        IPayoutSplit split = splitWithHeld();
        address[2] memory others = [stranger, alice];
        for (uint256 i = 0; i < 2; i++) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingHeld.selector, ETHER, others[i]));
            split.withdraw(ETHER, others[i]);
        }
    }

    function test_AWithdrawalNeedsSomewhereToGoThatTakesIt() public {
        IPayoutSplit split = splitWithHeld();
        vm.startPrank(address(refusing));
        vm.expectRevert(IPayoutSplit.RecipientIsZero.selector);
        split.withdraw(ETHER, address(0));
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.PaymentRefused.selector, ETHER, address(refusing), 75));
        split.withdraw(ETHER, address(refusing));
        assertEq(split.held(ETHER, address(refusing)), 75);
    }

    function test_WhatIsHeldIsTriedAgainAtTheNextDistribution() public {
        IPayoutSplit split = splitWithHeld();
        pay(split, 4);
        vm.expectEmit(address(split));
        emit IPayoutSplit.PaymentHeld(ETHER, address(refusing), 3);
        assertEq(split.distribute(ETHER), 1);
        assertEq(split.held(ETHER, address(refusing)), 78);

        refusing.setRefuses(false);
        vm.expectEmit(address(split));
        emit IPayoutSplit.HeldPaid(ETHER, address(refusing), address(refusing), 78);
        assertEq(split.distribute(ETHER), 78);
        assertEq(address(refusing).balance, 78);
        assertEq(split.totalHeld(ETHER), 0);
    }

    /// @dev Nothing new to hold, nothing sent: it changes nothing and says so.
    function test_TryingAgainInVainChangesNothing() public {
        IPayoutSplit split = splitWithHeld();
        assertEq(split.distribute(ETHER), 0);
        assertEq(split.held(ETHER, address(refusing)), 75);
        assertEq(split.totalHeld(ETHER), 75);
        assertEq(split.received(ETHER), 100);
    }

    function test_ARecipientThatBurnsItsGasIsHeldFor() public {
        BurningPayee burning = new BurningPayee();
        IPayoutSplit split = splitBetween(alice, 1, address(burning), 1);
        pay(split, 10);
        split.distribute(ETHER);
        assertLt(vm.lastCallGas().gasTotalUsed, 250_000);
        assertEq(alice.balance, 5);
        assertEq(split.held(ETHER, address(burning)), 5);
    }

    function test_AReturnBombCostsOnlyWhoThrowsIt() public {
        ReturnBombPayee reverting = new ReturnBombPayee(true);
        ReturnBombPayee returning = new ReturnBombPayee(false);
        IPayoutSplit split = splitBetween(alice, 1, address(reverting), 1, address(returning), 1);
        pay(split, 9);
        split.distribute(ETHER);
        assertLt(vm.lastCallGas().gasTotalUsed, 300_000);
        assertEq(alice.balance, 3);
        assertEq(address(returning).balance, 3);
        assertEq(split.held(ETHER, address(reverting)), 3);
    }

    function test_FiftyHostileRecipientsFitIntoOneTransaction() public {
        address[] memory recipients = new address[](50);
        uint32[] memory shares = new uint32[](50);
        for (uint256 i = 0; i < 50; i++) {
            (recipients[i], shares[i]) = (address(new BurningPayee()), 1);
        }
        recipients[49] = address(type(uint160).max);
        IPayoutSplit split = splitAmong(recipients, shares);
        pay(split, 50);
        assertEq(split.distribute{ gas: TRANSACTION_GAS - 30_000 }(ETHER), 1);
        assertEq(split.totalHeld(ETHER), 49);
        // And again, when all of it is tried once more.
        pay(split, 50);
        assertEq(split.distribute{ gas: TRANSACTION_GAS - 30_000 }(ETHER), 1);
        assertEq(recipients[49].balance, 2);
    }

    /// @dev Whatever gas a stranger gives, an honest recipient is paid, or nothing has happened.
    function testFuzz_TooLittleGasHoldsNothingBack(uint256 gas) public {
        BookkeepingPayee payee = new BookkeepingPayee();
        IPayoutSplit split = splitBetween(alice, 1, address(payee), 1);
        pay(split, 10);
        gas = bound(gas, 30_000, 300_000);
        vm.prank(stranger);
        try split.distribute{ gas: gas }(ETHER) {
            assertEq(address(payee).balance, 5);
            assertEq(alice.balance, 5);
        } catch {
            assertEq(address(split).balance, 10);
        }
        assertEq(split.totalHeld(ETHER), 0);
    }

    function test_WithTheGasThatIsNeededARefusalIsHeldForAndWithOneLessItIsNot() public {
        IPayoutSplit split = splitBetween(alice, 1, address(refusing), 1);
        pay(split, 10);
        (uint256 low, uint256 high) = (50_000, 400_000);
        uint256 snapshot = vm.snapshotState();
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            try split.distribute{ gas: middle }(ETHER) {
                high = middle;
                vm.revertToState(snapshot);
            } catch {
                low = middle;
            }
        }
        // 100,000, what a call holds back of that (EIP-150), and 40,000 for the call itself.
        vm.expectRevert(abi.encodeWithSelector(Push.GasTooLow.selector, 141_587, 141_588));
        split.distribute{ gas: low }(ETHER);
        split.distribute{ gas: high }(ETHER);
        assertEq(split.totalHeld(ETHER), 5);
    }

    function test_CallingBackGainsNothing() public {
        ReenteringRecipient reentering = new ReenteringRecipient();
        IPayoutSplit split = splitBetween(alice, 1, address(reentering), 1, address(refusing), 2);
        reentering.setSplit(split, ETHER, 0);
        pay(split, 100);
        split.distribute(ETHER);
        // Once more, now that something is held that could be taken.
        pay(split, 100);
        split.distribute(ETHER);

        assertEq(reentering.payments(), 2);
        assertEq(reentering.calls(), 4);
        assertEq(address(reentering).balance, 50);
        assertEq(alice.balance, 50);
        assertEq(split.held(ETHER, address(refusing)), 100);
        assertEq(split.totalHeld(ETHER), 100);
        assertEq(address(split).balance, 100);
    }

    function testFuzz_SendingBackAndCallingBackIsOnlyAnotherReceipt(uint96 first, uint96 second, uint96 sendsBack)
        public
    {
        first = uint96(bound(first, 4, type(uint96).max));
        second = uint96(bound(second, 4, type(uint96).max));
        ReenteringRecipient reentering = new ReenteringRecipient();
        IPayoutSplit split = splitBetween(alice, 1, address(reentering), 2, address(refusing), 1);
        reentering.setSplit(split, ETHER, sendsBack);
        pay(split, first);
        split.distribute(ETHER);
        pay(split, second);
        split.distribute(ETHER);
        assertEq(split.totalHeld(ETHER), split.held(ETHER, address(refusing)));
        assertGe(address(split).balance, split.totalHeld(ETHER));

        reentering.setSplit(IPayoutSplit(address(0)), ETHER, 0);
        if (split.distributable(ETHER) != 0) split.distribute(ETHER);
        uint256 received = split.received(ETHER);
        uint256 returned = received - first - second;
        assertEq(alice.balance, received / 4);
        assertEq(split.held(ETHER, address(refusing)), received / 4);
        assertEq(address(reentering).balance + returned, received / 2);
    }

    function test_CallingBackAndThenRefusingUndoesBoth() public {
        ReenteringRecipient reentering = new ReenteringRecipient();
        IPayoutSplit split = splitBetween(alice, 1, address(reentering), 1);
        reentering.setSplit(split, ETHER, 1);
        reentering.setRefusesAfterwards(true);
        pay(split, 100);
        split.distribute(ETHER);
        assertEq(split.held(ETHER, address(reentering)), 50);
        assertEq(address(split).balance, 50);
        assertEq(reentering.payments(), 0);
    }

    /// @dev 75 held for the one that refuses, 25 paid to the other.
    function splitWithHeld() private returns (IPayoutSplit split) {
        split = splitBetween(alice, 1, address(refusing), 3);
        pay(split, 100);
        split.distribute(ETHER);
    }
}
