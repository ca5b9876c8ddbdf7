// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { Authorization, Permit } from "../../src/types/Payment.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { MintableToken } from "../tokens/MintableToken.sol";
import { World } from "./World.sol";

/// @notice The ways to pay, and what is foreseen of each.
abstract contract Payments is World {
    enum Way {
        Direct,
        ByPermit,
        ByAuthorization,
        BySignature
    }

    bytes32 private immutable usdDomain = usd.DOMAIN_SEPARATOR();
    bytes32 private immutable permitTypehash = usd.PERMIT_TYPEHASH();
    bytes32 private immutable authorizationTypehash = usd.RECEIVE_WITH_AUTHORIZATION_TYPEHASH();

    /// @dev The way that is possible: permits and authorizations are signed by keys, for the token that has them.
    function wayFrom(uint256 seed, address token, address payer) internal view returns (Way) {
        if (inside || token != address(usd) || payer.code.length != 0) return Way.Direct;
        Way way = Way(seed % 3);
        // A permit would replace the allowance of an account that has one.
        return way == Way.ByPermit && payer != accounts[0] ? Way.Direct : way;
    }

    function fund(address token, address payer, uint256 amount) internal {
        if (token == ETHER || amount == 0) return;
        // Whoever is on the list may have had the token before.
        bool blacklisted = token == address(hostile) && hostile.isBlacklisted(payer);
        if (blacklisted) hostile.setBlacklisted(payer, false);
        MintableToken(token).mint(payer, amount);
        if (blacklisted) hostile.setBlacklisted(payer, true);
    }

    function pullRefusal(address token, address payer, uint256 amount, bool permitted)
        internal
        view
        returns (bytes memory)
    {
        if (token == ETHER || amount == 0) return "";
        bool refused = (token == address(hostile) && hostile.isBlacklisted(payer))
            || (token == address(usd) && payer == accounts[0] && !permitted);
        if (!refused) return "";
        return abi.encodeWithSelector(IPaymentErrors.TransferFromFailed.selector, token, payer, amount);
    }

    function noPermit() internal pure returns (Permit memory permit) { }

    function permitOf(address owner, uint256 amount) internal view returns (Permit memory) {
        uint256 deadline = time + 1;
        bytes32 structHash =
            keccak256(abi.encode(permitTypehash, owner, address(splitter), amount, usd.nonces(owner), deadline));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(owner), typedDigest(usdDomain, structHash));
        return Permit(amount, deadline, v, r, s);
    }

    function authorizationOf(address owner, uint256 amount, bytes32 nonce)
        internal
        view
        returns (Authorization memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(authorizationTypehash, owner, address(splitter), amount, time - 1, time + 1, nonce)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf(owner), typedDigest(usdDomain, structHash));
        return Authorization(time - 1, time + 1, v, r, s);
    }
}
