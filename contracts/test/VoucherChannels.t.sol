// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel, Voucher } from "../src/types/Channel.sol";
import { MAX_DEPOSIT } from "../src/types/ChannelSlot.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";

/// @notice Opening and topping up; what comes of it is in the other files of this name.
contract OpenChannelTest is Fixture {
    uint256 private constant DEPOSIT = 1 ether;

    Terms private asked;
    Channel private channel;

    function setUp() public override {
        super.setUp();
        asked = terms(1000, 9000);
        channel = channelOf(offer(asked), asked);
        vm.deal(address(this), 10 ether);
    }

    function expectRefusal(bytes memory refusal) private {
        vm.expectRevert(refusal);
        splitter.openChannel{ value: DEPOSIT }(channel, DEPOSIT);
        assertState(channel, 0, 0, false);
        assertEq(address(splitter).balance, 0);
    }

    function test_AnOpenChannelHoldsItsDeposit() public {
        vm.deal(viewer, DEPOSIT);
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelOpened(idOf(channel), viewer, provider, channel, DEPOSIT);
        vm.prank(viewer);
        assertEq(splitter.openChannel{ value: DEPOSIT }(channel, DEPOSIT), idOf(channel));

        assertState(channel, DEPOSIT, 0, false);
        assertEq(address(splitter).balance, DEPOSIT);
        assertEq(splitter.earned(ETHER, viewer), 0);
    }

    function test_AnybodyMayOpenAChannelForAPayer() public {
        splitter.openChannel{ value: DEPOSIT }(channel, DEPOSIT);
        vm.warp(channel.expiry);
        splitter.refund(channel);
        assertEq(viewer.balance, DEPOSIT, "the rest is the payer's, whoever paid it in");
    }

    function testFuzz_AnIdIsTheHashOfChainContractAndChannel(Channel calldata any) public view {
        assertEq(splitter.channelIdOf(any), keccak256(abi.encode(block.chainid, address(splitter), any)));
    }

    function test_EveryFieldMakesAnotherId() public view {
        Channel memory other = channel;
        other.salt++;
        assertNotEq(splitter.channelIdOf(other), splitter.channelIdOf(channel));
        other = channel;
        other.deal.pricePerSecond++;
        assertNotEq(splitter.channelIdOf(other), splitter.channelIdOf(channel));
    }

    function testFuzz_AVoucherIsTypedDataOfChainAndContract(bytes32 id, uint128 cumulative, uint64 chainId) public {
        vm.chainId(chainId);
        assertEq(
            splitter.voucherDigest(Voucher(id, cumulative)),
            typedDigest(domainOf(chainId, address(splitter)), voucherHash(id, cumulative))
        );
    }

    function testFuzz_TheNonceOfATopUpIsTheHashOfItsStruct(bytes32 id, bytes32 salt) public view {
        bytes32 typeHash = keccak256("TopUpAuthorization(bytes32 channelId,bytes32 salt)");
        assertEq(splitter.topUpAuthorizationNonce(id, salt), keccak256(abi.encode(typeHash, id, salt)));
    }

    // ---------------------------------------------------------------------------------------------- The content

    function test_AContentThatWasNeverRegisteredIsNotFound() public {
        channel.deal.contentId = UNKNOWN;
        expectRefusal(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
    }

    function test_ADeregisteredContentTakesNoChannel() public {
        vm.prank(creator);
        registry.deregisterContent(channel.deal.contentId);
        expectRefusal(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, channel.deal.contentId));
    }

    function test_AProviderWithoutAStreamTakesNoChannel() public {
        channel.deal.provider = stranger;
        expectRefusal(
            abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, channel.deal.contentId, stranger)
        );
    }

    function test_AContentThatIsNotSoldBySecondTakesNoChannel() public {
        asked.pricePerSecond = 0;
        vm.prank(creator);
        registry.updateTerms(channel.deal.contentId, asked);
        bytes memory refusal = abi.encodeWithSelector(IVoucherChannels.NotSoldBySecond.selector, channel.deal.contentId);
        expectRefusal(refusal);
        channel.deal.pricePerSecond = 0;
        expectRefusal(refusal);
    }

    function test_AChannelMustCarryTheTermsOfItsContent() public {
        Channel memory right = channel;
        bytes memory refusal =
            abi.encodeWithSelector(IVoucherChannels.ChannelTermsDiffer.selector, channel.deal.contentId);
        channel.deal.token = address(usd);
        expectRefusal(refusal);
        channel = right;
        channel.deal.payout = stranger;
        expectRefusal(refusal);
        channel = right;
        channel.deal.creatorShareBps = 8999;
        expectRefusal(refusal);
        channel = right;
        channel.deal.pricePerSecond++;
        expectRefusal(refusal);
    }

    // ---------------------------------------------------------------------------------------------- The channel

    function test_AChannelNeedsAPayerAndASigner() public {
        bytes memory refusal = abi.encodeWithSelector(IVoucherChannels.ChannelPartyIsZero.selector);
        channel.payer = address(0);
        expectRefusal(refusal);
        channel.payer = viewer;
        channel.signer = address(0);
        expectRefusal(refusal);
    }

    function test_AnExpiryIsInTheFutureAndAtMostAYearAway() public {
        vm.warp(1_700_000_000);
        uint256 latest = block.timestamp + 365 days;
        uint64[3] memory refused = [uint64(block.timestamp), uint64(latest + 1), type(uint64).max];
        for (uint256 i = 0; i < refused.length; i++) {
            channel.expiry = refused[i];
            expectRefusal(
                abi.encodeWithSelector(IVoucherChannels.ChannelExpiryInvalid.selector, channel.expiry, latest)
            );
        }
        channel.expiry = uint64(latest);
        splitter.openChannel{ value: 1 }(channel, 1);
        channel.expiry = uint64(block.timestamp + 1);
        splitter.openChannel{ value: 1 }(channel, 1);
    }

    function test_ADepositIsNeitherZeroNorMoreThanAChannelHolds() public {
        uint256[3] memory refused = [0, MAX_DEPOSIT + 1, type(uint256).max];
        for (uint256 i = 0; i < refused.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, refused[i], MAX_DEPOSIT));
            splitter.openChannel(channel, refused[i]);
        }
        openWith(channel, MAX_DEPOSIT);
        assertState(channel, MAX_DEPOSIT, 0, false);
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, 1, 0));
        splitter.topUp{ value: 1 }(channel, 1);
    }

    function test_AChannelIsOpenedOnce() public {
        openWith(channel, DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.ChannelAlreadyExists.selector, idOf(channel)));
        splitter.openChannel{ value: DEPOSIT }(channel, DEPOSIT);
    }

    function test_AnotherSaltMakesAnotherChannel() public {
        openWith(channel, DEPOSIT);
        channel.salt++;
        openWith(channel, DEPOSIT);
        assertEq(address(splitter).balance, 2 * DEPOSIT);
    }

    function testFuzz_OnlyExactlyTheDepositIsAccepted(uint120 deposit, uint120 sent) public {
        vm.assume(deposit != 0 && sent != deposit);
        vm.deal(address(this), sent);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, sent, deposit));
        splitter.openChannel{ value: sent }(channel, deposit);
        assertState(channel, 0, 0, false);
    }

    // ---------------------------------------------------------------------------------------------------- Top-up

    function test_ATopUpRaisesTheDepositAndNothingElse() public {
        openWith(channel, DEPOSIT);
        settleTo(channel, 0.4 ether);

        vm.expectEmit(address(splitter));
        emit IVoucherChannels.ChannelToppedUp(idOf(channel), 1, DEPOSIT + 1);
        vm.prank(stranger);
        vm.deal(stranger, 1);
        splitter.topUp{ value: 1 }(channel, 1);

        assertState(channel, DEPOSIT + 1, 0.4 ether, false);
        settleTo(channel, DEPOSIT + 1);
        assertState(channel, DEPOSIT + 1, DEPOSIT + 1, false);
    }

    function test_AChannelThatNeverWasIsNotToppedUp() public {
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.ChannelNotFound.selector, idOf(channel)));
        splitter.topUp{ value: 1 }(channel, 1);
    }

    function test_ATopUpOfNothingIsRefused() public {
        openWith(channel, DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, 0, MAX_DEPOSIT - DEPOSIT));
        splitter.topUp(channel, 0);
    }

    function testFuzz_ATopUpThatDoesNotFitIsRefused(uint256 amount) public {
        openWith(channel, DEPOSIT);
        amount = bound(amount, MAX_DEPOSIT - DEPOSIT + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, amount, MAX_DEPOSIT - DEPOSIT));
        splitter.topUp(channel, amount);
        vm.deal(address(this), MAX_DEPOSIT);
        splitter.topUp{ value: MAX_DEPOSIT - DEPOSIT }(channel, MAX_DEPOSIT - DEPOSIT);
        assertState(channel, MAX_DEPOSIT, 0, false);
    }

    function testFuzz_OnlyExactlyTheAmountTopsUp(uint96 amount, uint96 sent) public {
        vm.assume(amount != 0 && sent != amount);
        openWith(channel, DEPOSIT);
        vm.deal(address(this), sent);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, sent, amount));
        splitter.topUp{ value: sent }(channel, amount);
        assertState(channel, DEPOSIT, 0, false);
    }
}

/// @notice Shares at their ends, parties that are one, and terms that change afterwards.
contract ChannelTermsTest is Fixture {
    function testFuzz_OfEverySumTheCreatorsPartIsRoundedUp(uint120 deposit, uint120 cumulative, uint16 bps) public {
        deposit = uint120(bound(deposit, 1, type(uint120).max));
        cumulative = uint120(bound(cumulative, 1, deposit));
        bps = uint16(bound(bps, 0, 10_000));
        Terms memory asked = terms(0, bps);
        Channel memory channel = channelOf(offer(asked), asked);
        openWith(channel, deposit);

        settleTo(channel, cumulative);

        uint256 creatorAmount = (uint256(cumulative) * bps + 9999) / 10_000;
        assertEq(splitter.earned(ETHER, payout), creatorAmount);
        assertEq(splitter.earned(ETHER, provider), cumulative - creatorAmount);
    }

    function test_ASmallestUnitIsTheCreatorsUnlessTheShareIsZero() public {
        uint16[3] memory shares = [uint16(0), 1, 10_000];
        for (uint256 i = 0; i < shares.length; i++) {
            uint256 snapshot = vm.snapshotState();
            Terms memory asked = terms(0, shares[i]);
            Channel memory channel = channelOf(offer(asked), asked);
            openWith(channel, 1);
            settleTo(channel, 1);
            assertEq(splitter.earned(ETHER, payout), shares[i] == 0 ? 0 : 1);
            assertEq(splitter.earned(ETHER, provider), shares[i] == 0 ? 1 : 0);
            vm.revertToState(snapshot);
        }
    }

    function test_CreatorProviderPayoutPayerAndSignerMayBeOneAccount() public {
        Terms memory asked = terms(0, 3333);
        asked.payout = viewer;
        vm.prank(viewer);
        bytes32 contentId = registry.registerContent(CID, "", "", asked);
        registerStream(contentId, viewer);
        Channel memory channel = channelOf(contentId, asked);
        channel.deal.provider = viewer;
        channel.signer = viewer;
        openWith(channel, 1 ether);

        bytes memory signature = voucherBy(viewerKey, channel, 0.7 ether);
        vm.prank(viewer);
        splitter.closeChannel(channel, 0.7 ether, signature);

        assertEq(splitter.earned(ETHER, viewer), 0.7 ether);
        assertEq(viewer.balance, 0.3 ether);
        splitter.claimFor(ETHER, viewer);
        assertEq(viewer.balance, 1 ether);
    }

    function testFuzz_NewTermsNeverTouchAnOpenChannel(address token, uint16 bps, uint96 price, uint8 withdrawn) public {
        Terms memory asked = terms(1000, 9000);
        Channel memory channel = channelOf(offer(asked), asked);
        openWith(channel, 1 ether);
        settleTo(channel, 0.1 ether);

        Terms memory changed = termsIn(token, 1, uint16(bound(bps, 0, 10_000)));
        changed.payout = stranger;
        changed.pricePerSecond = price;
        vm.prank(creator);
        registry.updateTerms(channel.deal.contentId, changed);
        if (withdrawn & 1 != 0) {
            vm.prank(provider);
            registry.deregisterStream(channel.deal.contentId);
        }
        if (withdrawn & 2 != 0) {
            vm.prank(creator);
            registry.deregisterContent(channel.deal.contentId);
        }

        settleTo(channel, 0.2 ether);
        vm.deal(address(this), 1 ether);
        splitter.topUp{ value: 1 ether }(channel, 1 ether);
        bytes memory signature = voucher(channel, 2 ether - 3);
        vm.prank(provider);
        splitter.closeChannel(channel, 2 ether - 3, signature);

        assertEq(splitter.earned(ETHER, payout), 1.8 ether - 2);
        assertEq(splitter.earned(ETHER, provider), 0.2 ether - 1);
        assertEq(splitter.earned(ETHER, stranger), 0);
        assertEq(viewer.balance, 3);
    }
}
