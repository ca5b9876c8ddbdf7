// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { UsdLikeToken } from "./UsdLikeToken.sol";
import { Test } from "forge-std/Test.sol";

/// @notice The token that other tests pay with must do what USDC does, or those tests prove nothing.
contract UsdLikeTokenTest is Test {
    UsdLikeToken private token;
    address private owner;
    uint256 private key;
    address private payee = makeAddr("payee");

    function setUp() public {
        token = new UsdLikeToken();
        (owner, key) = makeAddrAndKey("owner");
        token.mint(owner, 100e6);
        vm.warp(1_000_000);
    }

    function test_ItsDomainIsThatOfUsdc() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("USD Coin"),
                keccak256("2"),
                block.chainid,
                address(token)
            )
        );
        assertEq(token.DOMAIN_SEPARATOR(), domain);
        assertEq(token.decimals(), 6);
    }

    function test_APermitGivesAnAllowanceOnce() public {
        bytes32 structHash =
            keccak256(abi.encode(token.PERMIT_TYPEHASH(), owner, payee, 5e6, token.nonces(owner), block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) = sign(structHash);
        token.permit(owner, payee, 5e6, block.timestamp, v, r, s);
        assertEq(token.allowance(owner, payee), 5e6);
        vm.expectRevert();
        token.permit(owner, payee, 5e6, block.timestamp, v, r, s);
    }

    function test_AnAuthorizationIsForItsPayeeAndForOneTime() public {
        bytes32 typeHash = token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH();
        uint256 before = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) =
            sign(keccak256(abi.encode(typeHash, owner, payee, 5e6, 0, before, bytes32("nonce"))));

        vm.expectRevert(UsdLikeToken.CallerMustBeThePayee.selector);
        token.receiveWithAuthorization(owner, payee, 5e6, 0, before, "nonce", v, r, s);
        vm.expectRevert(UsdLikeToken.InvalidSignature.selector);
        token.transferWithAuthorization(owner, payee, 5e6, 0, before, "nonce", v, r, s);

        vm.startPrank(payee);
        token.receiveWithAuthorization(owner, payee, 5e6, 0, before, "nonce", v, r, s);
        assertEq(token.balanceOf(payee), 5e6);
        assertTrue(token.authorizationState(owner, "nonce"));
        vm.expectRevert(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        token.receiveWithAuthorization(owner, payee, 5e6, 0, before, "nonce", v, r, s);
    }

    function test_AnAuthorizationHoldsStrictlyBetweenItsTimes() public {
        bytes32 typeHash = token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH();
        (uint256 from, uint256 to) = (block.timestamp, block.timestamp + 2);
        (uint8 v, bytes32 r, bytes32 s) =
            sign(keccak256(abi.encode(typeHash, owner, payee, 5e6, from, to, bytes32("nonce"))));

        vm.expectRevert(UsdLikeToken.AuthorizationNotYetValid.selector);
        token.transferWithAuthorization(owner, payee, 5e6, from, to, "nonce", v, r, s);
        vm.warp(to);
        vm.expectRevert(UsdLikeToken.AuthorizationExpired.selector);
        token.transferWithAuthorization(owner, payee, 5e6, from, to, "nonce", v, r, s);
        vm.warp(to - 1);
        token.transferWithAuthorization(owner, payee, 5e6, from, to, "nonce", abi.encodePacked(r, s, v));
        assertEq(token.balanceOf(payee), 5e6);
    }

    function test_ACancelledAuthorizationIsRefused() public {
        bytes32 cancel = keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), owner, bytes32("nonce")));
        (uint8 v, bytes32 r, bytes32 s) = sign(cancel);
        token.cancelAuthorization(owner, "nonce", abi.encodePacked(r, s, v));
        vm.expectRevert(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        token.transferWithAuthorization(owner, payee, 5e6, 0, type(uint256).max, "nonce", v, r, s);
    }

    function sign(bytes32 structHash) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }
}
