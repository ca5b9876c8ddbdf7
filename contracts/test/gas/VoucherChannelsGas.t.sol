// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Channel, Deal, Settlement, SettlementBatch, Voucher } from "../../src/types/Channel.sol";
import { Authorization, Permit } from "../../src/types/Payment.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { GasFixture } from "./GasFixture.sol";

/// @notice Payments by the second. Each channel has a payer and a session key of its own.
contract VoucherChannelsGasTest is GasFixture {
    uint256 private constant ETHER_DEPOSIT = 0.002_12 ether;
    uint256 private constant USD_DEPOSIT = 2_345_678;
    uint128 private constant ETHER_SPENT = 0.001_234_567_890_123_456 ether;
    uint128 private constant USD_SPENT = 1_234_567;

    Deal private etherDeal;
    Deal private usdDeal;

    function setUp() public override {
        super.setUp();
        etherDeal = dealOf("bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", etherTerms());
        usdDeal = dealOf(CID, usdTerms());
        vm.prank(viewer);
        usd.approve(address(splitter), 100_000_000);
    }

    // ------------------------------------------------------------------------------------------------- Opening

    function test_Ether() public {
        Channel memory channel = channelOf(etherDeal, viewer, 0);
        vm.prank(viewer);
        splitter.openChannel{ value: ETHER_DEPOSIT }(channel, ETHER_DEPOSIT);
        snapshot("open_ether");
        vm.prank(viewer);
        splitter.topUp{ value: ETHER_DEPOSIT }(channel, ETHER_DEPOSIT);
        snapshot("topUp_ether");
    }

    function test_Token() public {
        Channel memory channel = channelOf(usdDeal, viewer, 0);
        vm.prank(viewer);
        splitter.openChannel(channel, USD_DEPOSIT);
        snapshot("open_token");
        vm.prank(viewer);
        splitter.topUp(channel, USD_DEPOSIT);
        snapshot("topUp_token");
    }

    function test_TokenWithPermit() public {
        vm.prank(viewer);
        usd.approve(address(splitter), 0);
        Channel memory channel = channelOf(usdDeal, viewer, 0);
        Permit memory permit = permitted(address(splitter), USD_DEPOSIT);
        vm.prank(viewer);
        splitter.openChannelWithPermit(channel, USD_DEPOSIT, permit);
        snapshot("open_token_permit");

        permit = permitted(address(splitter), USD_DEPOSIT);
        vm.prank(viewer);
        splitter.topUpWithPermit(channel, USD_DEPOSIT, permit);
        snapshot("topUp_token_permit");
    }

    function test_TokenWithAuthorization() public {
        Channel memory channel = channelOf(usdDeal, viewer, 0);
        bytes32 channelId = splitter.channelIdOf(channel);
        Authorization memory authorization = authorized(USD_DEPOSIT, channelId);
        vm.prank(relayer);
        splitter.openChannelWithAuthorization(channel, USD_DEPOSIT, authorization);
        snapshot("open_token_authorization");

        bytes32 salt = keccak256("top-up");
        authorization = authorized(USD_DEPOSIT, splitter.topUpAuthorizationNonce(channelId, salt));
        vm.prank(relayer);
        splitter.topUpWithAuthorization(channel, USD_DEPOSIT, salt, authorization);
        snapshot("topUp_token_authorization");
    }

    // ------------------------------------------------------------------------------------------------- Settling

    function test_Settle1() public {
        earnBefore(etherDeal);
        settle(batchOf(etherDeal, 1), "settle_1");
    }

    function test_Settle1First() public {
        settle(batchOf(etherDeal, 1), "settle_1_first");
    }

    function test_Settle1Token() public {
        earnBefore(usdDeal);
        settle(batchOf(usdDeal, 1), "settle_1_token");
    }

    function test_Settle1TokenFirst() public {
        settle(batchOf(usdDeal, 1), "settle_1_token_first");
    }

    function test_Settle10() public {
        earnBefore(etherDeal);
        settle(batchOf(etherDeal, 10), "settle_10");
    }

    function test_Settle10First() public {
        settle(batchOf(etherDeal, 10), "settle_10_first");
    }

    function test_Settle10Token() public {
        earnBefore(usdDeal);
        settle(batchOf(usdDeal, 10), "settle_10_token");
    }

    function test_Settle50() public {
        earnBefore(etherDeal);
        settle(batchOf(etherDeal, 50), "settle_50");
    }

    function test_Settle50Token() public {
        earnBefore(usdDeal);
        settle(batchOf(usdDeal, 50), "settle_50_token");
    }

    /// @dev Ten contents with a payout each, all from one provider.
    function test_Settle10Deals() public {
        SettlementBatch[] memory batches = new SettlementBatch[](10);
        for (uint256 i = 0; i < 10; i++) {
            Terms memory terms = etherTerms();
            terms.payout = makeAddr(string.concat("payout ", vm.toString(i)));
            Deal memory deal = dealOf(
                string.concat("bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbz", vm.toString(i)), terms
            );
            earnBefore(deal);
            batches[i] = batchOf(deal, 1)[0];
        }
        settle(batches, "settle_10_deals");
    }

    // -------------------------------------------------------------------------------------------------- Closing

    function test_Close() public {
        earnBefore(etherDeal);
        close(etherDeal, "close");
    }

    function test_CloseToken() public {
        earnBefore(usdDeal);
        close(usdDeal, "close_token");
    }

    function test_CloseWithNothingToSettle() public {
        Channel memory channel = opened(etherDeal, 0);
        vm.prank(provider);
        splitter.closeChannel(channel, 0, "");
        snapshot("close_unused");
    }

    function test_Refund() public {
        refund(etherDeal, "refund");
    }

    function test_RefundToken() public {
        refund(usdDeal, "refund_token");
    }

    function close(Deal memory deal, string memory key) private {
        Channel memory channel = opened(deal, 0);
        uint128 cumulative = spent(deal);
        bytes memory signature = voucherSignature(channel, 0, cumulative);
        vm.prank(provider);
        splitter.closeChannel(channel, cumulative, signature);
        snapshot(key);
    }

    /// @dev A part of the deposit was settled before.
    function refund(Deal memory deal, string memory key) private {
        SettlementBatch[] memory batches = batchOf(deal, 1);
        splitter.settle(batches);
        Settlement memory settlement = batches[0].settlements[0];
        Channel memory channel = Channel(deal, settlement.payer, settlement.signer, settlement.expiry, settlement.salt);
        vm.warp(channel.expiry);
        vm.prank(settlement.payer);
        splitter.refund(channel);
        snapshot(key);
    }

    function settle(SettlementBatch[] memory batches, string memory key) private {
        vm.prank(provider);
        splitter.settle(batches);
        snapshot(key);
    }

    // ------------------------------------------------------------------------------------------------ Channels

    function dealOf(string memory cid, Terms memory terms) private returns (Deal memory) {
        bytes32 contentId = offer(cid, terms);
        return Deal(contentId, provider, terms.payout, terms.token, terms.creatorShareBps, terms.pricePerSecond);
    }

    function channelOf(Deal memory deal, address payer, uint256 index) private returns (Channel memory) {
        (address signer,) = session(index);
        // casting to 'uint64' is safe because a salt may be any number
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 salt = uint64(uint256(keccak256(abi.encode(deal.contentId, index))));
        return Channel(deal, payer, signer, uint64(NOW + 6 hours), salt);
    }

    function session(uint256 index) private returns (address signer, uint256 key) {
        return makeAddrAndKey(string.concat("session ", vm.toString(index)));
    }

    function opened(Deal memory deal, uint256 index) private returns (Channel memory channel) {
        address payer = makeAddr(string.concat("payer ", vm.toString(index)));
        settleIn(payer);
        channel = channelOf(deal, payer, index);
        if (deal.token != ETHER) {
            vm.prank(payer);
            usd.approve(address(splitter), USD_DEPOSIT);
        }
        uint256 value = deal.token == ETHER ? ETHER_DEPOSIT : 0;
        vm.prank(payer);
        splitter.openChannel{ value: value }(channel, deal.token == ETHER ? ETHER_DEPOSIT : USD_DEPOSIT);
    }

    function spent(Deal memory deal) private pure returns (uint128) {
        return deal.token == ETHER ? ETHER_SPENT : USD_SPENT;
    }

    /// @dev As many open channels, each with its first voucher.
    function batchOf(Deal memory deal, uint256 count) private returns (SettlementBatch[] memory batches) {
        Settlement[] memory settlements = new Settlement[](count);
        for (uint256 i = 0; i < count; i++) {
            settlements[i] = settlementOf(opened(deal, i), i, spent(deal));
        }
        batches = new SettlementBatch[](1);
        batches[0] = SettlementBatch(deal, settlements);
    }

    function settlementOf(Channel memory channel, uint256 index, uint128 cumulative)
        private
        returns (Settlement memory)
    {
        bytes memory signature = voucherSignature(channel, index, cumulative);
        return Settlement(channel.payer, channel.signer, channel.expiry, channel.salt, cumulative, signature);
    }

    function voucherSignature(Channel memory channel, uint256 index, uint128 cumulative)
        private
        returns (bytes memory)
    {
        (, uint256 key) = session(index);
        return signed(key, splitter.voucherDigest(Voucher(splitter.channelIdOf(channel), cumulative)));
    }

    /// @dev The deal's creator and provider have unclaimed earnings in its token.
    function earnBefore(Deal memory deal) private {
        Channel memory channel = opened(deal, 1000);
        Settlement[] memory settlements = new Settlement[](1);
        settlements[0] = settlementOf(channel, 1000, 1000);
        SettlementBatch[] memory batches = new SettlementBatch[](1);
        batches[0] = SettlementBatch(deal, settlements);
        splitter.settle(batches);
    }

    function snapshot(string memory key) private {
        vm.snapshotGasLastCall("EarningsSplitter", key);
    }
}
