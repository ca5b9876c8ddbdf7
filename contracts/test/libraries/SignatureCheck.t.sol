// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { SignatureCheck } from "../../src/libraries/SignatureCheck.sol";
import { BurningSigner } from "../signers/BurningSigner.sol";
import { RefusingSigner } from "../signers/RefusingSigner.sol";
import { ReturnBombSigner } from "../signers/ReturnBombSigner.sol";
import { WalletSigner } from "../signers/WalletSigner.sol";
import { Test } from "forge-std/Test.sol";

contract SignatureCheckTest is Test {
    uint256 private constant LIMIT = 300_000;
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function check(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return SignatureCheck.isValid(signer, digest, signature, LIMIT);
    }

    function sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function testFuzz_AKeySigns(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, ORDER - 1);
        assertTrue(this.check(vm.addr(key), digest, sign(key, digest)));
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        assertTrue(this.check(vm.addr(key), digest, abi.encodePacked(r, vs)));
    }

    function testFuzz_AnotherDigestOrAnotherKeyIsInvalid(bytes32 digest, bytes32 other) public view {
        vm.assume(digest != other);
        assertFalse(this.check(vm.addr(1), other, sign(1, digest)));
        assertFalse(this.check(vm.addr(2), digest, sign(1, digest)));
    }

    function testFuzz_NobodySignsForTheAccountZero(bytes32 digest, bytes calldata signature) public view {
        assertFalse(this.check(address(0), digest, signature));
    }

    function testFuzz_ContractsAnswerForThemselves(bytes32 digest) public {
        WalletSigner wallet = new WalletSigner(vm.addr(1));
        assertTrue(this.check(address(wallet), digest, sign(1, digest)));
        assertFalse(this.check(address(wallet), digest, sign(2, digest)));
        assertFalse(this.check(address(new RefusingSigner(false)), digest, sign(1, digest)));
        assertFalse(this.check(address(new RefusingSigner(true)), digest, sign(1, digest)));
        assertFalse(this.check(address(new ReturnBombSigner(true)), digest, ""));
        assertFalse(this.check(address(new ReturnBombSigner(false)), digest, ""));
        assertFalse(this.check(address(this), digest, ""));
    }

    function test_AnAnswerShorterThanAWordIsInvalid() public {
        // Returns the four bytes alone: PUSH4, shifted to the left end of a word, stored, RETURN(0, 4).
        vm.etch(address(0xbeef), hex"631626ba7e60e01b60005260046000f3");
        assertFalse(this.check(address(0xbeef), 0, ""));
        vm.etch(address(0xbeef), hex"631626ba7e60e01b60005260206000f3");
        assertTrue(this.check(address(0xbeef), 0, ""));
        // Bits behind the four bytes are not what ERC-1271 says.
        vm.etch(address(0xbeef), hex"631626ba7e60e01b60010160005260206000f3");
        assertFalse(this.check(address(0xbeef), 0, ""));
    }

    function test_AKeyStaysAKeyWhenItsAccountTakesOnCode() public {
        bytes memory signature = sign(1, "digest");
        vm.etch(vm.addr(1), address(new RefusingSigner(true)).code);
        assertTrue(this.check(vm.addr(1), "digest", signature));
        assertFalse(this.check(vm.addr(1), "other", signature));
    }

    function testFuzz_ForWantOfGasItRevertsAndNeverSaysInvalid(uint256 gas) public {
        address signer = address(new BurningSigner(290_000));
        gas = bound(gas, 10_000, 400_000);
        try this.check{ gas: gas }(signer, 0, "") returns (bool valid) {
            assertTrue(valid);
        } catch (bytes memory reason) {
            assertLt(gas, 310_000);
            if (reason.length != 0) {
                assertEq(reason, abi.encodeWithSelector(SignatureCheck.GasBelowSignatureLimit.selector, LIMIT));
            }
        }
    }

    /// @dev 300,000, what a call holds back of that (EIP-150), and 3,000 for the call itself.
    function test_WithTheGasThatIsNeededARefusalCountsAndWithOneLessItDoesNot() public {
        address refusing = address(new RefusingSigner(true));
        (uint256 low, uint256 high) = (100_000, 400_000);
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            try this.check{ gas: middle }(refusing, 0, "") returns (bool valid) {
                assertFalse(valid);
                high = middle;
            } catch (bytes memory reason) {
                assertEq(reason, abi.encodeWithSelector(SignatureCheck.GasBelowSignatureLimit.selector, LIMIT));
                low = middle;
            }
        }
        // Besides, there is what happens before the call: an attempt to recover a key from the signature.
        assertApproxEqAbs(high, 307_762, 5000);
        assertTrue(this.check{ gas: high }(address(new BurningSigner(LIMIT - 10_000)), 0, ""));
    }

    function test_TheLimitHolds() public {
        assertTrue(this.check(address(new BurningSigner(LIMIT - 10_000)), 0, ""));
        assertFalse(this.check(address(new BurningSigner(LIMIT)), 0, ""));
    }
}
