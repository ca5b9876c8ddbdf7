// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PayoutSplitFactory } from "../src/PayoutSplitFactory.sol";
import { IPayoutSplit } from "../src/interfaces/IPayoutSplit.sol";
import { Test } from "forge-std/Test.sol";

/// @notice A factory, and splits between whoever a test needs.
abstract contract PayoutSplitFixture is Test {
    PayoutSplitFactory internal factory = new PayoutSplitFactory();

    address internal immutable stranger = makeAddr("stranger");

    /// @dev A split between two, in the order given, which may be descending.
    function splitBetween(address a, uint32 shareOfA, address b, uint32 shareOfB) internal returns (IPayoutSplit) {
        address[] memory recipients = new address[](2);
        uint32[] memory shares = new uint32[](2);
        (recipients[0], recipients[1]) = (a, b);
        (shares[0], shares[1]) = (shareOfA, shareOfB);
        return splitAmong(recipients, shares);
    }

    function splitBetween(address a, uint32 shareOfA, address b, uint32 shareOfB, address c, uint32 shareOfC)
        internal
        returns (IPayoutSplit)
    {
        address[] memory recipients = new address[](3);
        uint32[] memory shares = new uint32[](3);
        (recipients[0], recipients[1], recipients[2]) = (a, b, c);
        (shares[0], shares[1], shares[2]) = (shareOfA, shareOfB, shareOfC);
        return splitAmong(recipients, shares);
    }

    /// @dev Sorts both arrays by recipient first, in place.
    function splitAmong(address[] memory recipients, uint32[] memory shares) internal returns (IPayoutSplit) {
        for (uint256 i = 1; i < recipients.length; i++) {
            for (uint256 j = i; j > 0 && recipients[j] < recipients[j - 1]; j--) {
                (recipients[j], recipients[j - 1]) = (recipients[j - 1], recipients[j]);
                (shares[j], shares[j - 1]) = (shares[j - 1], shares[j]);
            }
        }
        return IPayoutSplit(factory.createSplit(recipients, shares));
    }

    function pay(IPayoutSplit split, uint256 amount) internal {
        vm.deal(address(this), amount);
        (bool sent,) = address(split).call{ value: amount }("");
        assertTrue(sent);
    }
}
