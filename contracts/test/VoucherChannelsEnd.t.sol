// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel } from "../src/types/Channel.sol";
import { ETHER } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";

/// @notice How a channel ends: by its provider before the expiry, for its payer from then on, and for good.
contract EndOfChannelTest is Fixture {
    uint256 private constant DEPOSIT = 1 ether;

    Channel private channel;

    function setUp() public override {
        super.setUp();
        channel = openChannelIn(ETHER, DEPOSIT);
        vm.deal(address(this), 10 ether);
    }

    function close(uint256 cumulative) private {
        bytes memory signature = voucher(channel, cumulative);
        vm.prank(provider);
        splitter.closeChannel(channel, uint128(cumulative), signature);
    }

    function expectCloseRefused(address caller, uint256 cumulative, bytes memory signature, bytes memory refusal)
        private
    {
        vm.prank(caller);
        vm.expectRevert(refusal);
        splitter.closeChannel(channel, uint128(cumulative), signature);
    }

    // ----------------------------------------------------------------------------------------------------- Close

    function test_AClosePaysTheLastVoucherAndSendsTheRestBack() public {
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelSettled(idOf(channel), 0.6 ether + 1);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, payout, channel.deal.contentId, 0.54 ether + 1);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, provider, channel.deal.contentId, 0.06 ether);
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelClosed(idOf(channel), 0.6 ether + 1, 0.4 ether - 1);
        close(0.6 ether + 1);

        assertState(channel, DEPOSIT, 0.6 ether + 1, true);
        assertEq(viewer.balance, 0.4 ether - 1);
        assertEq(splitter.earned(ETHER, payout) + splitter.earned(ETHER, provider), 0.6 ether + 1);
        assertEq(address(splitter).balance, 0.6 ether + 1);
    }

    function test_AProviderMayCloseWithoutAVoucher() public {
        vm.prank(provider);
        splitter.closeChannel(channel, 0, "");
        assertState(channel, DEPOSIT, 0, true);
        assertEq(viewer.balance, DEPOSIT);
    }

    function test_AProviderMayCloseAtWhatIsSettledAlready() public {
        settleTo(channel, 0.3 ether);
        vm.prank(provider);
        splitter.closeChannel(channel, 0.3 ether, "not looked at");
        assertState(channel, DEPOSIT, 0.3 ether, true);
        assertEq(viewer.balance, 0.7 ether);
        assertEq(splitter.earned(ETHER, payout) + splitter.earned(ETHER, provider), 0.3 ether);
    }

    function test_AChannelThatWasUsedUpSendsNothingBack() public {
        vm.recordLogs();
        close(DEPOSIT);
        assertEq(vm.getRecordedLogs().length, 4, "settled, two credits, closed");
        assertEq(viewer.balance, 0);
    }

    function test_OnlyTheProviderCloses() public {
        address[3] memory others = [viewer, session, creator];
        bytes memory signature = voucher(channel, 1);
        for (uint256 i = 0; i < others.length; i++) {
            expectCloseRefused(
                others[i],
                1,
                signature,
                abi.encodeWithSelector(IVoucherChannels.NotProvider.selector, idOf(channel), others[i])
            );
        }
    }

    function test_AChannelThatNeverWasIsNotClosed() public {
        channel.salt++;
        bytes memory refusal = abi.encodeWithSelector(IVoucherChannels.ChannelNotFound.selector, idOf(channel));
        expectCloseRefused(provider, 0, "", refusal);
        expectCloseRefused(provider, 1, voucher(channel, 1), refusal);
    }

    function test_ACloseBelowWhatIsSettledIsRefused() public {
        settleTo(channel, 5);
        expectCloseRefused(
            provider,
            4,
            voucher(channel, 4),
            abi.encodeWithSelector(IVoucherChannels.NothingToSettle.selector, idOf(channel), 4, 5)
        );
    }

    function testFuzz_ACloseAboveTheDepositIsRefused(uint128 cumulative) public {
        cumulative = uint128(bound(cumulative, DEPOSIT + 1, type(uint128).max));
        expectCloseRefused(
            provider,
            cumulative,
            voucher(channel, cumulative),
            abi.encodeWithSelector(IVoucherChannels.CumulativeAboveDeposit.selector, idOf(channel), cumulative, DEPOSIT)
        );
    }

    function test_ACloseNeedsTheSignersVoucherOverExactlyThatSum() public {
        bytes memory refusal =
            abi.encodeWithSelector(IVoucherChannels.VoucherSignatureInvalid.selector, idOf(channel), session);
        expectCloseRefused(provider, 2, voucher(channel, 1), refusal);
        expectCloseRefused(provider, 2, voucherBy(viewerKey, channel, 2), refusal);
        expectCloseRefused(provider, 2, "", refusal);
    }

    // ---------------------------------------------------------------------------------------------------- Refund

    function test_ARefundSendsWhatIsNotSettledToThePayerWhoeverAsks() public {
        settleTo(channel, 0.25 ether);
        vm.warp(channel.expiry);
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelRefunded(idOf(channel), 0.75 ether);
        vm.prank(stranger);
        splitter.refund(channel);

        assertState(channel, DEPOSIT, 0.25 ether, true);
        assertEq(viewer.balance, 0.75 ether);
        assertEq(stranger.balance, 0);
    }

    function test_AChannelThatNeverWasIsNotRefunded() public {
        vm.warp(channel.expiry);
        channel.salt++;
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.ChannelNotFound.selector, idOf(channel)));
        splitter.refund(channel);
    }

    function test_AChannelThatWasUsedUpIsClosedByARefundOfNothing() public {
        settleTo(channel, DEPOSIT);
        vm.warp(channel.expiry);
        splitter.refund(channel);
        assertState(channel, DEPOSIT, DEPOSIT, true);
        assertEq(viewer.balance, 0);
    }

    // ---------------------------------------------------------------------------------------------------- Expiry

    function test_InTheLastSecondOnlyTheProvidersSideMayAct() public {
        vm.warp(channel.expiry - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IVoucherChannels.ChannelNotExpired.selector, idOf(channel), channel.expiry)
        );
        splitter.refund(channel);

        settleTo(channel, 1);
        assertState(channel, DEPOSIT, 1, false);
        splitter.topUp{ value: 1 }(channel, 1);
        close(2);
        assertState(channel, DEPOSIT + 1, 2, true);
    }

    function test_FromTheExpiryOnOnlyThePayersSideMayAct() public {
        for (uint256 late = 0; late < 2; late++) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(channel.expiry + late);
            bytes memory refusal =
                abi.encodeWithSelector(IVoucherChannels.ChannelHasExpired.selector, idOf(channel), channel.expiry);

            vm.expectEmit(address(splitter));
            emit IVoucherChannels.SettlementSkipped(idOf(channel), IVoucherChannels.ChannelHasExpired.selector);
            settleTo(channel, 1);
            assertState(channel, DEPOSIT, 0, false);
            expectCloseRefused(provider, 1, voucher(channel, 1), refusal);
            expectCloseRefused(provider, 0, "", refusal);
            vm.expectRevert(refusal);
            splitter.topUp{ value: 1 }(channel, 1);

            splitter.refund(channel);
            assertEq(viewer.balance, DEPOSIT);
            assertEq(splitter.earned(ETHER, provider), 0);
            vm.revertToState(snapshot);
        }
    }

    function testFuzz_AtNoTimeMayBothSidesAct(uint64 time) public {
        vm.warp(time);
        uint256 snapshot = vm.snapshotState();
        settleTo(channel, 1);
        bool settles = stateOf(channel).settled == 1;
        vm.revertToState(snapshot);

        vm.prank(provider);
        (bool closes,) = address(splitter).call(abi.encodeCall(splitter.closeChannel, (channel, 0, "")));
        vm.revertToState(snapshot);
        (bool toppedUp,) = address(splitter).call{ value: 1 }(abi.encodeCall(splitter.topUp, (channel, 1)));
        vm.revertToState(snapshot);
        (bool refunds,) = address(splitter).call(abi.encodeCall(splitter.refund, (channel)));

        assertEq(refunds, time >= channel.expiry);
        assertEq(settles, !refunds);
        assertEq(closes, !refunds);
        assertEq(toppedUp, !refunds);
    }

    // ---------------------------------------------------------------------------------------------------- Closed

    function test_AClosedChannelStaysClosed() public {
        close(0.5 ether);
        assertClosedForGood();
        vm.warp(channel.expiry);
        assertClosedForGood();
    }

    function test_AChannelThatWasClosedUnsettledStaysClosed() public {
        vm.prank(provider);
        splitter.closeChannel(channel, 0, "");
        assertClosedForGood();
        vm.warp(channel.expiry);
        assertClosedForGood();
    }

    function test_ARefundedChannelStaysClosed() public {
        vm.warp(channel.expiry);
        splitter.refund(channel);
        assertClosedForGood();
        // Not even a clock that goes back opens it.
        vm.warp(channel.expiry - 1);
        assertClosedForGood();
    }

    function assertClosedForGood() private {
        uint256 balance = address(splitter).balance;
        uint256 settled = stateOf(channel).settled;
        bytes memory isClosed = abi.encodeWithSelector(IVoucherChannels.ChannelIsClosed.selector, idOf(channel));

        if (block.timestamp < channel.expiry) {
            vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.ChannelAlreadyExists.selector, idOf(channel)));
        } else {
            vm.expectPartialRevert(IVoucherChannels.ChannelExpiryInvalid.selector);
        }
        splitter.openChannel{ value: 1 }(channel, 1);
        vm.expectRevert(isClosed);
        splitter.topUp{ value: 1 }(channel, 1);
        vm.expectRevert(isClosed);
        splitter.refund(channel);
        expectCloseRefused(provider, settled, "", isClosed);
        expectCloseRefused(provider, settled + 1, voucher(channel, settled + 1), isClosed);
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.SettlementSkipped(idOf(channel), IVoucherChannels.ChannelIsClosed.selector);
        settleTo(channel, settled + 1);

        assertState(channel, DEPOSIT, settled, true);
        assertEq(address(splitter).balance, balance);
    }
}
