// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title ISignedActions
/// @notice What every contract that acts on signatures has in common: an account signs an action (EIP-712), anybody
/// sends it and pays the gas, and it counts as the account's own, once.
///
/// A signature is bound to the chain, the contract, the account's next nonce and a deadline. Signers may be plain keys
/// (65 bytes r, s, v or the 64 of EIP-2098) or contracts (ERC-1271); an account that has both may use either.
///
/// Warning: an account's own transactions spend no nonce, and a signed action that reverts does not either. One that was
/// signed and never sent can still be sent until its deadline, also after a later transaction that it undoes: sign for
/// a short time, or `invalidateNonce`.
interface ISignedActions {
    /// @notice The deadline of a signed action has passed.
    /// @param deadline The last second at which it could be sent, since the Unix epoch.
    error SignatureExpired(uint256 deadline);

    /// @notice The nonce is not the account's next one: the action was sent already, or another one came first.
    error NonceNotNext(address account, uint256 nonce, uint256 next);

    /// @notice The signature is not the account's over exactly this action, for this contract on this chain.
    error SignatureInvalid(address account);

    /// @notice Spends the caller's next nonce, so that no action signed with it can be sent any more.
    /// @return nonce The one that was spent.
    function invalidateNonce() external returns (uint256 nonce);

    /// @notice The nonce that the account's next signed action has to carry.
    function nonces(address account) external view returns (uint256 nonce);
}
