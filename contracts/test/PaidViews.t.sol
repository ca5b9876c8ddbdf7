// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IPaidViews } from "../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { SplitMath } from "../src/libraries/SplitMath.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";

contract RecordViewTest is Fixture {
    uint96 private constant PRICE = 0.001 ether + 1;

    function test_APaymentIsDividedAndCredited() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        uint256 creatorAmount = 0.0009 ether + 1;
        uint256 providerAmount = 0.0001 ether;
        hoax(stranger, PRICE);

        vm.expectEmit(address(splitter));
        emit IPaidViews.ViewRecorded(contentId, provider, viewer, ETHER, PRICE, creatorAmount, providerAmount, payout);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, payout, contentId, creatorAmount);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(ETHER, provider, contentId, providerAmount);
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);

        assertEq(splitter.earned(ETHER, payout), creatorAmount);
        assertEq(splitter.earned(ETHER, provider), providerAmount);
        assertEq(address(splitter).balance, PRICE);
    }

    function testFuzz_NothingIsLostOrMadeByTheSplit(uint96 price, uint16 bps, uint8 views) public {
        bps = uint16(bound(bps, 0, 10_000));
        views = uint8(bound(views, 1, 5));
        bytes32 contentId = offer(terms(price, bps));
        vm.deal(address(this), uint256(price) * views);

        for (uint256 i = 0; i < views; i++) {
            splitter.recordView{ value: price }(contentId, provider, viewer, price);
        }

        uint256 creatorAmount = SplitMath.creatorShareRoundedUp(price, bps);
        assertEq(splitter.earned(ETHER, payout), creatorAmount * views);
        assertEq(splitter.earned(ETHER, provider), (price - creatorAmount) * views);
        assertEq(splitter.earned(ETHER, payout) + splitter.earned(ETHER, provider), address(splitter).balance);
    }

    function test_ProviderAndPayoutMayBeTheSame() public {
        Terms memory asked = terms(PRICE, 3333);
        asked.payout = provider;
        bytes32 contentId = offer(asked);

        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);

        assertEq(splitter.earned(ETHER, provider), PRICE);
    }

    function test_AFreeViewIsRecordedAndCreditsNobody() public {
        bytes32 contentId = offer(terms(0, 9000));
        vm.recordLogs();
        splitter.recordView(contentId, provider, viewer, 0);

        assertEq(vm.getRecordedLogs().length, 1, "ViewRecorded alone");
        assertEq(splitter.earned(ETHER, payout), 0);
        assertEq(splitter.earned(ETHER, provider), 0);
    }

    function test_APartOfZeroIsNotCredited() public {
        bytes32 contentId = offer(terms(PRICE, 10_000));
        vm.recordLogs();
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);

        assertEq(vm.getRecordedLogs().length, 2, "ViewRecorded and the creator's credit");
        assertEq(splitter.earned(ETHER, payout), PRICE);
    }

    function test_AContentThatWasNeverRegisteredIsNotFound() public {
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        splitter.recordView(UNKNOWN, provider, viewer, 0);
    }

    function test_ADeregisteredContentCannotBePaidFor() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        vm.prank(creator);
        registry.deregisterContent(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);
    }

    function test_TermsInATokenCannotBePaidInEther() public {
        Terms memory asked = terms(PRICE, 9000);
        asked.token = makeAddr("token");
        bytes32 contentId = offer(asked);
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.TokenDiffers.selector, asked.token, ETHER));
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);
    }

    function test_AProviderWithoutAStreamCannotBePaid() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, stranger));
        splitter.recordView{ value: PRICE }(contentId, stranger, viewer, PRICE);

        vm.prank(provider);
        registry.deregisterStream(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, provider));
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);
    }

    function test_APriceRaisedInFlightIsRefused() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        vm.prank(creator);
        registry.updateTerms(contentId, terms(PRICE + 1, 9000));
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, PRICE + 1, PRICE));
        splitter.recordView{ value: PRICE + 1 }(contentId, provider, viewer, PRICE);
    }

    function testFuzz_OnlyExactlyThePriceIsAccepted(uint96 price, uint96 sent) public {
        vm.assume(sent != price);
        bytes32 contentId = offer(terms(price, 9000));
        vm.deal(address(this), sent);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, sent, price));
        splitter.recordView{ value: sent }(contentId, provider, viewer, type(uint256).max);
    }

    function test_AViewAlreadyPaidIsNotTouchedByNewTerms() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        splitter.recordView{ value: PRICE }(contentId, provider, viewer, PRICE);
        uint256 before = splitter.earned(ETHER, payout);

        Terms memory asked = terms(1, 0);
        asked.payout = stranger;
        vm.prank(creator);
        registry.updateTerms(contentId, asked);

        assertEq(splitter.earned(ETHER, payout), before);
        assertEq(splitter.earned(ETHER, stranger), 0);
    }
}
