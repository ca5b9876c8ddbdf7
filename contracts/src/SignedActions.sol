// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ISignedActions } from "./interfaces/ISignedActions.sol";
import { SignatureCheck } from "./libraries/SignatureCheck.sol";
import { EIP712 } from "solady/utils/EIP712.sol";

/// @title SignedActions
/// @notice Implements `ISignedActions`.
abstract contract SignedActions is ISignedActions, EIP712 {
    /// @inheritdoc ISignedActions
    mapping(address account => uint256) public nonces;

    /// @inheritdoc ISignedActions
    function invalidateNonce() external returns (uint256 nonce) {
        return nonces[msg.sender]++;
    }

    /// @dev Spends the nonce of an action that `account` signed, or reverts.
    /// @param structHash `hashStruct` of the action (EIP-712); it must cover the account, the nonce and the deadline.
    function _authorise(address account, bytes32 structHash, uint256 nonce, uint256 deadline, bytes calldata signature)
        internal
    {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        uint256 next = nonces[account];
        if (nonce != next) revert NonceNotNext(account, nonce, next);
        nonces[account] = next + 1;
        if (!SignatureCheck.isValid(account, _hashTypedData(structHash), signature, SignatureCheck.NO_LIMIT)) {
            revert SignatureInvalid(account);
        }
    }
}
