// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IPayoutSplit
/// @notice An account that divides all ether and ERC-20 tokens it receives between fixed recipients by fixed shares.
///
/// Nobody owns it and nothing in it can change. It is paid by ordinary transfers; a bare transfer of ether needs next to
/// no gas. Anybody may have it distribute. A recipient that does not take its part – it reverts, is blacklisted, burns
/// its gas – never blocks the others: its part is held for it, tried again at the next distribution, and can be
/// withdrawn by the recipient to anywhere.
///
/// Exactness: of all that was ever received in a token, T, a recipient with `share` out of S gets exactly
/// floor(T * share / S), however often and whenever it is distributed. Fewer units than there are recipients wait undivided.
///
/// What it trusts: a token about that token, and nothing else. Each token has books of its own:
/// - a token that takes a fee from what is sent: what arrives is divided, and recipients get it less that fee;
/// - a token whose balances shrink: what is missing is taken out of later receipts before they are divided, and until
///   then whoever comes last of those for whom something is held waits;
/// - a token that reverts, returns false, lies or calls back: only what is due in that same token waits or is lost.
///
/// Invariant: ether, and every token that does what EIP-20 says, are held in full: the balance is never less than all
/// that is held for recipients, and nobody's part goes anywhere but to them or where they say.
///
/// Amounts are in the smallest unit of the token. Token zero is ether.
///
/// Warning: up to 2^120 - 1 units of a token are divided in the life of a split; what comes after that stays.
/// Warning: tokens that are not ERC-20 (NFTs) cannot be divided and cannot be recovered.
/// Warning: a token that answers at two addresses has two books over one balance. What is held for a recipient in one is a
/// receipt in the other, and anybody may have it divided between all: such a token is not safe here while anything is held.
interface IPayoutSplit {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice A token was distributed.
    /// @param received All that was ever received and divided in this token: a recipient with `share` out of S has been
    /// paid floor(received * share / S), less what is held for it.
    /// @param sent What left the split by this distribution.
    event Distributed(address indexed token, uint256 received, uint256 sent);

    /// @notice A recipient did not take its part: what is held for it grew by `amount`.
    event PaymentHeld(address indexed token, address indexed recipient, uint256 amount);

    /// @notice All that was held for a recipient went to `to`: the recipient's choice, or the recipient itself when a
    /// later distribution succeeded.
    event HeldPaid(address indexed token, address indexed recipient, address indexed to, uint256 amount);

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The split owes nothing in this token, or only units too few to divide.
    error NothingToDistribute(address token);

    /// @notice Nothing is held for the account in this token.
    error NothingHeld(address token, address account);

    /// @notice A withdrawal needs somewhere to go.
    error RecipientIsZero();

    /// @notice The payment failed at `to`, or at the token. Nothing has changed.
    error PaymentRefused(address token, address to, uint256 amount);

    /// @notice This is the code that splits share, and not a split.
    error NotASplit();

    // -------------------------------------------------------------------------------------------------- Payment

    /// @notice Sends every recipient all that it is owed in `token`. Anybody may call.
    /// @dev A payment in ether gives the recipient 100,000 gas, a payment in a token gives the token 250,000, so that no
    /// number of hostile recipients needs more gas than a transaction may have. What fails is held. Nobody can make a
    /// payment fail by giving too little gas: that reverts with `GasTooLow`.
    ///
    /// Recipients are called while others are not paid yet and may call back; the books count all that is on its way as
    /// held, so there is nothing to gain.
    /// @param token Zero for ether, or an ERC-20 token.
    /// @return sent What left the split. Zero when every payment failed.
    ///
    /// Reverts with `NothingToDistribute`, `GasTooLow`, `NotASplit`.
    function distribute(address token) external returns (uint256 sent);

    /// @notice Sends all that is held for the caller in `token` to `to`.
    /// @dev Only what an earlier distribution could not deliver is held. The other side gets all gas.
    /// @return amount What was sent.
    ///
    /// Reverts with `RecipientIsZero`, `NothingHeld`, `PaymentRefused`.
    function withdraw(address token, address to) external returns (uint256 amount);

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice Who is paid, in ascending order, and each one's parts out of the sum of all shares.
    ///
    /// Reverts with `NotASplit`.
    function recipients() external view returns (address[] memory recipients_, uint32[] memory shares);

    /// @notice What `distribute` would send now if everybody took it, everything that is held included.
    /// @dev From inside a payment it is no more than an estimate, as what is on its way is counted as held.
    ///
    /// Reverts with `NotASplit`.
    function distributable(address token) external view returns (uint256 amount);

    /// @notice What `distribute` would send to `account` now, what is held for it included.
    ///
    /// Reverts with `NotASplit`.
    function owed(address token, address account) external view returns (uint256 amount);

    /// @notice What is held for an account because it did not take it.
    function held(address token, address account) external view returns (uint256 amount);

    /// @notice What is held for all recipients together.
    function totalHeld(address token) external view returns (uint256 amount);

    /// @notice All that was ever received in this token, as of its last distribution.
    function received(address token) external view returns (uint256 amount);
}
