// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "../src/interfaces/IEarningsLedger.sol";
import { IPaymentErrors } from "../src/interfaces/IPaymentErrors.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BurningPayee } from "./payees/BurningPayee.sol";
import { ReenteringPayee } from "./payees/ReenteringPayee.sol";
import { RefusingPayee } from "./payees/RefusingPayee.sol";
import { ReturnBombPayee } from "./payees/ReturnBombPayee.sol";
import { BlacklistingToken } from "./tokens/BlacklistingToken.sol";
import { BurningToken } from "./tokens/BurningToken.sol";
import { FalseReturningToken } from "./tokens/FalseReturningToken.sol";
import { NoReturnToken } from "./tokens/NoReturnToken.sol";
import { RebasingToken } from "./tokens/RebasingToken.sol";
import { ReenteringToken } from "./tokens/ReenteringToken.sol";
import { RevertingToken } from "./tokens/RevertingToken.sol";

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

    function test_AClaimToNobodyOrToTheSplitterIsRefused() public {
        earn(payout, provider);
        vm.startPrank(payout);
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, address(0)));
        splitter.claim(ETHER, address(0));
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, splitter));
        splitter.claim(ETHER, address(splitter));
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, address(0)));
        splitter.claimFor(ETHER, address(0));
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, splitter));
        splitter.claimFor(ETHER, address(splitter));
    }

    function test_EarningsOfTheSplitterItselfStayWhereTheyAre() public {
        earn(address(splitter), provider);
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, splitter));
        splitter.claimFor(ETHER, address(splitter));
        splitter.claimFor(ETHER, provider);
        assertEq(provider.balance, 0.1 ether);
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

    function test_APayeeThatBurnsItsGasOrReturnsTooMuchHoldsUpNobody() public {
        address[3] memory payees =
            [address(new BurningPayee()), address(new ReturnBombPayee(true)), address(new ReturnBombPayee(false))];
        for (uint256 i = 0; i < payees.length; i++) {
            uint256 snapshot = vm.snapshotState();
            earn(payees[i], provider);
            try splitter.claimFor{ gas: 3_000_000 }(ETHER, payees[i]) {
                assertEq(payees[i].balance, 0.9 ether);
            } catch {
                assertEq(splitter.earned(ETHER, payees[i]), 0.9 ether);
            }
            splitter.claimFor(ETHER, provider);
            assertEq(provider.balance, 0.1 ether);
            vm.revertToState(snapshot);
        }
    }
}

/// @dev 900 units are the payout's, 100 the provider's.
contract ClaimTokenTest is Fixture {
    function earn(address token, address payout_) private {
        Terms memory asked = termsIn(token, 1000, 9000);
        asked.payout = payout_;
        bytes32 contentId = offer(asked);
        fund(token, viewer, 1000);
        vm.prank(viewer);
        splitter.recordViewInToken(contentId, provider, viewer, token, 1000, noPermit());
    }

    function expectTransferFailed(address token, address to, uint256 amount) private {
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, token, to, amount));
    }

    function test_ATokenIsClaimedWhereTheCallerWants() public {
        earn(address(usd), payout);
        vm.expectEmit(address(splitter));
        emit IEarningsLedger.EarningsClaimed(address(usd), payout, stranger, 900);
        vm.prank(payout);
        assertEq(splitter.claim(address(usd), stranger), 900);

        assertEq(splitter.claimFor(address(usd), provider), 100);

        assertEq(usd.balanceOf(stranger), 900);
        assertEq(usd.balanceOf(provider), 100);
        assertEq(usd.balanceOf(address(splitter)), 0);
    }

    function test_EarningsInOneTokenAreNotEarningsInAnother() public {
        earn(address(usd), payout);
        vm.deal(address(splitter), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, ETHER, payout));
        splitter.claimFor(ETHER, payout);
    }

    function test_ATokenThatReturnsNothingIsClaimed() public {
        NoReturnToken token = new NoReturnToken();
        earn(address(token), payout);
        splitter.claimFor(address(token), payout);
        assertEq(token.balanceOf(payout), 900);
    }

    function test_AnEarningThatTheTokenRefusesToMoveStaysUntilItDoes() public {
        RevertingToken reverting = new RevertingToken();
        earn(address(reverting), payout);
        reverting.setReverts(true);
        expectTransferFailed(address(reverting), payout, 900);
        splitter.claimFor(address(reverting), payout);
        reverting.setReverts(false);
        splitter.claimFor(address(reverting), payout);
        assertEq(reverting.balanceOf(payout), 900);
    }

    function test_FalseIsARefusal() public {
        FalseReturningToken token = new FalseReturningToken();
        earn(address(token), payout);
        token.setRefuses(true);
        expectTransferFailed(address(token), payout, 900);
        splitter.claimFor(address(token), payout);
        assertEq(splitter.earned(address(token), payout), 900);
    }

    function test_ABlacklistedAccountClaimsToAnotherOfItsChoice() public {
        BlacklistingToken token = new BlacklistingToken();
        earn(address(token), payout);
        token.setBlacklisted(payout, true);
        expectTransferFailed(address(token), payout, 900);
        splitter.claimFor(address(token), payout);

        vm.prank(payout);
        splitter.claim(address(token), stranger);
        splitter.claimFor(address(token), provider);

        assertEq(token.balanceOf(stranger), 900);
        assertEq(token.balanceOf(provider), 100);
    }

    function test_ATokenThatBurnsItsGasCostsNobodyElse() public {
        BurningToken token = new BurningToken();
        earn(address(token), payout);
        token.setBurns(true);
        vm.expectRevert();
        splitter.claimFor{ gas: 2_000_000 }(address(token), payout);
        assertEq(splitter.earned(address(token), payout), 900);
    }

    function test_ATokenWhoseBalancesShrankPaysWhoComesFirstAndOthersWait() public {
        RebasingToken token = new RebasingToken();
        earn(address(token), payout);
        token.scale(address(splitter), 9500);

        splitter.claimFor(address(token), payout);
        expectTransferFailed(address(token), provider, 100);
        splitter.claimFor(address(token), provider);
        assertEq(splitter.earned(address(token), provider), 100);
        token.mint(address(splitter), 50);
        splitter.claimFor(address(token), provider);
        assertEq(token.balanceOf(provider), 100);
    }

    function test_ATokenThatCallsBackPaysOnce() public {
        ReenteringToken token = new ReenteringToken();
        earn(address(token), payout);
        token.setCall(address(splitter), abi.encodeCall(splitter.claimFor, (address(token), payout)));

        splitter.claimFor(address(token), payout);

        assertEq(token.calls(), 1);
        assertEq(token.successes(), 0);
        assertEq(token.result(), abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, token, payout));
        assertEq(token.balanceOf(payout), 900);
        assertEq(token.balanceOf(address(splitter)), 100);
    }

    function test_ATokenThatIsGoneCannotBeClaimedAndTakesNothingWithIt() public {
        earn(address(usd), payout);
        vm.etch(address(usd), "");
        expectTransferFailed(address(usd), payout, 900);
        splitter.claimFor(address(usd), payout);
    }
}
