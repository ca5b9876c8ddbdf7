// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title SplitMath
/// @notice Divides a payment between the creator and the provider, exact to the smallest unit.
library SplitMath {
    /// @dev One whole, in basis points.
    uint256 internal constant WHOLE_BPS = 10_000;

    /// @notice The creator's part of `amount`, rounded up; what is left of `amount` is the provider's.
    /// @dev Never above `amount`, and never overflows: no amount that is divided here is as large as 2^128.
    /// @param amount The payment, in the token's smallest unit: below 2^128.
    /// @param creatorShareBps The creator's share in basis points, 0 to `WHOLE_BPS`.
    /// @return The creator's part, in the token's smallest unit.
    function creatorShareRoundedUp(uint256 amount, uint256 creatorShareBps) internal pure returns (uint256) {
        unchecked {
            return (amount * creatorShareBps + (WHOLE_BPS - 1)) / WHOLE_BPS;
        }
    }
}
