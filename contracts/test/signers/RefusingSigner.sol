// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A contract that calls every signature invalid: by saying so, or by reverting, with the word for "valid".
contract RefusingSigner {
    bool private immutable reverts;

    constructor(bool reverts_) {
        reverts = reverts_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (reverts) {
            assembly {
                mstore(0x00, shl(224, 0x1626ba7e))
                revert(0x00, 0x20)
            }
        }
        return 0xffffffff;
    }
}
