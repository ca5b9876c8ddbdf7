// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { SplitMath } from "../../src/libraries/SplitMath.sol";
import { Test } from "forge-std/Test.sol";

contract SplitMathTest is Test {
    function test_TheCreatorsShareIsRoundedUp() public pure {
        assertEq(SplitMath.creatorShareRoundedUp(1, 1), 1);
        assertEq(SplitMath.creatorShareRoundedUp(10_000, 1), 1);
        assertEq(SplitMath.creatorShareRoundedUp(10_001, 1), 2);
        assertEq(SplitMath.creatorShareRoundedUp(3, 5000), 2);
        assertEq(SplitMath.creatorShareRoundedUp(1 ether + 1, 9000), 0.9 ether + 1);
    }

    function test_NothingOrAllIsExact() public pure {
        assertEq(SplitMath.creatorShareRoundedUp(0, 9000), 0);
        assertEq(SplitMath.creatorShareRoundedUp(123, 0), 0);
        assertEq(SplitMath.creatorShareRoundedUp(123, 10_000), 123);
        assertEq(SplitMath.creatorShareRoundedUp(type(uint96).max, 10_000), type(uint96).max);
    }

    function testFuzz_TheShareIsTheSmallestThatReachesTheCreatorsPart(uint128 amount, uint256 bps) public pure {
        bps = bound(bps, 0, SplitMath.WHOLE_BPS);
        uint256 share = SplitMath.creatorShareRoundedUp(amount, bps);
        uint256 exact = uint256(amount) * bps;

        assertLe(share, amount, "never more than was paid");
        assertGe(share * SplitMath.WHOLE_BPS, exact, "never less than the creator's part");
        assertLt(share * SplitMath.WHOLE_BPS, exact + SplitMath.WHOLE_BPS, "never a whole unit above it");
    }

    function testFuzz_MoreMoneyOrMoreShareIsNeverLessForTheCreator(uint128 amount, uint128 more, uint256 a, uint256 b)
        public
        pure
    {
        a = bound(a, 0, SplitMath.WHOLE_BPS);
        b = bound(b, a, SplitMath.WHOLE_BPS);
        uint256 share = SplitMath.creatorShareRoundedUp(amount, a);
        assertLe(share, SplitMath.creatorShareRoundedUp(amount, b));
        assertLe(share, SplitMath.creatorShareRoundedUp(uint256(amount) + more, a));
    }
}
