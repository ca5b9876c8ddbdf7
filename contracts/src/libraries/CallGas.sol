// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title CallGas
/// @notice The gas that must be left before a call, so that a call which fails has not failed for want of gas.
library CallGas {
    /// @notice What must be left for the other side to get all of `gasLimit`.
    /// @dev A call passes on 63/64 of the gas at most (EIP-150), of what is left once it is paid for itself.
    /// @param gasLimit The most that the other side may use.
    /// @param callGas No less than the call itself costs.
    function needed(uint256 gasLimit, uint256 callGas) internal pure returns (uint256) {
        return gasLimit + gasLimit / 63 + 1 + callGas;
    }
}
