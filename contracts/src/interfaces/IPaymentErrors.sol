// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IPaymentErrors
/// @notice Refusals that mean the same wherever money comes in or goes out.
interface IPaymentErrors {
    /// @notice Other than exactly what is due was sent in ether; nothing is due in ether when a token is.
    error IncorrectPayment(uint256 sent, uint256 due);

    /// @notice The token cannot be paid with here: it is ether where an authorisation of a token is given, or has no code.
    error TokenNotSupported(address token);

    /// @notice The token did not let `from` pay: too little balance or allowance, or the token refuses.
    error TransferFromFailed(address token, address from, uint256 amount);

    /// @notice The token delivered other than exactly what is due, as a token with a fee on transfers does.
    error TokenAmountMismatch(address token, uint256 received, uint256 due);

    /// @notice The recipient, or the token, refused the transfer. Nothing has changed.
    error TransferFailed(address token, address to, uint256 amount);
}
