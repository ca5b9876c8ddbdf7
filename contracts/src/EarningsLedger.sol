// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsSplitter } from "./interfaces/IEarningsSplitter.sol";
import { ETHER } from "./types/Terms.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

/// @title EarningsLedger
/// @notice The part of the splitter that keeps what was earned and pays it out: a pull ledger, so that no recipient can
/// hold up a payment or another recipient's claim.
abstract contract EarningsLedger is IEarningsSplitter {
    /// @inheritdoc IEarningsSplitter
    mapping(address token => mapping(address account => uint256 amount)) public earned;

    /// @inheritdoc IEarningsSplitter
    function claim(address token, address to) external returns (uint256 amount) {
        if (to == address(0)) revert RecipientIsZero();
        return _payOut(token, msg.sender, to);
    }

    /// @inheritdoc IEarningsSplitter
    function claimFor(address token, address account) external returns (uint256 amount) {
        return _payOut(token, account, account);
    }

    /// @dev Credits money that the contract holds already. Nothing is written for an amount of zero.
    function _credit(address token, address account, bytes32 contentId, uint256 amount) internal {
        if (amount == 0) return;
        earned[token][account] += amount;
        emit EarningsCredited(token, account, contentId, amount);
    }

    /// @dev The recipient is called with all gas and may call back; by then its earnings are zero.
    function _payOut(address token, address account, address to) private returns (uint256 amount) {
        // Checks
        if (token != ETHER) revert TokenNotSupported(token);
        amount = earned[token][account];
        if (amount == 0) revert NothingToClaim(token, account);

        // Effects
        earned[token][account] = 0;
        emit EarningsClaimed(token, account, to, amount);

        // Interactions
        SafeTransferLib.safeTransferETH(to, amount);
    }
}
