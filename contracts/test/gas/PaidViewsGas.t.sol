// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Authorization, Permit, RecordView } from "../../src/types/Payment.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { GasFixture } from "./GasFixture.sol";

/// @notice Payments for whole views, and claims of what they earn.
contract PaidViewsGasTest is GasFixture {
    bytes32 private constant SALT = keccak256("salt");

    bytes32 private etherContent;
    bytes32 private usdContent;
    Permit private none;

    function setUp() public override {
        super.setUp();
        etherContent = offer("bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", etherTerms());
        usdContent = offer(CID, usdTerms());
        vm.prank(viewer);
        usd.approve(address(splitter), 100_000_000);
    }

    function test_Ether() public {
        recordInEther();
        snapshot("recordView_ether_first");
        recordInEther();
        snapshot("recordView_ether");

        vm.prank(provider);
        splitter.claim(ETHER, provider);
        snapshot("claim_ether");
        vm.prank(relayer);
        splitter.claimFor(ETHER, payout);
        snapshot("claimFor_ether");
    }

    function test_Token() public {
        recordInToken(none);
        snapshot("recordView_token_first");
        recordInToken(none);
        snapshot("recordView_token");

        vm.prank(provider);
        splitter.claim(address(usd), provider);
        snapshot("claim_token");
        vm.prank(relayer);
        splitter.claimFor(address(usd), payout);
        snapshot("claimFor_token");
    }

    function test_TokenWithPermit() public {
        recordInToken(none);
        withoutAllowance();
        Permit memory permit = permitted(address(splitter), USD_PER_VIEW);
        recordInToken(permit);
        snapshot("recordView_token_permit");
    }

    function test_TokenWithAuthorization() public {
        recordInToken(none);
        bytes32 nonce = splitter.viewAuthorizationNonce(usdContent, provider, viewer, SALT);
        Authorization memory authorization = authorized(USD_PER_VIEW, nonce);
        vm.prank(relayer);
        splitter.recordViewWithAuthorization(usdContent, provider, viewer, USD_PER_VIEW, SALT, authorization);
        snapshot("recordView_token_authorization");
    }

    function test_BySig() public {
        recordInToken(none);
        RecordView memory action = RecordView(viewer, usdContent, provider, address(usd), USD_PER_VIEW, 1, DEADLINE);
        bytes memory signature = signed(viewerKey, typedDigest(splitter, this.hashOf(action)));
        vm.prank(relayer);
        splitter.recordViewBySig(action, signature, none);
        snapshot("recordViewBySig");
    }

    function hashOf(RecordView calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function recordInEther() private {
        vm.prank(viewer);
        splitter.recordView{ value: ETHER_PER_VIEW }(etherContent, provider, viewer, ETHER_PER_VIEW);
    }

    function recordInToken(Permit memory permit) private {
        vm.prank(viewer);
        splitter.recordViewInToken(usdContent, provider, viewer, address(usd), USD_PER_VIEW, permit);
    }

    function withoutAllowance() private {
        vm.prank(viewer);
        usd.approve(address(splitter), 0);
    }

    function snapshot(string memory key) private {
        vm.snapshotGasLastCall("EarningsSplitter", key);
    }
}
