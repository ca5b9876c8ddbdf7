// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title BitcoinScript
/// @notice Recognises the output scripts that an address on the Bitcoin network can stand for.
library BitcoinScript {
    /// @notice Whether `script` has the shape of a P2PKH, P2SH, P2WPKH, P2WSH or P2TR output script.
    /// @dev Shape only: a hash that nobody has a preimage for, or a P2TR key that is not on the curve, passes.
    /// @param script The script as it stands in the output, without a length in front of it.
    function isStandardOutput(bytes calldata script) internal pure returns (bool) {
        uint256 length = script.length;
        // P2WPKH: OP_0, push of 20 (BIP141).
        if (length == 22) return bytes2(script[:2]) == 0x0014;
        // P2SH: OP_HASH160, push of 20, OP_EQUAL (BIP16).
        if (length == 23) return bytes2(script[:2]) == 0xa914 && script[22] == 0x87;
        // P2PKH: OP_DUP, OP_HASH160, push of 20, OP_EQUALVERIFY, OP_CHECKSIG.
        if (length == 25) return bytes3(script[:3]) == 0x76a914 && bytes2(script[23:]) == 0x88ac;
        // P2WSH: OP_0, push of 32 (BIP141). P2TR: OP_1, push of 32 (BIP341).
        if (length == 34) return bytes2(script[:2]) == 0x0020 || bytes2(script[:2]) == 0x5120;
        return false;
    }
}
