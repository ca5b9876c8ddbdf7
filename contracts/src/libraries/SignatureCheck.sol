// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { CallGas } from "./CallGas.sol";
import { ECDSA } from "solady/utils/ECDSA.sol";

/// @title SignatureCheck
/// @notice Whether an account signed a digest, with its key (ECDSA) or by its code (ERC-1271).
library SignatureCheck {
    /// @dev `isValidSignature(bytes32,bytes)`, which is also what it answers for a valid signature (ERC-1271).
    bytes4 private constant IS_VALID_SIGNATURE = 0x1626ba7e;

    /// @dev All the gas that there is: for a caller that reverts anyway when the signature is not valid.
    uint256 internal constant NO_LIMIT = type(uint256).max;

    /// @dev What the call costs besides: a cold account.
    uint256 private constant CALL_GAS = 3000;

    /// @notice The signature is not valid, and the transaction had too little gas left to give the signer's code what it
    /// may use.
    error GasBelowSignatureLimit(uint256 gasLimit);

    /// @notice Whether `signature` is `signer`'s over `digest`.
    /// @dev The key comes first, whether or not the account has code: an account that gives itself code afterwards
    /// (EIP-7702) cannot take back what its key has signed. What code answers may change at any time.
    ///
    /// Whatever the signer's code does, it ends in an answer, except for want of gas: that reverts, so that nobody who
    /// gives a transaction too little gas can make a signature look invalid.
    ///
    /// A valid ECDSA signature can be turned into a second valid one, so a signature identifies nothing.
    /// @param signature 65 bytes (r, s, v) or 64 (EIP-2098) of a key, or whatever the signer's code expects.
    /// @param gasLimit The most gas that the signer's code may use, or `NO_LIMIT`.
    function isValid(address signer, bytes32 digest, bytes calldata signature, uint256 gasLimit)
        internal
        view
        returns (bool valid)
    {
        if (signer == address(0)) return false;
        if (ECDSA.tryRecoverCalldata(digest, signature) == signer) return true;
        if (signer.code.length == 0) return false;
        bytes memory data = abi.encodeWithSelector(IS_VALID_SIGNATURE, digest, signature);
        uint256 gasLeft = gasleft();
        assembly ("memory-safe") {
            // Into the scratch space: at most one word of what the signer returns is copied.
            let success := staticcall(gasLimit, signer, add(data, 0x20), mload(data), 0x00, 0x20)
            valid := and(and(success, gt(returndatasize(), 31)), eq(mload(0x00), IS_VALID_SIGNATURE))
        }
        if (!valid && gasLimit != NO_LIMIT && gasLeft < CallGas.needed(gasLimit, CALL_GAS)) {
            revert GasBelowSignatureLimit(gasLimit);
        }
    }
}
