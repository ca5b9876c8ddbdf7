// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel } from "../src/types/Channel.sol";
import { MAX_DEPOSIT } from "../src/types/ChannelSlot.sol";
import { Authorization, Permit } from "../src/types/Payment.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { UsdLikeToken } from "./tokens/UsdLikeToken.sol";

/// @notice Deposits that are paid by a permit (EIP-2612).
contract ChannelPermitTest is Fixture {
    Channel private channel;

    function setUp() public override {
        super.setUp();
        Terms memory asked = termsIn(address(usd), 1000, 9000);
        channel = channelOf(offer(asked), asked);
        usd.mint(viewer, 100);
    }

    function expectTransferFromFailed(address from, uint256 amount) private {
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, usd, from, amount));
    }

    function test_APermitOpensAndTopsUp() public {
        Permit memory permit = permitOf(viewerKey, 60);
        vm.prank(viewer);
        assertEq(splitter.openChannelWithPermit(channel, 60, permit), idOf(channel));
        permit = permitOf(viewerKey, 40);
        vm.prank(viewer);
        splitter.topUpWithPermit(channel, 40, permit);

        assertState(channel, 100, 0, false);
        assertEq(usd.balanceOf(address(splitter)), 100);
        assertEq(usd.allowance(viewer, address(splitter)), 0);
    }

    function test_APermitThatSomebodyUsedFirstIsAsGood() public {
        Permit memory permit = permitOf(viewerKey, 100);
        usd.permit(viewer, address(splitter), 100, permit.deadline, permit.v, permit.r, permit.s);
        vm.startPrank(viewer);
        splitter.openChannelWithPermit(channel, 60, permit);
        splitter.topUpWithPermit(channel, 40, permit);
        assertState(channel, 100, 0, false);
    }

    function test_WithoutAPermitTheAllowanceMustBeThere() public {
        expectTransferFromFailed(viewer, 60);
        vm.prank(viewer);
        splitter.openChannelWithPermit(channel, 60, noPermit());

        vm.startPrank(viewer);
        usd.approve(address(splitter), 100);
        splitter.openChannelWithPermit(channel, 60, noPermit());
        splitter.topUpWithPermit(channel, 40, noPermit());
        assertState(channel, 100, 0, false);
    }

    function test_APermitOverTooLittleOrOutOfTimeIsNoPayment() public {
        Permit memory permit = permitOf(viewerKey, 59);
        expectTransferFromFailed(viewer, 60);
        vm.prank(viewer);
        splitter.openChannelWithPermit(channel, 60, permit);
        permit = permitOf(viewerKey, 60);
        vm.warp(block.timestamp + 1);
        expectTransferFromFailed(viewer, 60);
        vm.prank(viewer);
        splitter.openChannelWithPermit(channel, 60, permit);
    }

    function test_APermitPaysOnlyForItsOwnersCall() public {
        Permit memory permit = permitOf(viewerKey, 100);
        usd.permit(viewer, address(splitter), 100, permit.deadline, permit.v, permit.r, permit.s);
        expectTransferFromFailed(stranger, 60);
        vm.prank(stranger);
        splitter.openChannelWithPermit(channel, 60, permit);
        expectTransferFromFailed(stranger, 60);
        vm.prank(stranger);
        splitter.openChannel(channel, 60);
        assertEq(usd.balanceOf(viewer), 100);
    }

    function test_EtherSentWithAPaymentInATokenIsRefused() public {
        usd.mint(stranger, 100);
        vm.deal(stranger, 1);
        vm.startPrank(stranger);
        usd.approve(address(splitter), 100);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 1, 0));
        splitter.openChannel{ value: 1 }(channel, 60);
        splitter.openChannel(channel, 60);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 1, 0));
        splitter.topUp{ value: 1 }(channel, 40);
    }

    function test_APermitIsOfNoUseInEther() public {
        Terms memory asked = terms(1000, 9000);
        vm.prank(creator);
        registry.updateTerms(channel.deal.contentId, asked);
        channel.deal.token = ETHER;
        Permit memory permit = permitOf(viewerKey, 60);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 0, 60));
        splitter.openChannelWithPermit(channel, 60, permit);
        openWith(channel, 60);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 0, 40));
        splitter.topUpWithPermit(channel, 40, permit);
    }

    function test_TheVariantsCheckAsOpenAndTopUpDo() public {
        bytes memory refusal = abi.encodeWithSelector(IVoucherChannels.ChannelNotFound.selector, idOf(channel));
        Authorization memory authorization;
        vm.expectRevert(refusal);
        splitter.topUpWithPermit(channel, 40, noPermit());
        vm.expectRevert(refusal);
        splitter.topUpWithAuthorization(channel, 40, 0, authorization);

        refusal = abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, 0, MAX_DEPOSIT);
        vm.expectRevert(refusal);
        splitter.openChannelWithPermit(channel, 0, noPermit());
        vm.expectRevert(refusal);
        splitter.openChannelWithAuthorization(channel, 0, authorization);

        openWith(channel, 1);
        refusal = abi.encodeWithSelector(IVoucherChannels.ChannelAlreadyExists.selector, idOf(channel));
        vm.expectRevert(refusal);
        splitter.openChannelWithPermit(channel, 1, noPermit());

        vm.warp(channel.expiry);
        refusal = abi.encodeWithSelector(IVoucherChannels.ChannelHasExpired.selector, idOf(channel), channel.expiry);
        vm.expectRevert(refusal);
        splitter.topUpWithPermit(channel, 40, noPermit());
        vm.expectRevert(refusal);
        splitter.topUpWithAuthorization(channel, 40, 0, authorization);
        splitter.refund(channel);
        refusal = abi.encodeWithSelector(IVoucherChannels.ChannelIsClosed.selector, idOf(channel));
        vm.expectRevert(refusal);
        splitter.topUpWithPermit(channel, 40, noPermit());
        vm.expectRevert(refusal);
        splitter.topUpWithAuthorization(channel, 40, 0, authorization);
    }
}

/// @notice Deposits that are paid by an authorisation (EIP-3009), always sent by a stranger.
contract ChannelAuthorizationTest is Fixture {
    Terms private asked;
    Channel private channel;

    function setUp() public override {
        super.setUp();
        asked = termsIn(address(usd), 60, 9000);
        channel = channelOf(offer(asked), asked);
        usd.mint(viewer, 1000);
    }

    function topUpNonce(Channel memory channel_, bytes32 salt) private view returns (bytes32) {
        return
            keccak256(abi.encode(keccak256("TopUpAuthorization(bytes32 channelId,bytes32 salt)"), idOf(channel_), salt));
    }

    function openBy(Authorization memory authorization) private {
        vm.prank(stranger);
        splitter.openChannelWithAuthorization(channel, 60, authorization);
    }

    function test_OneSignatureOfThePayerOpensAChannel() public {
        openBy(authorizationOf(viewerKey, 60, idOf(channel)));
        assertState(channel, 60, 0, false);
        assertEq(usd.balanceOf(viewer), 940);
        assertEq(usd.balanceOf(address(splitter)), 60);
    }

    function test_OneSignatureOfThePayerTopsUp() public {
        openBy(authorizationOf(viewerKey, 60, idOf(channel)));
        Authorization memory authorization = authorizationOf(viewerKey, 40, topUpNonce(channel, "salt"));
        vm.prank(stranger);
        splitter.topUpWithAuthorization(channel, 40, "salt", authorization);
        assertState(channel, 100, 0, false);

        vm.expectRevert(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        splitter.topUpWithAuthorization(channel, 40, "salt", authorization);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.topUpWithAuthorization(channel, 40, "pepper", authorization);
        assertState(channel, 100, 0, false);
    }

    function test_AnOpeningIsNotReplayed() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        openBy(authorization);
        vm.expectRevert();
        openBy(authorization);
        assertState(channel, 60, 0, false);
        vm.prank(provider);
        splitter.closeChannel(channel, 0, "");
        vm.expectRevert();
        openBy(authorization);
        assertState(channel, 60, 0, true);
        assertEq(usd.balanceOf(viewer), 1000);
    }

    function test_AnAuthorizationIsForItsAmount() public {
        Authorization memory authorization = authorizationOf(viewerKey, 61, idOf(channel));
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        openBy(authorization);
    }

    function test_AnAuthorizationIsThePayers() public {
        usd.mint(stranger, 100);
        Authorization memory authorization = authorizationOf(strangerKey, 60, idOf(channel));
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        openBy(authorization);
    }

    function test_AnAuthorizationIsForEveryFieldOfItsChannel() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        Channel memory right = channel;
        vm.startPrank(stranger);

        channel.signer = stranger;
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.openChannelWithAuthorization(channel, 60, authorization);
        channel = right;
        channel.expiry--;
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.openChannelWithAuthorization(channel, 60, authorization);
        channel = right;
        channel.salt++;
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.openChannelWithAuthorization(channel, 60, authorization);
        channel = right;
        registry.registerStream(channel.deal.contentId, URL);
        channel.deal.provider = stranger;
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.openChannelWithAuthorization(channel, 60, authorization);
    }

    function test_AnAuthorizationForAnOpeningPaysForNothingElse() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.recordViewWithAuthorization(channel.deal.contentId, provider, viewer, 60, idOf(channel), authorization);
        openWith(channel, 1);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.topUpWithAuthorization(channel, 60, 0, authorization);
    }

    function test_AnAuthorizationForATopUpPaysForNothingElse() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, topUpNonce(channel, "salt"));
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        openBy(authorization);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.recordViewWithAuthorization(channel.deal.contentId, provider, viewer, 60, "salt", authorization);
        channel.salt++;
        openWith(channel, 1);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.topUpWithAuthorization(channel, 60, "salt", authorization);
    }

    function test_AnAuthorizationForAViewOpensAndTopsUpNothing() public {
        bytes32 nonce = splitter.viewAuthorizationNonce(channel.deal.contentId, provider, viewer, "salt");
        Authorization memory authorization = authorizationOf(viewerKey, 60, nonce);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        openBy(authorization);
        openWith(channel, 1);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        splitter.topUpWithAuthorization(channel, 60, "salt", authorization);
    }

    function test_AnAuthorizationHasItsTime() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        vm.warp(authorization.validBefore);
        vm.expectRevert(UsdLikeToken.AuthorizationExpired.selector);
        openBy(authorization);
    }

    function test_AnAuthorizationWithoutTheMoneyChangesNothing() public {
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        vm.prank(viewer);
        usd.transfer(stranger, 1000);
        vm.expectRevert();
        openBy(authorization);
        assertState(channel, 0, 0, false);
    }

    function test_EtherAndAnAddressWithoutCodeKnowNoAuthorizations() public {
        address[2] memory tokens = [ETHER, stranger];
        Authorization memory authorization = authorizationOf(viewerKey, 60, idOf(channel));
        for (uint256 i = 0; i < tokens.length; i++) {
            asked.token = tokens[i];
            vm.prank(creator);
            registry.updateTerms(channel.deal.contentId, asked);
            channel.deal.token = tokens[i];
            vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenNotSupported.selector, tokens[i]));
            openBy(authorization);
        }
        channel.deal.token = ETHER;
        asked.token = ETHER;
        vm.prank(creator);
        registry.updateTerms(channel.deal.contentId, asked);
        openWith(channel, 1);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenNotSupported.selector, ETHER));
        splitter.topUpWithAuthorization(channel, 1, 0, authorization);
    }
}
