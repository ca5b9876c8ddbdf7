// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IPaidViews } from "../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { Permit } from "../src/types/Payment.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BlacklistingToken } from "./tokens/BlacklistingToken.sol";
import { FalseReturningToken } from "./tokens/FalseReturningToken.sol";
import { FeeOnTransferToken } from "./tokens/FeeOnTransferToken.sol";
import { NoReturnToken } from "./tokens/NoReturnToken.sol";
import { ReenteringToken } from "./tokens/ReenteringToken.sol";
import { RevertingToken } from "./tokens/RevertingToken.sol";

/// @notice Views paid in a token by the caller.
contract RecordViewInTokenTest is Fixture {
    uint96 private constant PRICE = 1001;

    function record(bytes32 contentId, address token) private {
        vm.prank(stranger);
        splitter.recordViewInToken(contentId, provider, viewer, token, PRICE, noPermit());
    }

    function offerIn(address token) private returns (bytes32 contentId) {
        contentId = offer(termsIn(token, PRICE, 9000));
        fund(token, stranger, PRICE);
    }

    function expectTransferFromFailed(address token) private {
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, token, stranger, PRICE));
    }

    function assertNothingEarned(address token) private view {
        assertEq(splitter.earned(token, payout), 0);
        assertEq(splitter.earned(token, provider), 0);
    }

    function test_AnybodyPaysInTheTokenForAnyViewer() public {
        bytes32 contentId = offerIn(address(usd));
        vm.expectEmit(address(splitter));
        emit IPaidViews.ViewRecorded(contentId, provider, viewer, address(usd), PRICE, 901, 100, payout);
        record(contentId, address(usd));
        assertEq(splitter.earned(address(usd), payout), 901);
        assertEq(splitter.earned(address(usd), provider), 100);
        assertEq(usd.balanceOf(stranger), 0);
    }

    function test_APermitGivesTheAllowanceUsedOrNot() public {
        bytes32 contentId = offerIn(address(usd));
        usd.mint(viewer, 2 * uint256(PRICE));
        Permit memory permit = permitOf(viewerKey, PRICE);
        vm.prank(viewer);
        splitter.recordViewInToken(contentId, provider, viewer, address(usd), PRICE, permit);
        permit = permitOf(viewerKey, PRICE);
        usd.permit(viewer, address(splitter), PRICE, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(viewer);
        splitter.recordViewInToken(contentId, provider, viewer, address(usd), PRICE, permit);
        assertEq(usd.balanceOf(viewer), 0);
    }

    function test_AnothersPermitDoesNotPayForTheCaller() public {
        bytes32 contentId = offer(termsIn(address(usd), PRICE, 9000));
        usd.mint(viewer, PRICE);
        Permit memory permit = permitOf(viewerKey, PRICE);
        expectTransferFromFailed(address(usd));
        vm.prank(stranger);
        splitter.recordViewInToken(contentId, provider, viewer, address(usd), PRICE, permit);
    }

    function test_AFreeViewNeedsNoToken() public {
        bytes32 contentId = offer(termsIn(address(usd), 0, 9000));
        record(contentId, address(usd));
        assertNothingEarned(address(usd));
    }

    function test_WhatThePayerDidNotAgreeToIsRefused() public {
        bytes32 contentId = offerIn(address(usd));
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.TokenDiffers.selector, usd, ETHER));
        record(contentId, ETHER);
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, PRICE, PRICE - 1));
        splitter.recordViewInToken(contentId, provider, viewer, address(usd), PRICE - 1, noPermit());
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        record(UNKNOWN, address(usd));
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, stranger));
        splitter.recordViewInToken(contentId, stranger, viewer, address(usd), PRICE, noPermit());
        vm.prank(creator);
        registry.deregisterContent(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        record(contentId, address(usd));
    }

    function test_TermsInEtherAreNotPaidThroughTheTokensDoor() public {
        bytes32 contentId = offer(terms(PRICE, 9000));
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 0, PRICE));
        record(contentId, ETHER);
    }

    function test_APaidViewInATokenIsNotTouchedByNewTerms() public {
        bytes32 contentId = offerIn(address(usd));
        record(contentId, address(usd));
        Terms memory changed = terms(1, 0);
        changed.payout = stranger;
        vm.prank(creator);
        registry.updateTerms(contentId, changed);
        assertEq(splitter.claimFor(address(usd), payout), 901);
        assertEq(splitter.claimFor(address(usd), provider), 100);
    }

    // ------------------------------------------------------------------------------------------- Hostile tokens

    function test_AFeeOnTransfersIsRefused() public {
        FeeOnTransferToken token = new FeeOnTransferToken(1000);
        bytes32 contentId = offerIn(address(token));
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, PRICE - 100, PRICE));
        record(contentId, address(token));
        assertNothingEarned(address(token));
        assertEq(token.balanceOf(stranger), PRICE);
    }

    function test_ATokenThatReturnsNothingPays() public {
        NoReturnToken token = new NoReturnToken();
        record(offerIn(address(token)), address(token));
        assertEq(token.balanceOf(address(splitter)), PRICE);
        assertEq(splitter.claimFor(address(token), payout), 901);
    }

    function test_ATokenThatRevertsIsNoPayment() public {
        RevertingToken reverting = new RevertingToken();
        bytes32 contentId = offerIn(address(reverting));
        reverting.setReverts(true);
        expectTransferFromFailed(address(reverting));
        record(contentId, address(reverting));
    }

    function test_ATokenThatReturnsFalseIsNoPayment() public {
        FalseReturningToken token = new FalseReturningToken();
        bytes32 contentId = offerIn(address(token));
        token.setRefuses(true);
        expectTransferFromFailed(address(token));
        record(contentId, address(token));
        assertNothingEarned(address(token));
    }

    function test_ATokenThatRefusesThePayerOrTheSplitterIsNoPayment() public {
        BlacklistingToken token = new BlacklistingToken();
        bytes32 contentId = offerIn(address(token));
        token.setBlacklisted(stranger, true);
        expectTransferFromFailed(address(token));
        record(contentId, address(token));
        token.setBlacklisted(stranger, false);
        token.setBlacklisted(address(splitter), true);
        expectTransferFromFailed(address(token));
        record(contentId, address(token));
    }

    function test_AnAddressWithoutCodeIsNoToken() public {
        bytes32 contentId = offer(termsIn(makeAddr("nothing"), PRICE, 9000));
        expectTransferFromFailed(makeAddr("nothing"));
        record(contentId, makeAddr("nothing"));
    }

    function test_ATokenThatClaimsInTheMiddleIsRefused() public {
        ReenteringToken token = new ReenteringToken();
        bytes32 contentId = offerIn(address(token));
        record(contentId, address(token));
        fund(address(token), stranger, PRICE);
        token.setCall(address(splitter), abi.encodeCall(splitter.claimFor, (address(token), provider)));
        // The claim takes the earning of this very payment too, 200 in all.
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, PRICE - 200, PRICE));
        record(contentId, address(token));
        assertEq(splitter.earned(address(token), provider), 100);
    }

    function test_ATokenThatPaysAgainInTheMiddleIsRefused() public {
        ReenteringToken token = new ReenteringToken();
        bytes32 contentId = offerIn(address(token));
        fund(address(token), address(token), PRICE);
        token.setCall(
            address(splitter),
            abi.encodeCall(splitter.recordViewInToken, (contentId, provider, viewer, address(token), PRICE, noPermit()))
        );
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 2 * uint256(PRICE), PRICE)
        );
        record(contentId, address(token));
        assertNothingEarned(address(token));
    }
}
