// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Push } from "../../src/libraries/Push.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { BurningPayee } from "../payees/BurningPayee.sol";
import { GreedyPayee } from "../payees/GreedyPayee.sol";
import { RefusingPayee } from "../payees/RefusingPayee.sol";
import { ReturnBombPayee } from "../payees/ReturnBombPayee.sol";
import { FalseReturningToken } from "../tokens/FalseReturningToken.sol";
import { MintableToken } from "../tokens/MintableToken.sol";
import { NoReturnToken } from "../tokens/NoReturnToken.sol";
import { RevertingToken } from "../tokens/RevertingToken.sol";
import { Test } from "forge-std/Test.sol";

contract PushTest is Test {
    address private immutable to = makeAddr("to");

    function push(address token, address to_, uint256 amount) private returns (bool success) {
        uint256 free;
        uint256 after_;
        assembly {
            free := mload(0x40)
        }
        success = Push.tryTransfer(token, to_, amount, 200_000);
        assembly {
            after_ := mload(0x40)
        }
        assertEq(after_, free, "the free memory pointer is as it was");
    }

    function pushWithin(address token, address to_, uint256 amount) external returns (bool success) {
        return Push.tryTransferWithin(token, to_, amount, 200_000);
    }

    function testFuzz_EtherArrives(uint96 amount) public {
        vm.deal(address(this), amount);
        assertTrue(push(ETHER, to, amount));
        assertEq(to.balance, amount);
    }

    function testFuzz_ATokenArrives(uint256 amount) public {
        MintableToken token = new MintableToken();
        token.mint(address(this), amount);
        assertTrue(push(address(token), to, amount));
        assertEq(token.balanceOf(to), amount);
    }

    function test_MoreThanIsThereIsNotSent() public {
        vm.deal(address(this), 9);
        assertFalse(push(ETHER, to, 10));
        MintableToken token = new MintableToken();
        assertFalse(push(address(token), to, 10));
        assertFalse(push(address(new FalseReturningToken()), to, 10));
        assertFalse(push(address(new NoReturnToken()), to, 10));
    }

    function test_WhoeverRefusesIsNotPaidAndNothingReverts() public {
        assertFalse(push(ETHER, address(new RefusingPayee()), 1));
        assertFalse(push(ETHER, address(new BurningPayee()), 1));
        push(ETHER, address(new ReturnBombPayee(false)), 1);
        assertFalse(push(ETHER, address(new ReturnBombPayee(true)), 1));
        RevertingToken token = new RevertingToken();
        token.mint(address(this), 1);
        token.setReverts(true);
        assertFalse(push(address(token), to, 1));
    }

    function test_ATokenThatReturnsNothingHasSucceeded() public {
        NoReturnToken token = new NoReturnToken();
        token.mint(address(this), 10);
        assertTrue(push(address(token), to, 10));
        assertEq(token.balanceOf(to), 10);
    }

    /// @dev 200,000, what a call holds back of that (EIP-150), and 40,000 for the call itself.
    function test_WithTheGasThatIsNeededARefusalCountsAndWithOneLessItDoesNot() public {
        RevertingToken token = new RevertingToken();
        token.setReverts(true);
        address refusing = address(new RefusingPayee());
        for (uint256 i = 0; i < 2; i++) {
            (address what, address whom) = i == 0 ? (ETHER, refusing) : (address(token), to);
            (uint256 low, uint256 high) = (100_000, 400_000);
            while (high - low > 1) {
                uint256 middle = (low + high) / 2;
                try this.pushWithin{ gas: middle }(what, whom, 1) {
                    high = middle;
                } catch {
                    low = middle;
                }
            }
            assertFalse(this.pushWithin{ gas: high }(what, whom, 1));
            vm.expectRevert(abi.encodeWithSelector(Push.GasTooLow.selector, 243_174, 243_175));
            this.pushWithin{ gas: low }(what, whom, 1);
        }
    }

    /// @dev One that wants all but what it costs to ask; the 2,300 that come with a value are on top.
    function testFuzz_WhoeverWantsAllTheGasGetsItOrNothingHasHappened(uint256 gas) public {
        address greedy = address(new GreedyPayee(202_000));
        gas = bound(gas, 50_000, 400_000);
        try this.pushWithin{ gas: gas }(ETHER, greedy, 1) returns (bool success) {
            assertTrue(success);
            assertEq(greedy.balance, 1);
        } catch {
            assertEq(greedy.balance, 0);
            assertLt(gas, 245_000);
        }
    }

    function test_WhoeverWantsMoreThanTheLimitIsNotPaid() public {
        assertFalse(this.pushWithin(ETHER, address(new GreedyPayee(202_300)), 1));
    }

    function test_AnAddressWithoutCodeHasNot() public {
        assertFalse(push(makeAddr("nothing"), to, 10));
    }

    function test_OnlyExactlyTrueIsTrue() public {
        // Each returns the pushed byte in a word: 1, 2; and the byte 1 alone, which is no word.
        vm.etch(address(0xbeef), hex"600160005260206000f3");
        assertTrue(push(address(0xbeef), to, 1));
        vm.etch(address(0xbeef), hex"600260005260206000f3");
        assertFalse(push(address(0xbeef), to, 1));
        vm.etch(address(0xbeef), hex"600160005260016000f3");
        assertFalse(push(address(0xbeef), to, 1));
    }
}
