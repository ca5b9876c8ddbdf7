// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Push } from "../src/libraries/Push.sol";
import { Channel } from "../src/types/Channel.sol";
import { Authorization } from "../src/types/Payment.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BookkeepingPayee } from "./payees/BookkeepingPayee.sol";
import { RefusingPayee } from "./payees/RefusingPayee.sol";
import { UsdLikeToken } from "./tokens/UsdLikeToken.sol";

/// @notice What strangers may try so that a payer's signature or refund does not do what it should.
contract ChannelInterferenceTest is Fixture {
    function test_AnAuthorisationTopsUpWhatAStrangerOpenedFirstWithATrifle() public {
        Terms memory asked = termsIn(address(usd), 1000, 9000);
        Channel memory channel = channelOf(offer(asked), asked);
        usd.mint(viewer, 100);
        Authorization memory authorization = authorizationOf(viewerKey, 100, idOf(channel));

        usd.mint(stranger, 1);
        vm.startPrank(stranger);
        usd.approve(address(splitter), 1);
        splitter.openChannel(channel, 1);
        splitter.openChannelWithAuthorization(channel, 100, authorization);

        assertState(channel, 101, 0, false);
        assertEq(usd.balanceOf(viewer), 0);
        vm.expectRevert(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        splitter.openChannelWithAuthorization(channel, 100, authorization);
        assertState(channel, 101, 0, false);
    }

    function test_AForkThatChangesItsChainIdStillRefunds() public {
        Channel memory channel = openChannelIn(ETHER, 100);
        uint256 balance = viewer.balance;
        vm.warp(channel.expiry);
        vm.chainId(31_338);
        splitter.refund(channel);
        vm.chainId(31_337);
        assertEq(viewer.balance, balance + 100);
        assertState(channel, 100, 0, true);
    }

    function test_WithTheGasThatIsNeededARefusalMakesAClaimAndWithOneLessItDoesNot() public {
        Terms memory asked = terms(1000, 9000);
        Channel memory channel = channelOf(offer(asked), asked);
        channel.payer = address(new RefusingPayee());
        openWith(channel, 100);
        vm.warp(channel.expiry);

        (uint256 low, uint256 high) = (100_000, 400_000);
        uint256 snapshot = vm.snapshotState();
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            try splitter.refund{ gas: middle }(channel) {
                high = middle;
                vm.revertToState(snapshot);
            } catch {
                low = middle;
            }
        }
        vm.expectRevert(abi.encodeWithSelector(Push.GasTooLow.selector, 243_174, 243_175));
        splitter.refund{ gas: low }(channel);
        splitter.refund{ gas: high }(channel);
        assertEq(splitter.earned(ETHER, channel.payer), 100);
    }

    /// @dev A payer that refuses early for want of gas leaves enough to go on without it; still nobody can choose that.
    function testFuzz_NoGasLimitTurnsARefundIntoAClaim(uint256 gasLimit) public {
        BookkeepingPayee payee = new BookkeepingPayee();
        Terms memory asked = terms(1000, 9000);
        Channel memory channel = channelOf(offer(asked), asked);
        channel.payer = address(payee);
        openWith(channel, 100);
        vm.warp(channel.expiry);

        gasLimit = bound(gasLimit, 30_000, 300_000);
        try splitter.refund{ gas: gasLimit }(channel) {
            assertEq(address(payee).balance, 100, "a refund that goes through is paid");
        } catch {
            assertState(channel, 100, 0, false);
        }
        assertEq(splitter.earned(ETHER, address(payee)), 0);
    }
}
