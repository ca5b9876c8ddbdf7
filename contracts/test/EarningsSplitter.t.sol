// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IEarningsSplitter } from "../src/interfaces/IEarningsSplitter.sol";
import { IPaidViews } from "../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { IStreamRegistry } from "../src/interfaces/IStreamRegistry.sol";
import { SplitMath } from "../src/libraries/SplitMath.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { ReenteringPayee } from "./payees/ReenteringPayee.sol";
import { RefusingPayee } from "./payees/RefusingPayee.sol";

contract SplitterDeploymentTest is Fixture {
    function test_TheRegistryIsFixed() public view {
        assertEq(address(splitter.registry()), address(registry));
    }

    function test_ARegistryWithoutCodeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IEarningsSplitter.RegistryHasNoCode.selector, stranger));
        new EarningsSplitter(IStreamRegistry(stranger));
    }

    function test_EtherSentWithoutAPaymentIsRefused() public {
        (bool sent,) = address(splitter).call{ value: 1 }("");
        assertFalse(sent);
    }
}

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

contract ClaimTest is Fixture {
    uint96 private constant PRICE = 1 ether;

    /// @dev The provider's share is 0.1 ether, the creator's 0.9.
    function earn(address payout_, address provider_) private {
        Terms memory asked = terms(PRICE, 9000);
        asked.payout = payout_;
        bytes32 contentId = registerContent(asked);
        registerStream(contentId, provider_);
        splitter.recordView{ value: PRICE }(contentId, provider_, viewer, PRICE);
    }

    function test_AClaimSendsAllThatTheCallerEarnedWhereItWants() public {
        earn(payout, provider);

        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsClaimed(ETHER, payout, stranger, 0.9 ether);
        vm.prank(payout);
        assertEq(splitter.claim(ETHER, stranger), 0.9 ether);

        assertEq(stranger.balance, 0.9 ether);
        assertEq(splitter.earned(ETHER, payout), 0);
        assertEq(splitter.earned(ETHER, provider), 0.1 ether, "nobody else's earnings move");
        assertEq(address(splitter).balance, 0.1 ether);
    }

    function test_AnybodyMayPushEarningsToTheirAccount() public {
        earn(payout, provider);

        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsClaimed(ETHER, provider, provider, 0.1 ether);
        vm.prank(stranger);
        assertEq(splitter.claimFor(ETHER, provider), 0.1 ether);

        assertEq(provider.balance, 0.1 ether);
        assertEq(stranger.balance, 0);
        assertEq(splitter.earned(ETHER, payout), 0.9 ether);
    }

    function test_ThereIsNothingToClaimBeforeAnEarningOrAfterAClaim() public {
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, ETHER, provider));
        splitter.claimFor(ETHER, provider);

        earn(payout, provider);
        splitter.claimFor(ETHER, provider);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, ETHER, provider));
        splitter.claim(ETHER, provider);
    }

    function test_AClaimToNobodyIsRefused() public {
        earn(payout, provider);
        vm.prank(payout);
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, address(0)));
        splitter.claim(ETHER, address(0));
    }

    function test_APayeeThatRefusesItsMoneyHoldsUpNobody() public {
        RefusingPayee payee = new RefusingPayee();
        earn(address(payee), provider);

        vm.expectRevert(
            abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, ETHER, address(payee), 0.9 ether)
        );
        splitter.claimFor(ETHER, address(payee));
        assertEq(splitter.earned(ETHER, address(payee)), 0.9 ether, "a failed claim changes nothing");

        splitter.claimFor(ETHER, provider);
        assertEq(provider.balance, 0.1 ether);

        vm.prank(address(payee));
        splitter.claim(ETHER, stranger);
        assertEq(stranger.balance, 0.9 ether, "it may send its earnings elsewhere");
    }

    function test_APayeeThatCallsBackIsPaidOnce() public {
        ReenteringPayee payee = new ReenteringPayee(splitter);
        earn(address(payee), provider);

        splitter.claimFor(ETHER, address(payee));

        assertEq(payee.payments(), 1);
        assertEq(payee.taken(), 0);
        assertEq(address(payee).balance, 0.9 ether);
        assertEq(address(splitter).balance, 0.1 ether);
    }

    function test_EtherForcedUponTheSplitterIsNobodysEarning() public {
        earn(payout, provider);
        vm.deal(address(splitter), address(splitter).balance + 5 ether);

        splitter.claimFor(ETHER, payout);
        splitter.claimFor(ETHER, provider);

        assertEq(payout.balance, 0.9 ether);
        assertEq(address(splitter).balance, 5 ether);
    }
}
