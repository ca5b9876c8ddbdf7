// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel, SettlementBatch } from "../src/types/Channel.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BurningPayee } from "./payees/BurningPayee.sol";
import { RefusingPayee } from "./payees/RefusingPayee.sol";
import { ReturnBombPayee } from "./payees/ReturnBombPayee.sol";
import { BlacklistingToken } from "./tokens/BlacklistingToken.sol";
import { BurningToken } from "./tokens/BurningToken.sol";
import { FalseReturningToken } from "./tokens/FalseReturningToken.sol";
import { FeeOnTransferToken } from "./tokens/FeeOnTransferToken.sol";
import { NoReturnToken } from "./tokens/NoReturnToken.sol";
import { RebasingToken } from "./tokens/RebasingToken.sol";
import { ReenteringToken } from "./tokens/ReenteringToken.sol";
import { RevertingToken } from "./tokens/RevertingToken.sol";

/// @notice Channels in tokens and with payers that behave badly: each is right or refused, and hurts nobody else.
contract HostileChannelTest is Fixture {
    uint256 private constant DEPOSIT = 1000;

    function close(Channel memory channel, uint256 cumulative) private {
        bytes memory signature = voucher(channel, cumulative);
        vm.prank(provider);
        splitter.closeChannel(channel, uint128(cumulative), signature);
    }

    function assertKeptForPayer(Channel memory channel, uint256 rest) private view {
        assertTrue(stateOf(channel).closed);
        assertEq(splitter.earned(channel.deal.token, channel.payer), rest);
    }

    // --------------------------------------------------------------------------------------------------- Payers

    /// @dev An open channel in ether that was paid for this payer.
    function openFor(address payer) private returns (Channel memory channel) {
        Terms memory asked = terms(1000, 9000);
        channel = channelOf(offer(asked), asked);
        channel.payer = payer;
        openWith(channel, DEPOSIT);
    }

    function test_APayerThatRefusesItsRestFindsItAmongItsEarnings() public {
        RefusingPayee payer = new RefusingPayee();
        Channel memory channel = openFor(address(payer));
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelClosed(idOf(channel), 400, 600);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, address(payer), channel.deal.contentId, 600);
        close(channel, 400);

        assertKeptForPayer(channel, 600);
        splitter.claimFor(ETHER, payout);
        vm.prank(address(payer));
        assertEq(splitter.claim(ETHER, stranger), 600);
    }

    function test_APayerThatBurnsItsGasOrReturnsTooMuchHoldsUpNoEnd() public {
        address[2] memory payers = [address(new BurningPayee()), address(new ReturnBombPayee(true))];
        for (uint256 i = 0; i < payers.length; i++) {
            uint256 snapshot = vm.snapshotState();
            Channel memory channel = openFor(payers[i]);
            uint256 begun = gasleft();
            close(channel, 400);
            assertLt(begun - gasleft(), 400_000);
            assertEq(payers[i].balance + splitter.earned(ETHER, payers[i]), 600);
            vm.revertToState(snapshot);

            channel = openFor(payers[i]);
            vm.warp(channel.expiry);
            splitter.refund(channel);
            assertEq(payers[i].balance + splitter.earned(ETHER, payers[i]), DEPOSIT);
            vm.revertToState(snapshot);
        }
    }

    /// @dev However little gas is given, the rest is sent or kept, or everything is undone.
    function testFuzz_TooLittleGasLosesNoRest(uint256 gas) public {
        BurningPayee payer = new BurningPayee();
        payer.setBurns(false);
        Channel memory channel = openFor(address(payer));
        vm.warp(channel.expiry);
        gas = bound(gas, 20_000, 300_000);
        try splitter.refund{ gas: gas }(channel) {
            assertEq(address(payer).balance + splitter.earned(ETHER, address(payer)), DEPOSIT);
        } catch {
            assertState(channel, DEPOSIT, 0, false);
        }
    }

    function test_APayerThatIsTheSplitterItselfHurtsOnlyItself() public {
        Channel memory channel = openFor(address(splitter));
        close(channel, 400);
        assertKeptForPayer(channel, 600);
        assertEq(splitter.claimFor(ETHER, payout) + splitter.claimFor(ETHER, provider), 400);
    }

    function test_ABlacklistedPayerClaimsItsRestElsewhere() public {
        BlacklistingToken token = new BlacklistingToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        token.setBlacklisted(viewer, true);
        close(channel, 400);

        assertKeptForPayer(channel, 600);
        assertEq(splitter.claimFor(address(token), payout), 360);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, token, viewer, 600));
        splitter.claimFor(address(token), viewer);
        vm.prank(viewer);
        splitter.claim(address(token), stranger);
        assertEq(token.balanceOf(stranger), 600);
    }

    function test_APayerBlacklistedAtTheRefundClaimsItsRestElsewhere() public {
        BlacklistingToken token = new BlacklistingToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        token.setBlacklisted(viewer, true);
        vm.warp(channel.expiry);
        splitter.refund(channel);
        assertKeptForPayer(channel, DEPOSIT);
        vm.prank(viewer);
        assertEq(splitter.claim(address(token), stranger), DEPOSIT);
    }

    // --------------------------------------------------------------------------------------------------- Tokens

    function test_ATokenThatReturnsNothingServesAWholeChannel() public {
        NoReturnToken token = new NoReturnToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        fund(address(token), stranger, 100);
        vm.prank(stranger);
        splitter.topUp(channel, 100);
        settleTo(channel, 300);
        close(channel, 400);
        assertEq(token.balanceOf(viewer), 700);
        assertEq(splitter.claimFor(address(token), payout), 360);
        assertEq(splitter.claimFor(address(token), provider), 40);
        assertEq(token.balanceOf(address(splitter)), 0);
    }

    function test_AFeeOnTransfersIsRefusedAtOpeningAndTopUp() public {
        FeeOnTransferToken token = new FeeOnTransferToken(1000);
        Terms memory asked = termsIn(address(token), 0, 9000);
        Channel memory channel = channelOf(offer(asked), asked);
        fund(address(token), viewer, DEPOSIT);
        vm.prank(viewer);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 900, DEPOSIT));
        splitter.openChannel(channel, DEPOSIT);
        assertState(channel, 0, 0, false);

        // A fee that begins later: what is here already is not touched.
        RevertingToken plain = new RevertingToken();
        vm.etch(address(token), address(plain).code);
        openWith(channel, DEPOSIT);
        vm.etch(address(token), address(new FeeOnTransferToken(1000)).code);
        fund(address(token), viewer, DEPOSIT);
        vm.prank(viewer);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 90, 100));
        splitter.topUp(channel, 100);
        assertState(channel, DEPOSIT, 0, false);
    }

    function test_ATokenThatRefusesTakesNoDepositAndKeepsTheRestForThePayer() public {
        RevertingToken reverting = new RevertingToken();
        FalseReturningToken lying = new FalseReturningToken();
        Channel memory first = openChannelIn(address(reverting), DEPOSIT);
        Terms memory asked = termsIn(address(lying), 0, 9000);
        vm.prank(creator);
        registry.updateTerms(first.deal.contentId, asked);
        Channel memory second = channelOf(first.deal.contentId, asked);
        openWith(second, DEPOSIT);
        fund(address(reverting), viewer, 1);
        fund(address(lying), viewer, 1);
        reverting.setReverts(true);
        lying.setRefuses(true);

        vm.startPrank(viewer);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, reverting, viewer, 1));
        splitter.topUp(first, 1);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, lying, viewer, 1));
        splitter.topUp(second, 1);
        second.salt++;
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, lying, viewer, 1));
        splitter.openChannel(second, 1);
        second.salt--;
        vm.stopPrank();

        close(first, 400);
        close(second, 400);
        assertKeptForPayer(first, 600);
        assertKeptForPayer(second, 600);
        reverting.setReverts(false);
        lying.setRefuses(false);
        assertEq(splitter.claimFor(address(reverting), viewer), 600);
        assertEq(splitter.claimFor(address(lying), viewer), 600);
    }

    function test_ATokenThatBurnsItsGasHoldsUpNoEnd() public {
        BurningToken token = new BurningToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        token.setBurns(true);
        close(channel, 400);
        assertKeptForPayer(channel, 600);
    }

    function test_ATokenWhoseBalancesShrankHurtsNoOtherToken() public {
        RebasingToken token = new RebasingToken();
        vm.deal(address(splitter), 5 ether);
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        settleTo(channel, 400);
        token.scale(address(splitter), 5000);
        close(channel, 400);

        assertKeptForPayer(channel, 600);
        assertEq(splitter.claimFor(address(token), payout), 360, "whoever comes first is paid");
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, token, viewer, 600));
        splitter.claimFor(address(token), viewer);
        assertEq(address(splitter).balance, 5 ether);
    }

    // ------------------------------------------------------------------------------------------------- Reentrance

    /// @dev Everything that a token may call from inside a transfer, with the channel that is being paid for.
    function entryPoints(Channel memory channel, ReenteringToken token) private view returns (bytes[] memory calls) {
        calls = new bytes[](8);
        calls[0] = abi.encodeCall(splitter.openChannel, (channel, 100));
        calls[1] = abi.encodeCall(splitter.topUp, (channel, 100));
        calls[2] = abi.encodeCall(splitter.settle, (onlyBatch(channel, DEPOSIT, voucher(channel, DEPOSIT))));
        calls[3] = abi.encodeCall(splitter.refund, (channel));
        calls[4] = abi.encodeCall(splitter.claimFor, (address(token), provider));
        calls[5] = abi.encodeCall(
            splitter.recordViewInToken, (channel.deal.contentId, provider, viewer, address(token), 1000, noPermit())
        );
        calls[6] = abi.encodeCall(splitter.closeChannel, (channel, 0, ""));
        calls[7] = abi.encodeCall(splitter.invalidateNonce, ());
    }

    /// @dev What the splitter owes in the token: everything unclaimed, and what is open of the channel's deposit.
    function owed(Channel memory channel) private view returns (uint256) {
        address token = channel.deal.token;
        uint256 open = stateOf(channel).closed ? 0 : stateOf(channel).deposit - stateOf(channel).settled;
        return open + splitter.earned(token, payout) + splitter.earned(token, provider) + splitter.earned(token, viewer);
    }

    function test_ATokenThatCallsBackAtAnyDepositOrEndNeverGetsMoreThanIsOwed() public {
        ReenteringToken token = new ReenteringToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        fund(address(token), viewer, 10_000);
        // The token itself may pay, too.
        fund(address(token), address(token), 10_000);
        settleTo(channel, 200);
        bytes[] memory calls = entryPoints(channel, token);
        bytes[] memory outer = new bytes[](5);
        outer[0] = abi.encodeCall(splitter.topUp, (channel, 100));
        outer[1] = abi.encodeCall(splitter.refund, (channel));
        outer[2] = abi.encodeCall(splitter.closeChannel, (channel, 200, ""));
        outer[3] = abi.encodeCall(splitter.claimFor, (address(token), payout));
        outer[4] = abi.encodeCall(
            splitter.recordViewInToken, (channel.deal.contentId, provider, viewer, address(token), 1000, noPermit())
        );
        uint256 successes = 0;
        uint256 completed = 0;
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; i++) {
            for (uint256 j = 0; j < outer.length; j++) {
                if (j == 1) vm.warp(channel.expiry);
                token.setCall(address(splitter), calls[i]);
                vm.prank(j == 2 ? provider : viewer);
                (bool done,) = address(splitter).call(outer[j]);
                successes += token.successes();
                if (done) completed++;
                assertEq(token.balanceOf(address(splitter)), owed(channel), "all that is owed is held, and no more");
                vm.revertToState(snapshot);
            }
        }
        assertGt(successes, 10, "the token did get through");
        assertGt(completed, 20, "and so did what was called first");
    }

    function test_ADepositDuringAnotherDepositCountsForNeither() public {
        ReenteringToken token = new ReenteringToken();
        Channel memory channel = openChannelIn(address(token), DEPOSIT);
        fund(address(token), address(token), 100);
        fund(address(token), viewer, 100);
        token.setCall(address(splitter), abi.encodeCall(splitter.topUp, (channel, 100)));
        vm.prank(viewer);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 200, 100));
        splitter.topUp(channel, 100);
        assertState(channel, DEPOSIT, 0, false);
    }

    function test_AHostileTokenInABatchHurtsNoOtherDeal() public {
        RevertingToken token = new RevertingToken();
        Channel memory first = openChannelIn(address(token), DEPOSIT);
        Terms memory asked = terms(0, 9000);
        vm.prank(creator);
        registry.updateTerms(first.deal.contentId, asked);
        Channel memory second = channelOf(first.deal.contentId, asked);
        openWith(second, DEPOSIT);
        vm.etch(address(token), hex"fe");
        SettlementBatch[] memory batches = new SettlementBatch[](2);
        batches[0] = onlyBatch(first, 10, voucher(first, 10))[0];
        batches[1] = onlyBatch(second, 10, voucher(second, 10))[0];
        splitter.settle(batches);
        assertEq(splitter.claimFor(ETHER, payout), 9);
    }
}
