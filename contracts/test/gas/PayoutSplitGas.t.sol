// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PayoutSplitFactory } from "../../src/PayoutSplitFactory.sol";
import { IPayoutSplit } from "../../src/interfaces/IPayoutSplit.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { GasFixture } from "./GasFixture.sol";

contract PayoutSplitGasTest is GasFixture {
    PayoutSplitFactory private factory;
    address[] private recipients;
    uint32[] private shares;

    function setUp() public override {
        super.setUp();
        factory = new PayoutSplitFactory();
        (address first, address second) = creator < provider ? (creator, provider) : (provider, creator);
        recipients.push(first);
        recipients.push(second);
        shares.push(6667);
        shares.push(3333);
    }

    function test_CreateSplit() public {
        (address[] memory recipients_, uint32[] memory shares_) = (recipients, shares);
        vm.prank(relayer);
        factory.createSplit(recipients_, shares_);
        snapshot("createSplit");
    }

    function test_DistributeEther() public {
        IPayoutSplit split = createSplit();
        vm.deal(address(split), 0.4123 ether);
        distribute(split, ETHER);
        snapshot("distributeSplit_2_first");

        vm.deal(address(split), address(split).balance + 0.7319 ether);
        distribute(split, ETHER);
        snapshot("distributeSplit_2");
    }

    function test_DistributeTokens() public {
        IPayoutSplit split = createSplit();
        usd.mint(address(split), 12_345_679);
        distribute(split, address(usd));
        snapshot("distributeSplit_2_token_first");

        usd.mint(address(split), 34_567_891);
        distribute(split, address(usd));
        snapshot("distributeSplit_2_token");
    }

    function createSplit() private returns (IPayoutSplit) {
        return IPayoutSplit(factory.createSplit(recipients, shares));
    }

    function distribute(IPayoutSplit split, address token) private {
        vm.prank(relayer);
        split.distribute(token);
    }

    function snapshot(string memory key) private {
        vm.snapshotGasLastCall("PayoutSplit", key);
    }
}
