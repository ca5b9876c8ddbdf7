// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title SplitClone
/// @notice The bytecode of a split: a minimal proxy (EIP-1167) with its recipients and shares behind the code, where they
/// are cheaper to read than storage and cannot change.
///
/// One thing is put before the proxy: a call without data ends at once. A split thus takes ether from a sender that
/// forwards 2,300 gas only, and every payment to it is cheaper by what the delegated call would have cost.
///
///     36 6005 57 00 5b        stop unless there is calldata
///     363d..f3                the minimal proxy, 45 bytes, its one jump 6 bytes further
///     (address, share)*       20 + 4 bytes each
library SplitClone {
    /// @dev Where the rows begin in the code of a split.
    uint256 internal constant ROWS_OFFSET = 51;

    /// @dev The length of one row: a recipient and its share.
    uint256 internal constant ROW_LENGTH = 24;

    /// @notice The code that creates a split.
    /// @param rows At most 65,000 bytes.
    function initCode(address implementation, bytes memory rows) internal pure returns (bytes memory) {
        return abi.encodePacked(
            hex"61",
            // casting to 'uint16' is safe because rows are bounded
            // forge-lint: disable-next-line(unsafe-typecast)
            uint16(ROWS_OFFSET + rows.length),
            hex"3d81600a3d39f336600557005b363d3d373d3d3d363d73",
            implementation,
            hex"5af43d82803e903d91603157fd5bf3",
            rows
        );
    }

    /// @notice The rows of the split whose code runs.
    function ownRows() internal view returns (bytes memory rows) {
        assembly ("memory-safe") {
            rows := mload(0x40)
            let length := sub(extcodesize(address()), ROWS_OFFSET)
            mstore(rows, length)
            extcodecopy(address(), add(rows, 0x20), ROWS_OFFSET, length)
            // The length is no multiple of a word; reading the last row goes past it.
            mstore(0x40, and(add(add(rows, length), 0x5f), not(0x1f)))
        }
    }

    /// @notice Room for `count` rows.
    function newRows(uint256 count) internal pure returns (bytes memory rows) {
        return new bytes(count * ROW_LENGTH);
    }

    function rowCount(bytes memory rows) internal pure returns (uint256) {
        return rows.length / ROW_LENGTH;
    }

    /// @notice Writes the row at `index`, which is below `rowCount`. Rows are written in ascending order: the 8 bytes behind
    /// one, which are the next row's or nobody's yet, are cleared.
    function setRow(bytes memory rows, uint256 index, address recipient, uint32 share) internal pure {
        assembly ("memory-safe") {
            let row := or(shl(96, recipient), shl(64, and(share, 0xffffffff)))
            mstore(add(add(rows, 0x20), mul(index, ROW_LENGTH)), row)
        }
    }

    /// @notice The row at `index`, which is below `rowCount`.
    function rowAt(bytes memory rows, uint256 index) internal pure returns (address recipient, uint256 share) {
        assembly ("memory-safe") {
            let row := mload(add(add(rows, 0x20), mul(index, ROW_LENGTH)))
            recipient := shr(96, row)
            share := and(shr(64, row), 0xffffffff)
        }
    }
}
