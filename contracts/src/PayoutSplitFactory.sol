// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PayoutSplit } from "./PayoutSplit.sol";
import { IPayoutSplitFactory } from "./interfaces/IPayoutSplitFactory.sol";
import { SplitClone } from "./libraries/SplitClone.sol";
import { LibClone } from "solady/utils/LibClone.sol";

/// @title PayoutSplitFactory
/// @notice Implements `IPayoutSplitFactory`.
contract PayoutSplitFactory is IPayoutSplitFactory {
    /// @dev As many as can be paid in one transaction (2^24 gas, EIP-7825) when each of them burns all gas that it gets.
    uint256 private constant MAX_RECIPIENTS = 50;

    /// @inheritdoc IPayoutSplitFactory
    address public immutable implementation = address(new PayoutSplit());

    /// @inheritdoc IPayoutSplitFactory
    function createSplit(address[] calldata recipients, uint32[] calldata shares) external returns (address split) {
        // Checks
        bytes memory initCode = initCodeOf(recipients, shares);
        split = addressOf(initCode);
        if (split.code.length != 0) return split;

        // Effects
        emit SplitCreated(split, recipients, shares);

        // Interactions: the code that runs is the four instructions that copy the rest.
        address created;
        assembly ("memory-safe") {
            created := create2(0, add(initCode, 0x20), mload(initCode), 0)
        }
        if (created != split) revert SplitNotCreated(split);
    }

    /// @inheritdoc IPayoutSplitFactory
    function splitOf(address[] calldata recipients, uint32[] calldata shares)
        external
        view
        returns (address split, bool exists)
    {
        split = addressOf(initCodeOf(recipients, shares));
        exists = split.code.length != 0;
    }

    /// @dev The address follows from the content alone: the salt is zero.
    function addressOf(bytes memory initCode) private view returns (address) {
        return LibClone.predictDeterministicAddress(keccak256(initCode), 0, address(this));
    }

    function initCodeOf(address[] calldata recipients, uint32[] calldata shares) private view returns (bytes memory) {
        uint256 count = recipients.length;
        if (count != shares.length) revert LengthsDiffer(count, shares.length);
        if (count == 0 || count > MAX_RECIPIENTS) revert RecipientCountInvalid(count, MAX_RECIPIENTS);

        bytes memory rows = SplitClone.newRows(count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address recipient = recipients[i];
            uint32 share = shares[i];
            if (recipient <= previous) revert RecipientsNotAscending(i, recipient);
            if (recipient == implementation || recipient == address(this)) revert RecipientCannotBePaid(recipient);
            if (share == 0) revert ShareIsZero(i, recipient);
            SplitClone.setRow(rows, i, recipient, share);
            previous = recipient;
        }
        return SplitClone.initCode(implementation, rows);
    }
}
