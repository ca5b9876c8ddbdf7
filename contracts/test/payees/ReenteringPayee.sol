// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsSplitter } from "../../src/interfaces/IEarningsSplitter.sol";
import { ETHER } from "../../src/types/Terms.sol";

/// @notice A contract that answers its earnings by calling every way out of the splitter again.
contract ReenteringPayee {
    IEarningsSplitter private immutable splitter;

    /// @notice How often it was paid, and what it took by calling back: its own earnings, when it is paid for somebody else.
    uint256 public payments;
    uint256 public taken;

    constructor(IEarningsSplitter splitter_) {
        splitter = splitter_;
    }

    receive() external payable {
        payments++;
        try splitter.claim(ETHER, address(this)) returns (uint256 amount) {
            taken += amount;
        } catch { }
        try splitter.claimFor(ETHER, address(this)) returns (uint256 amount) {
            taken += amount;
        } catch { }
    }
}
