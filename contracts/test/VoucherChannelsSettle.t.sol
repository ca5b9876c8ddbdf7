// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel, Settlement, SettlementBatch } from "../src/types/Channel.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";

/// @notice Settling many channels at once.
contract SettleTest is Fixture {
    uint256 private constant DEPOSIT = 1 ether;

    Terms private asked;
    Channel private channel;

    function setUp() public override {
        super.setUp();
        asked = terms(1000, 9000);
        channel = channelOf(offer(asked), asked);
        openWith(channel, DEPOSIT);
    }

    /// @dev One more open channel for the same deal.
    function another(uint64 salt) private returns (Channel memory other) {
        other = channel;
        other.salt = salt;
        openWith(other, DEPOSIT);
    }

    function earnings() private view returns (uint256) {
        return splitter.earned(ETHER, payout) + splitter.earned(ETHER, provider);
    }

    function expectSkipped(Channel memory skipped, bytes4 reason) private {
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.SettlementSkipped(idOf(skipped), reason);
    }

    function test_AnybodySettlesAndTheEarnersAreCredited() public {
        SettlementBatch[] memory batches = onlyBatch(channel, 0.5 ether + 1, voucher(channel, 0.5 ether + 1));
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelSettled(idOf(channel), 0.5 ether + 1);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, payout, channel.deal.contentId, 0.45 ether + 1);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, provider, channel.deal.contentId, 0.05 ether);
        vm.prank(stranger);
        splitter.settle(batches);

        assertState(channel, DEPOSIT, 0.5 ether + 1, false);
        assertEq(splitter.earned(ETHER, stranger), 0);
        assertEq(viewer.balance, 0);
    }

    function test_AWholeDepositCanBeSettled() public {
        settleTo(channel, DEPOSIT);
        assertEq(earnings(), DEPOSIT);
    }

    function test_NothingToSettleDoesNothing() public {
        vm.recordLogs();
        splitter.settle(new SettlementBatch[](0));
        SettlementBatch[] memory batches = new SettlementBatch[](2);
        batches[0].deal = channel.deal;
        splitter.settle(batches);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_EveryBadRowIsLeftOutWithItsReasonAndTheRestGoesThrough() public {
        Channel memory unknown = channel;
        unknown.salt = 100;
        Channel memory closed = another(2);
        vm.prank(provider);
        splitter.closeChannel(closed, 0, "");
        Channel memory expired = channel;
        expired.salt = 3;
        expired.expiry = uint64(block.timestamp + 1);
        openWith(expired, DEPOSIT);
        vm.warp(expired.expiry);
        Channel memory settled = another(4);
        settleTo(settled, 5);
        Channel memory exceeded = another(5);
        Channel memory forged = another(6);
        Channel memory last = another(7);
        uint256 before = earnings();

        SettlementBatch[] memory batches = new SettlementBatch[](1);
        batches[0].deal = channel.deal;
        Settlement[] memory rows = new Settlement[](9);
        rows[0] = settlementOf(channel, 10, voucher(channel, 10));
        rows[1] = settlementOf(unknown, 10, voucher(unknown, 10));
        rows[2] = settlementOf(closed, 10, voucher(closed, 10));
        rows[3] = settlementOf(expired, 10, voucher(expired, 10));
        rows[4] = settlementOf(settled, 5, voucher(settled, 5));
        rows[5] = settlementOf(settled, 0, voucher(settled, 0));
        rows[6] = settlementOf(exceeded, DEPOSIT + 1, voucher(exceeded, DEPOSIT + 1));
        rows[7] = settlementOf(forged, 10, voucherBy(strangerKey, forged, 10));
        rows[8] = settlementOf(last, 10, voucher(last, 10));
        batches[0].settlements = rows;

        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelSettled(idOf(channel), 10);
        expectSkipped(unknown, IVoucherChannels.ChannelNotFound.selector);
        expectSkipped(closed, IVoucherChannels.ChannelIsClosed.selector);
        expectSkipped(expired, IVoucherChannels.ChannelHasExpired.selector);
        expectSkipped(settled, IVoucherChannels.NothingToSettle.selector);
        expectSkipped(settled, IVoucherChannels.NothingToSettle.selector);
        expectSkipped(exceeded, IVoucherChannels.CumulativeAboveDeposit.selector);
        expectSkipped(forged, IVoucherChannels.VoucherSignatureInvalid.selector);
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelSettled(idOf(last), 10);
        splitter.settle(batches);

        assertEq(earnings(), before + 20);
        assertState(settled, DEPOSIT, 5, false);
        assertState(exceeded, DEPOSIT, 0, false);
        assertState(forged, DEPOSIT, 0, false);
    }

    function test_OneChannelMayStandInABatchSeveralTimes() public {
        SettlementBatch[] memory batches = onlyBatch(channel, 1, "");
        Settlement[] memory rows = new Settlement[](4);
        rows[0] = settlementOf(channel, 101, voucher(channel, 101));
        rows[1] = settlementOf(channel, 303, voucher(channel, 303));
        rows[2] = settlementOf(channel, 303, voucher(channel, 303));
        rows[3] = settlementOf(channel, 202, voucher(channel, 202));
        batches[0].settlements = rows;

        splitter.settle(batches);

        assertState(channel, DEPOSIT, 303, false);
        assertEq(splitter.earned(ETHER, payout), 273, "303 * 0.9, rounded up once");
        assertEq(splitter.earned(ETHER, provider), 30);
    }

    function test_SeveralDealsAreEachCreditedInTheirToken() public {
        Terms memory inUsd = termsIn(address(usd), 0, 2500);
        inUsd.payout = stranger;
        vm.prank(creator);
        bytes32 contentId = registry.registerContent("another", "", "", inUsd);
        registerStream(contentId, provider);
        Channel memory other = channelOf(contentId, inUsd);
        openWith(other, 1000);

        SettlementBatch[] memory batches = new SettlementBatch[](3);
        batches[0] = onlyBatch(channel, 10, voucher(channel, 10))[0];
        batches[1] = onlyBatch(other, 1000, voucher(other, 1000))[0];
        // The deal of one and the channel of another are no channel.
        batches[2] = onlyBatch(other, 1000, voucher(other, 1000))[0];
        batches[2].deal = channel.deal;
        splitter.settle(batches);

        assertEq(splitter.earned(ETHER, payout), 9);
        assertEq(splitter.earned(ETHER, provider), 1);
        assertEq(splitter.earned(address(usd), stranger), 250);
        assertEq(splitter.earned(address(usd), provider), 750);
        assertEq(splitter.earned(ETHER, stranger), 0);
    }

    /// @dev Any row of steps, settled one by one, in a batch or by the last alone, and then closed.
    function testFuzz_ManySettlementsPayWhatOnePays(uint64[4] calldata steps, uint16 bps, uint8 how) public {
        asked.creatorShareBps = uint16(bound(bps, 0, 10_000));
        vm.prank(creator);
        registry.updateTerms(channel.deal.contentId, asked);
        channel.deal.creatorShareBps = asked.creatorShareBps;
        channel.salt++;
        uint256 cumulative = 0;
        SettlementBatch[] memory batches = onlyBatch(channel, 0, "");
        batches[0].settlements = new Settlement[](4);
        bytes[] memory vouchers = new bytes[](4);
        for (uint256 i = 0; i < 4; i++) {
            cumulative += steps[i];
            vouchers[i] = voucher(channel, cumulative);
            batches[0].settlements[i] = settlementOf(channel, cumulative, vouchers[i]);
        }
        vm.assume(cumulative != 0);
        openWith(channel, cumulative);
        uint256 viewerBefore = viewer.balance;

        if (how % 3 == 0) {
            splitter.settle(batches);
        } else if (how % 3 == 1) {
            for (uint256 i = 0; i < 4; i++) {
                splitter.settle(onlyBatch(channel, batches[0].settlements[i].cumulative, vouchers[i]));
            }
        } else {
            splitter.settle(onlyBatch(channel, batches[0].settlements[1].cumulative, vouchers[1]));
            vm.prank(provider);
            splitter.closeChannel(channel, uint128(cumulative), vouchers[3]);
        }

        uint256 creatorAmount = (cumulative * asked.creatorShareBps + 9999) / 10_000;
        assertEq(splitter.earned(ETHER, payout), creatorAmount);
        assertEq(splitter.earned(ETHER, provider), cumulative - creatorAmount);
        assertEq(viewer.balance, viewerBefore);
    }

    /// @dev Rows of a channel each, some of them bad, settled together or one by one.
    function testFuzz_ABatchPaysWhatItsRowsPayAlone(uint128[5] calldata sums, uint8 forged) public {
        SettlementBatch[] memory batches = onlyBatch(channel, 0, "");
        batches[0].settlements = new Settlement[](5);
        uint256 expectedCreator = 0;
        uint256 expected = 0;
        for (uint64 i = 0; i < 5; i++) {
            Channel memory other = another(i + 10);
            uint256 sum = i == 4 ? sums[i] : bound(sums[i], 0, DEPOSIT);
            bool good = sum != 0 && sum <= DEPOSIT && (forged >> i) & 1 == 0;
            batches[0].settlements[i] =
                settlementOf(other, sum, voucherBy((forged >> i) & 1 == 0 ? sessionKey : strangerKey, other, sum));
            if (good) expected += sum;
            if (good) expectedCreator += (sum * 9000 + 9999) / 10_000;
        }
        uint256 snapshot = vm.snapshotState();
        splitter.settle(batches);
        assertEq(splitter.earned(ETHER, payout), expectedCreator);
        assertEq(splitter.earned(ETHER, provider), expected - expectedCreator);

        vm.revertToState(snapshot);
        Settlement[] memory rows = batches[0].settlements;
        batches[0].settlements = new Settlement[](1);
        for (uint256 i = 0; i < 5; i++) {
            batches[0].settlements[0] = rows[i];
            splitter.settle(batches);
        }
        assertEq(splitter.earned(ETHER, payout), expectedCreator);
        assertEq(splitter.earned(ETHER, provider), expected - expectedCreator);
    }
}
