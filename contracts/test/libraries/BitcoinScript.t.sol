// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { BitcoinScript } from "../../src/libraries/BitcoinScript.sol";
import { Test } from "forge-std/Test.sol";

contract BitcoinScriptTest is Test {
    bytes20 private constant HASH20 = bytes20(keccak256("a hash of 20 bytes"));
    bytes32 private constant HASH32 = keccak256("a hash of 32 bytes");

    function isStandardOutput(bytes calldata script) external pure returns (bool) {
        return BitcoinScript.isStandardOutput(script);
    }

    function standardOutputs() private pure returns (bytes[] memory scripts) {
        scripts = new bytes[](5);
        scripts[0] = abi.encodePacked(hex"76a914", HASH20, hex"88ac");
        scripts[1] = abi.encodePacked(hex"a914", HASH20, hex"87");
        scripts[2] = abi.encodePacked(hex"0014", HASH20);
        scripts[3] = abi.encodePacked(hex"0020", HASH32);
        scripts[4] = abi.encodePacked(hex"5120", HASH32);
    }

    function test_TheFiveKindsOfAddressAreRecognised() public view {
        bytes[] memory scripts = standardOutputs();
        for (uint256 i = 0; i < scripts.length; i++) {
            assertTrue(this.isStandardOutput(scripts[i]), vm.toString(scripts[i]));
        }
    }

    function test_AnyOtherOpcodeMakesAScriptUnknown() public view {
        // How many bytes stand before and after the hash in each kind.
        uint256[2][5] memory opcodes =
            [[uint256(3), 2], [uint256(2), 1], [uint256(2), 0], [uint256(2), 0], [uint256(2), 0]];
        bytes[] memory scripts = standardOutputs();
        for (uint256 i = 0; i < scripts.length; i++) {
            uint256 length = scripts[i].length;
            for (uint256 place = 0; place < length; place++) {
                bytes memory changed = bytes.concat(scripts[i]);
                changed[place] ^= 0x04;
                bool inHash = place >= opcodes[i][0] && place < length - opcodes[i][1];
                assertEq(this.isStandardOutput(changed), inHash, vm.toString(changed));
            }
        }
    }

    function test_AByteMoreOrLessMakesAScriptUnknown() public view {
        bytes[] memory scripts = standardOutputs();
        for (uint256 i = 0; i < scripts.length; i++) {
            assertFalse(this.isStandardOutput(abi.encodePacked(scripts[i], hex"00")));
            assertFalse(this.isStandardOutput(abi.encodePacked(hex"00", scripts[i])));
            bytes memory shorter = new bytes(scripts[i].length - 1);
            for (uint256 place = 0; place < shorter.length; place++) {
                shorter[place] = scripts[i][place];
            }
            assertFalse(this.isStandardOutput(shorter));
        }
    }

    function test_OtherScriptsAreUnknown() public view {
        bytes[7] memory scripts = [
            bytes(""),
            hex"6a",
            abi.encodePacked(hex"6a14", HASH20),
            abi.encodePacked(hex"6a20", HASH32),
            // A pay-to-anchor output, a later witness version, and a bare public key.
            hex"51024e73",
            abi.encodePacked(hex"5220", HASH32),
            abi.encodePacked(hex"2102", HASH32, hex"ac")
        ];
        for (uint256 i = 0; i < scripts.length; i++) {
            assertFalse(this.isStandardOutput(scripts[i]), vm.toString(scripts[i]));
        }
    }
}
