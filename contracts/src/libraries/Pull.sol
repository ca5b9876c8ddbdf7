// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "../interfaces/IPaymentErrors.sol";
import { Authorization, Permit } from "../types/Payment.sol";
import { ETHER } from "../types/Terms.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

/// @title Pull
/// @notice Takes a payment in ether or in an ERC-20 token, exactly or not at all.
///
/// What counts is what arrived: the contract's own balance must have risen by exactly the amount. So a fee on transfers
/// is refused, and so is a token that calls back in the middle and moves money of this token either way. A token that
/// lies about balances hurts those who accept it and nobody else.
library Pull {
    /// @notice Takes `amount` from the caller: as the ether that was sent along, or from `from`'s allowance.
    function take(address token, address from, uint256 amount) internal {
        if (token == ETHER) {
            if (msg.value != amount) revert IPaymentErrors.IncorrectPayment(msg.value, amount);
            return;
        }
        if (msg.value != 0) revert IPaymentErrors.IncorrectPayment(msg.value, 0);
        if (amount == 0) return;
        uint256 before = SafeTransferLib.balanceOf(token, address(this));
        if (!SafeTransferLib.trySafeTransferFrom(token, from, address(this), amount)) {
            revert IPaymentErrors.TransferFromFailed(token, from, amount);
        }
        _checkReceived(token, before, amount);
    }

    /// @notice Lets the splitter take from `owner`'s allowance. `Permit.deadline` of zero does nothing.
    /// @dev A permit that fails is no error: anybody may have used it first, and then the allowance is there. It is the
    /// transfer that decides. The caller must know otherwise than by the permit that `owner` agrees.
    function permit(address token, address owner, Permit calldata signed) internal {
        if (signed.deadline == 0) return;
        bytes memory data = abi.encodeCall(
            IERC20Permit.permit, (owner, address(this), signed.value, signed.deadline, signed.v, signed.r, signed.s)
        );
        assembly ("memory-safe") {
            pop(call(gas(), token, 0, add(data, 0x20), mload(data), 0, 0))
        }
    }

    /// @notice Takes `amount` from `from` by an authorisation whose nonce is `nonce`.
    /// @dev Reverts with whatever the token says when it refuses: used already, expired, not `from`'s, no balance.
    function takeAuthorized(
        address token,
        address from,
        uint256 amount,
        bytes32 nonce,
        Authorization calldata authorization
    ) internal {
        if (token.code.length == 0) revert IPaymentErrors.TokenNotSupported(token);
        uint256 before = SafeTransferLib.balanceOf(token, address(this));
        IERC3009(token)
            .receiveWithAuthorization(
                from,
                address(this),
                amount,
                authorization.validAfter,
                authorization.validBefore,
                nonce,
                authorization.v,
                authorization.r,
                authorization.s
            );
        _checkReceived(token, before, amount);
    }

    function _checkReceived(address token, uint256 before, uint256 amount) private view {
        unchecked {
            uint256 received = SafeTransferLib.balanceOf(token, address(this)) - before;
            if (received != amount) revert IPaymentErrors.TokenAmountMismatch(token, received, amount);
        }
    }
}

/// @dev The one function of EIP-2612 that is called here.
interface IERC20Permit {
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// @dev The one function of EIP-3009 that is called here. The token lets nobody but `to` call it.
interface IERC3009 {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
}
