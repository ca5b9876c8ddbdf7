// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "./IPaymentErrors.sol";

/// @title IEarningsLedger
/// @notice Keeps what accounts earned until they claim it. Every recipient pulls, so that none can hold up a payment or
/// another one's claim. Amounts are in the smallest unit of the token; token zero is ether.
interface IEarningsLedger is IPaymentErrors {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice An account's unclaimed earnings grew by `amount`, which is never zero.
    event EarningsCredited(address indexed token, address indexed account, bytes32 indexed contentId, uint256 amount);

    /// @notice All of an account's unclaimed earnings in one token went to `to`.
    event EarningsClaimed(address indexed token, address indexed account, address indexed to, uint256 amount);

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The account has no unclaimed earnings in this token.
    error NothingToClaim(address token, address account);

    /// @notice A claim can go neither to nobody nor to the splitter itself.
    error RecipientInvalid(address to);

    // --------------------------------------------------------------------------------------------------- Claims

    /// @notice Sends all that the caller has earned in a token to `to`.
    /// @dev An account that cannot receive the token itself, because its code refuses ether or the token refuses it,
    /// names one that can.
    /// @return amount What was sent.
    ///
    /// Reverts with `RecipientInvalid`, `NothingToClaim`, `TransferFailed`.
    function claim(address token, address to) external returns (uint256 amount);

    /// @notice Sends all that `account` has earned in a token to `account` itself. Anybody may call.
    /// @dev Warning: a contract may thus be sent its earnings at a moment that it did not choose.
    /// @return amount What was sent.
    ///
    /// Reverts with `RecipientInvalid`, `NothingToClaim`, `TransferFailed`.
    function claimFor(address token, address account) external returns (uint256 amount);

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice What an account has earned in a token and not claimed yet.
    function earned(address token, address account) external view returns (uint256 amount);
}
