// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { IEarningsSplitter } from "../src/interfaces/IEarningsSplitter.sol";
import { IStreamRegistry } from "../src/interfaces/IStreamRegistry.sol";
import { Fixture } from "./Fixture.sol";

contract SplitterDeploymentTest is Fixture {
    function test_TheRegistryIsFixed() public view {
        assertEq(address(splitter.registry()), address(registry));
    }

    function test_ARegistryWithoutCodeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IEarningsSplitter.RegistryHasNoCode.selector, stranger));
        new EarningsSplitter(IStreamRegistry(stranger));
    }

    function test_EtherSentWithoutAPaymentIsRefused() public {
        (bool sent,) = address(splitter).call{ value: 1 }("");
        assertFalse(sent);
    }
}
