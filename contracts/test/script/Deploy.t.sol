// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Deploy } from "../../script/Deploy.s.sol";
import { EarningsSplitter } from "../../src/EarningsSplitter.sol";
import { StreamRegistry } from "../../src/StreamRegistry.sol";
import { Test } from "forge-std/Test.sol";

contract DeployTest is Test {
    function test_TheSplitterIsDeployedForTheRegistry() public {
        (StreamRegistry registry, EarningsSplitter splitter) = new Deploy().run();
        assertEq(address(splitter.registry()), address(registry));
    }

    /// @dev The crate reads the same shape (deployment.rs).
    function test_TheRecordIsJsonWithTheNamesThatAreReadElsewhere() public {
        string memory record = new Deploy().record(31_337, address(1), address(2), 3);
        assertEq(vm.parseJsonUint(record, ".chainId"), 31_337);
        assertEq(vm.parseJsonAddress(record, ".registry"), address(1));
        assertEq(vm.parseJsonAddress(record, ".splitter"), address(2));
        assertEq(vm.parseJsonUint(record, ".block"), 3);
    }
}
