// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IPaidViews } from "../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { ISignedActions } from "../src/interfaces/ISignedActions.sol";
import { Authorization, Permit, RecordView } from "../src/types/Payment.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BurningSigner } from "./signers/BurningSigner.sol";
import { RefusingSigner } from "./signers/RefusingSigner.sol";
import { WalletSigner } from "./signers/WalletSigner.sol";
import { UsdLikeToken } from "./tokens/UsdLikeToken.sol";

/// @notice Views paid in a token by the viewer's authorisation (EIP-3009), always sent by a stranger.
contract RecordViewWithAuthorizationTest is Fixture {
    uint96 private constant PRICE = 1001;

    Terms private asked;
    bytes32 private contentId;

    function setUp() public override {
        super.setUp();
        asked = termsIn(address(usd), PRICE, 9000);
        contentId = offer(asked);
        usd.mint(viewer, 10_000);
    }

    function nonceOf(bytes32 salt) private view returns (bytes32) {
        bytes32 typeHash =
            keccak256("ViewAuthorization(bytes32 contentId,address provider,address viewer,bytes32 salt)");
        return keccak256(abi.encode(typeHash, contentId, provider, viewer, salt));
    }

    function record(uint256 price, bytes32 salt, Authorization memory authorization) private {
        vm.prank(stranger);
        splitter.recordViewWithAuthorization(contentId, provider, viewer, price, salt, authorization);
    }

    function test_OneSignatureOfTheViewerPays() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        vm.expectEmit(address(splitter));
        emit IPaidViews.ViewRecorded(contentId, provider, viewer, address(usd), PRICE, 901, 100, payout);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsCredited(address(usd), payout, contentId, 901);
        record(PRICE, "salt", authorization);
        assertEq(splitter.earned(address(usd), payout), 901);
        assertEq(splitter.earned(address(usd), provider), 100);
        assertEq(usd.balanceOf(address(splitter)), PRICE);
        assertEq(usd.balanceOf(viewer), 10_000 - PRICE);
    }

    function test_AReplayIsRefused() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        record(PRICE, "salt", authorization);
        vm.expectRevert(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        record(PRICE, "salt", authorization);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        record(PRICE, "pepper", authorization);
        record(PRICE, "pepper", authorizationOf(viewerKey, PRICE, nonceOf("pepper")));
    }

    function test_AnAuthorizationIsForItsContentItsProviderAndItsViewer() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        vm.startPrank(stranger);
        registry.registerStream(contentId, URL);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.recordViewWithAuthorization(contentId, stranger, viewer, PRICE, "salt", authorization);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.recordViewWithAuthorization(contentId, provider, stranger, PRICE, "salt", authorization);
        bytes32 other = registry.registerContent("another", "", "", asked);
        registry.registerStream(other, URL);
        vm.stopPrank();
        registerStream(other, provider);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.recordViewWithAuthorization(other, provider, viewer, PRICE, "salt", authorization);
        assertEq(usd.balanceOf(viewer), 10_000);
    }

    function testFuzz_AnAuthorizationIsForExactlyThePrice(uint96 authorized) public {
        vm.assume(authorized != PRICE);
        Authorization memory authorization = authorizationOf(viewerKey, authorized, nonceOf("salt"));
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.AuthorizedAmountDiffers.selector, authorized, PRICE));
        record(authorized, "salt", authorization);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        record(PRICE, "salt", authorization);
    }

    function test_ATokenThatTheTermsNameNowIsNotPaidInAnother() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        asked.token = address(new UsdLikeToken());
        vm.prank(creator);
        registry.updateTerms(contentId, asked);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        record(PRICE, "salt", authorization);
        asked.token = ETHER;
        vm.prank(creator);
        registry.updateTerms(contentId, asked);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenNotSupported.selector, ETHER));
        record(PRICE, "salt", authorization);
    }

    function test_AnAuthorizationForOneSplitterIsNoneForAnother() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        splitter = new EarningsSplitter(registry);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        record(PRICE, "salt", authorization);
    }

    function test_WhatIsNotOfferedIsNotPaidFor() public {
        Authorization memory authorization = authorizationOf(viewerKey, PRICE, nonceOf("salt"));
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        splitter.recordViewWithAuthorization(UNKNOWN, provider, viewer, PRICE, "salt", authorization);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, stranger));
        splitter.recordViewWithAuthorization(contentId, stranger, viewer, PRICE, "salt", authorization);
        vm.prank(creator);
        registry.deregisterContent(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        record(PRICE, "salt", authorization);
    }

    function testFuzz_TheNonceIsTheHashOfItsStruct(bytes32 salt) public view {
        assertEq(splitter.viewAuthorizationNonce(contentId, provider, viewer, salt), nonceOf(salt));
    }
}

/// @notice Views paid from the allowance of a viewer who signed them, always sent by a stranger.
contract RecordViewBySigTest is Fixture {
    uint96 private constant PRICE = 1001;

    Terms private asked;
    RecordView private action;

    function setUp() public override {
        super.setUp();
        asked = termsIn(address(usd), PRICE, 9000);
        action = RecordView(viewer, offer(asked), provider, address(usd), PRICE, 0, block.timestamp + 1 hours);
        fund(address(usd), viewer, 10_000);
    }

    function structHash() private view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "RecordView(address viewer,bytes32 contentId,address provider,address token,uint256 maxPrice,uint256 nonce,uint256 deadline)"
        );
        return keccak256(abi.encode(typeHash, action));
    }

    function signed() private view returns (bytes memory) {
        return sign(viewerKey, typedDigest(splitterDomain(), structHash()));
    }

    function record(bytes memory signature) private {
        vm.prank(stranger);
        splitter.recordViewBySig(action, signature, noPermit());
    }

    function expectSignatureInvalid() private {
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, action.viewer));
    }

    function test_ASignedViewIsPaidByItsViewer() public {
        bytes memory signature = signed();
        vm.expectEmit(address(splitter));
        emit IPaidViews.ViewRecorded(action.contentId, provider, viewer, address(usd), PRICE, 901, 100, payout);
        record(signature);
        assertEq(usd.balanceOf(viewer), 10_000 - PRICE);
        assertEq(usd.balanceOf(address(splitter)), PRICE);
        assertEq(splitter.nonces(viewer), 1);
    }

    function test_AReplayIsRefused() public {
        bytes memory signature = signed();
        record(signature);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, viewer, 0, 1));
        record(signature);
        action.nonce = 1;
        expectSignatureInvalid();
        record(signature);
        record(signed());
        assertEq(usd.balanceOf(viewer), 10_000 - 2 * uint256(PRICE));
    }

    function test_ANonceAheadOfItsTimeIsRefused() public {
        action.nonce = 1;
        bytes memory signature = signed();
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, viewer, 1, 0));
        record(signature);
    }

    function test_ASpentNonceCannotBeSent() public {
        bytes memory signature = signed();
        vm.prank(viewer);
        assertEq(splitter.invalidateNonce(), 0);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, viewer, 0, 1));
        record(signature);
    }

    function test_ADeadlineIsTheLastSecond() public {
        bytes memory signature = signed();
        vm.warp(action.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.SignatureExpired.selector, action.deadline));
        record(signature);
        vm.warp(action.deadline);
        record(signature);
    }

    function test_EveryFieldIsSigned() public {
        bytes memory signature = signed();
        RecordView memory right = action;
        vm.prank(stranger);
        registry.registerStream(action.contentId, URL);
        fund(address(usd), stranger, 10_000);

        action.viewer = stranger;
        expectSignatureInvalid();
        record(signature);
        action = right;
        action.contentId = UNKNOWN;
        expectSignatureInvalid();
        record(signature);
        action = right;
        action.provider = stranger;
        expectSignatureInvalid();
        record(signature);
        action = right;
        action.token = ETHER;
        expectSignatureInvalid();
        record(signature);
        action = right;
        action.maxPrice++;
        expectSignatureInvalid();
        record(signature);
        action = right;
        action.deadline++;
        expectSignatureInvalid();
        record(signature);
        assertEq(splitter.nonces(viewer), 0);
    }

    function test_ASignatureIsForItsChainAndItsContract() public {
        bytes memory signature = signed();
        uint256 chainId = block.chainid;
        vm.chainId(chainId + 1);
        expectSignatureInvalid();
        record(signature);
        vm.chainId(chainId);
        EarningsSplitter first = splitter;
        splitter = new EarningsSplitter(registry);
        expectSignatureInvalid();
        record(signature);
        first.recordViewBySig(action, signature, noPermit());
    }

    function test_AHigherPriceOrAnotherTokenThanWasSignedIsRefused() public {
        bytes memory signature = signed();
        asked.pricePerView = PRICE + 1;
        vm.prank(creator);
        registry.updateTerms(action.contentId, asked);
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, PRICE + 1, PRICE));
        record(signature);
        asked.token = ETHER;
        vm.prank(creator);
        registry.updateTerms(action.contentId, asked);
        vm.expectRevert(abi.encodeWithSelector(IPaidViews.TokenDiffers.selector, ETHER, usd));
        record(signature);
        assertEq(splitter.nonces(viewer), 0, "it can still be sent when the terms are back");
    }

    function test_ALowerPriceThanWasSignedIsAllThatIsTaken() public {
        bytes memory signature = signed();
        asked.pricePerView = 1;
        vm.prank(creator);
        registry.updateTerms(action.contentId, asked);
        record(signature);
        assertEq(usd.balanceOf(viewer), 9999);
    }

    function test_EtherCannotBePaidForAnother() public {
        asked.token = ETHER;
        vm.prank(creator);
        registry.updateTerms(action.contentId, asked);
        action.token = ETHER;
        bytes memory signature = signed();
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 0, PRICE));
        record(signature);
    }

    function test_APermitOfTheViewerGivesTheAllowance() public {
        vm.prank(viewer);
        usd.approve(address(splitter), 0);
        bytes memory signature = signed();
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, usd, viewer, PRICE));
        record(signature);

        Permit memory permit = permitOf(viewerKey, PRICE);
        usd.permit(viewer, address(splitter), PRICE, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(stranger);
        splitter.recordViewBySig(action, signature, permit);
        action.nonce = 1;
        signature = signed();
        permit = permitOf(viewerKey, PRICE);
        vm.prank(stranger);
        splitter.recordViewBySig(action, signature, permit);
        assertEq(usd.balanceOf(viewer), 10_000 - 2 * uint256(PRICE));
    }

    function test_AContractViewsAndPaysToo() public {
        action.viewer = address(new WalletSigner(viewer));
        fund(address(usd), action.viewer, PRICE);
        bytes memory signature = signed();
        record(signature);
        assertEq(usd.balanceOf(action.viewer), 0);

        action.viewer = address(new RefusingSigner(true));
        signature = signed();
        expectSignatureInvalid();
        record(signature);
    }

    function test_AContractThatBurnsItsGasRefuses() public {
        action.viewer = address(new BurningSigner(type(uint256).max));
        vm.expectRevert();
        vm.prank(stranger);
        splitter.recordViewBySig{ gas: 1_000_000 }(action, "", noPermit());
        assertEq(splitter.nonces(action.viewer), 0);
    }

    function test_NobodySignsForTheAccountZero() public {
        action.viewer = address(0);
        expectSignatureInvalid();
        record(new bytes(65));
    }
}
