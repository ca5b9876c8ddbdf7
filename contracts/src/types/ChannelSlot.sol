// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev The state of a channel in the one slot that is stored, read and written as a whole: from the lowest bit, the
/// deposit (120 bits), what is settled (120 bits), and whether it is closed (1 bit). See `ChannelState`.
type ChannelSlot is uint256;

using ChannelSlotLib for ChannelSlot global;

/// @dev The most that a channel can hold, in the token's smallest unit.
uint256 constant MAX_DEPOSIT = type(uint120).max;

library ChannelSlotLib {
    uint256 private constant SETTLED_SHIFT = 120;
    uint256 private constant CLOSED_BIT = 1 << 240;

    function deposit(ChannelSlot slot) internal pure returns (uint256) {
        return ChannelSlot.unwrap(slot) & MAX_DEPOSIT;
    }

    function settled(ChannelSlot slot) internal pure returns (uint256) {
        return (ChannelSlot.unwrap(slot) >> SETTLED_SHIFT) & MAX_DEPOSIT;
    }

    function closed(ChannelSlot slot) internal pure returns (bool) {
        return ChannelSlot.unwrap(slot) & CLOSED_BIT != 0;
    }

    /// @dev `amount` is at most `MAX_DEPOSIT`.
    function withDeposit(ChannelSlot slot, uint256 amount) internal pure returns (ChannelSlot) {
        return ChannelSlot.wrap((ChannelSlot.unwrap(slot) & ~MAX_DEPOSIT) | amount);
    }

    /// @dev `amount` is at most the deposit.
    function withSettled(ChannelSlot slot, uint256 amount) internal pure returns (ChannelSlot) {
        uint256 others = ChannelSlot.unwrap(slot) & ~(MAX_DEPOSIT << SETTLED_SHIFT);
        return ChannelSlot.wrap(others | (amount << SETTLED_SHIFT));
    }

    function asClosed(ChannelSlot slot) internal pure returns (ChannelSlot) {
        return ChannelSlot.wrap(ChannelSlot.unwrap(slot) | CLOSED_BIT);
    }
}
