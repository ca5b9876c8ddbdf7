// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ETHER } from "../types/Terms.sol";
import { CallGas } from "./CallGas.sol";

/// @title Push
/// @notice Sends ether and ERC-20 tokens to accounts that may be hostile, and says whether they took them.
library Push {
    /// @dev More than a call costs besides: a cold account, a value, and an account that is new or delegates.
    uint256 private constant CALL_GAS = 40_000;

    /// @notice A payment failed that may have failed for want of gas alone: the transaction needs a higher gas limit.
    /// @param gasLeft The gas that was left for the payment.
    /// @param needed The gas that is needed before it.
    error GasTooLow(uint256 gasLeft, uint256 needed);

    /// @notice Sends `amount` of `token` that this contract holds to `to`, which may use no more than `gasLimit`.
    /// @dev Whatever the other side does, it ends in an answer, except for want of gas: that reverts with `GasTooLow`, so
    /// that nobody who gives a transaction too little gas can make it look as if a payment had been refused.
    function tryTransferWithin(address token, address to, uint256 amount, uint256 gasLimit)
        internal
        returns (bool success)
    {
        uint256 gasLeft = gasleft();
        success = tryTransfer(token, to, amount, gasLimit);
        if (!success) {
            uint256 needed = CallGas.needed(gasLimit, CALL_GAS);
            if (gasLeft < needed) revert GasTooLow(gasLeft, needed);
        }
    }

    /// @notice Sends `amount` of `token` that this contract holds to `to`.
    /// @dev Never reverts, and never copies more than one word of what the other side returns. The recipient of ether,
    /// and a token, get at most `gasLimit` and whatever the transaction has left: a caller who gives too little gas can
    /// make this fail, so whoever does not undo everything then takes `tryTransferWithin`.
    ///
    /// A token has succeeded when its call did not revert and it returned either nothing (while it has code) or true
    /// (EIP-20, and the tokens from before it was final).
    /// @param token `ETHER` or an ERC-20 token.
    /// @param amount In the token's smallest unit.
    /// @param gasLimit The most gas that the other side may use.
    function tryTransfer(address token, address to, uint256 amount, uint256 gasLimit) internal returns (bool success) {
        if (token == ETHER) {
            assembly ("memory-safe") {
                success := call(gasLimit, to, amount, 0, 0, 0, 0)
            }
        } else {
            assembly ("memory-safe") {
                // transfer(address,uint256), in the scratch space and the first bytes of the free memory pointer.
                let free := mload(0x40)
                mstore(0x00, 0xa9059cbb00000000000000000000000000000000000000000000000000000000)
                mstore(0x04, and(to, 0xffffffffffffffffffffffffffffffffffffffff))
                mstore(0x24, amount)
                success := call(gasLimit, token, 0, 0x00, 0x44, 0x00, 0x20)
                if success {
                    switch returndatasize()
                    case 0 { success := gt(extcodesize(token), 0) }
                    default { success := and(gt(returndatasize(), 31), eq(mload(0x00), 1)) }
                }
                mstore(0x40, free)
            }
        }
    }
}
