// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { Pull } from "../../src/libraries/Pull.sol";
import { Authorization, Permit } from "../../src/types/Payment.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { FalseReturningToken } from "../tokens/FalseReturningToken.sol";
import { FeeOnTransferToken } from "../tokens/FeeOnTransferToken.sol";
import { MintableToken } from "../tokens/MintableToken.sol";
import { Test } from "forge-std/Test.sol";

contract PullTest is Test {
    address private immutable payer = makeAddr("payer");

    function take(address token, uint256 amount) external payable {
        Pull.take(token, payer, amount);
    }

    function permit(address token, Permit calldata signed) external {
        Pull.permit(token, payer, signed);
    }

    function takeAuthorized(address token, uint256 amount, Authorization calldata authorization) external {
        Pull.takeAuthorized(token, payer, amount, "nonce", authorization);
    }

    function testFuzz_ExactlyTheEtherThatIsDueIsTaken(uint96 sent, uint96 due) public {
        vm.deal(address(this), sent);
        if (sent != due) {
            vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, sent, due));
        }
        this.take{ value: sent }(ETHER, due);
    }

    function testFuzz_ATokenIsTakenFromTheAllowance(uint256 amount, uint256 allowed, uint256 held) public {
        MintableToken token = new MintableToken();
        token.mint(payer, held);
        vm.prank(payer);
        token.approve(address(this), allowed);
        bool pays = amount <= allowed && amount <= held;
        if (!pays) {
            vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, token, payer, amount));
        }
        this.take(address(token), amount);
        assertEq(token.balanceOf(address(this)), pays ? amount : 0);
    }

    function test_EtherWithATokenIsRefusedEvenWhenNothingIsDue() public {
        vm.deal(address(this), 1);
        MintableToken token = new MintableToken();
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 1, 0));
        this.take{ value: 1 }(address(token), 0);
    }

    function test_NothingDueAsksNoToken() public {
        this.take(makeAddr("nothing"), 0);
    }

    function testFuzz_WhatDoesNotArriveInFullIsRefused(uint96 amount, uint16 feeBps) public {
        amount = uint96(bound(amount, 1, type(uint96).max));
        FeeOnTransferToken token = new FeeOnTransferToken(bound(feeBps, 0, 10_000));
        token.mint(payer, amount);
        vm.prank(payer);
        token.approve(address(this), amount);
        uint256 fee = uint256(amount) * token.feeBps() / 10_000;
        if (fee != 0) {
            vm.expectRevert(
                abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, amount - fee, amount)
            );
        }
        this.take(address(token), amount);
    }

    function test_ATokenThatOnlySaysThatItPaidIsRefused() public {
        MintableToken token = new MintableToken();
        vm.mockCall(address(token), abi.encodeWithSelector(token.transferFrom.selector), abi.encode(true));
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 0, 10));
        this.take(address(token), 10);
    }

    function test_FalseIsARefusal() public {
        FalseReturningToken token = new FalseReturningToken();
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, token, payer, 10));
        this.take(address(token), 10);
    }

    function testFuzz_APermitThatFailsIsNoError(Permit calldata signed) public {
        this.permit(address(new MintableToken()), signed);
        this.permit(ETHER, signed);
        this.permit(address(this), signed);
    }

    function test_AnAuthorizationNeedsATokenWithCode() public {
        Authorization memory authorization;
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenNotSupported.selector, ETHER));
        this.takeAuthorized(ETHER, 10, authorization);
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenNotSupported.selector, payer));
        this.takeAuthorized(payer, 10, authorization);
    }

    function test_ATokenWithoutAuthorizationsRefuses() public {
        Authorization memory authorization;
        address token = address(new MintableToken());
        vm.expectRevert();
        this.takeAuthorized(token, 10, authorization);
    }

    /// @dev As WETH does, whose fallback takes every call for a deposit.
    function test_ATokenThatAcceptsEveryCallHasPaidNothing() public {
        Authorization memory authorization;
        MintableToken token = new MintableToken();
        vm.mockCall(address(token), abi.encodeWithSelector(0xef55bec6), "");
        vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TokenAmountMismatch.selector, token, 0, 10));
        this.takeAuthorized(address(token), 10, authorization);
    }
}
