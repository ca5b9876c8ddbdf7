// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that calls every signature valid once it has used so much gas; with less, it ends without a word.
contract BurningSigner {
    uint256 private immutable appetite;

    constructor(uint256 appetite_) {
        appetite = appetite_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 begun = gasleft();
        uint256 wanted = appetite;
        assembly {
            for { } lt(sub(begun, gas()), wanted) { } { }
        }
        return 0x1626ba7e;
    }
}
