// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "./interfaces/IEarningsLedger.sol";
import { Push } from "./libraries/Push.sol";

/// @title EarningsLedger
/// @notice Implements `IEarningsLedger`.
abstract contract EarningsLedger is IEarningsLedger {
    /// @inheritdoc IEarningsLedger
    mapping(address token => mapping(address account => uint256 amount)) public earned;

    /// @inheritdoc IEarningsLedger
    function claim(address token, address to) external returns (uint256 amount) {
        return _payOut(token, msg.sender, to);
    }

    /// @inheritdoc IEarningsLedger
    function claimFor(address token, address account) external returns (uint256 amount) {
        return _payOut(token, account, account);
    }

    /// @dev Credits money that the contract holds already. Nothing is written for an amount of zero.
    function _credit(address token, address account, bytes32 contentId, uint256 amount) internal {
        if (amount == 0) return;
        // No payment is above 2^120: the sum overflows after 2^136 of them, and no chain has room for so many.
        unchecked {
            earned[token][account] += amount;
        }
        emit EarningsCredited(token, account, contentId, amount);
    }

    /// @dev The recipient is called with all gas and may call back; by then its earnings are zero.
    function _payOut(address token, address account, address to) private returns (uint256 amount) {
        // Checks
        if (to == address(0) || to == address(this)) revert RecipientInvalid(to);
        amount = earned[token][account];
        if (amount == 0) revert NothingToClaim(token, account);

        // Effects
        earned[token][account] = 0;
        emit EarningsClaimed(token, account, to, amount);

        // Interactions
        if (!Push.tryTransfer(token, to, amount, gasleft())) revert TransferFailed(token, to, amount);
    }
}
