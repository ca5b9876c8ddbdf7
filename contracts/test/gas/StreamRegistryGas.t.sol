// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {
    DeregisterContent,
    DeregisterStream,
    RegisterContent,
    RegisterStream,
    SetBitcoinPayout,
    UpdateTerms
} from "../../src/types/RegistryActions.sol";
import { Terms } from "../../src/types/Terms.sol";
import { GasFixture } from "./GasFixture.sol";

contract StreamRegistryGasTest is GasFixture {
    /// @dev P2WPKH and P2TR, the first 22 bytes long and the second 34.
    bytes private constant SEGWIT = hex"0014751e76e8199196d454941c45d1b3a323f1433bd6";
    bytes private constant TAPROOT = hex"5120a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c";

    bytes32 private contentId;

    function setUp() public override {
        super.setUp();
        contentId = offer("bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", etherTerms());
    }

    function test_InvalidateNonce() public {
        vm.prank(viewer);
        registry.invalidateNonce();
        snapshot("invalidateNonce");
    }

    function test_RegisterContent() public {
        Terms memory terms = etherTerms();
        vm.prank(creator);
        registry.registerContent(CID, NAME, METADATA_URI, terms);
        snapshot("registerContent");
    }

    function test_RegisterContentBySig() public {
        RegisterContent memory action = RegisterContent(creator, CID, NAME, METADATA_URI, etherTerms(), 1, DEADLINE);
        bytes memory signature = signed(creatorKey, typedDigest(registry, this.hashOf(action)));
        vm.prank(relayer);
        registry.registerContentBySig(action, signature);
        snapshot("registerContentBySig");
    }

    function test_UpdateTerms() public {
        Terms memory terms = otherTerms();
        vm.prank(creator);
        registry.updateTerms(contentId, terms);
        snapshot("updateTerms");
    }

    function test_UpdateTermsBySig() public {
        UpdateTerms memory action = UpdateTerms(creator, contentId, otherTerms(), 1, DEADLINE);
        bytes memory signature = signed(creatorKey, typedDigest(registry, this.hashOf(action)));
        vm.prank(relayer);
        registry.updateTermsBySig(action, signature);
        snapshot("updateTermsBySig");
    }

    function test_DeregisterContent() public {
        vm.prank(creator);
        registry.deregisterContent(contentId);
        snapshot("deregisterContent");
    }

    function test_DeregisterContentBySig() public {
        DeregisterContent memory action = DeregisterContent(creator, contentId, 1, DEADLINE);
        bytes memory signature = signed(creatorKey, typedDigest(registry, this.hashOf(action)));
        vm.prank(relayer);
        registry.deregisterContentBySig(action, signature);
        snapshot("deregisterContentBySig");
    }

    function test_RegisterStream() public {
        vm.prank(viewer);
        registry.registerStream(contentId, URL);
        snapshot("registerStream");
    }

    function test_RegisterStreamBySig() public {
        RegisterStream memory action = RegisterStream(viewer, contentId, URL, 1, DEADLINE);
        bytes memory signature = signed(viewerKey, typedDigest(registry, this.hashOf(action)));
        vm.prank(relayer);
        registry.registerStreamBySig(action, signature);
        snapshot("registerStreamBySig");
    }

    function test_DeregisterStream() public {
        vm.prank(provider);
        registry.deregisterStream(contentId);
        snapshot("deregisterStream");
    }

    function test_DeregisterStreamBySig() public {
        DeregisterStream memory action = DeregisterStream(provider, contentId, 1, DEADLINE);
        bytes memory signature = signed(providerKey, typedDigest(registry, this.hashOfDeregisterStream(action)));
        vm.prank(relayer);
        registry.deregisterStreamBySig(action, signature);
        snapshot("deregisterStreamBySig");
    }

    function test_SetBitcoinPayout() public {
        vm.prank(creator);
        registry.setBitcoinPayout(SEGWIT);
        snapshot("setBitcoinPayout");
    }

    function test_SetBitcoinPayoutToTaproot() public {
        vm.prank(creator);
        registry.setBitcoinPayout(TAPROOT);
        snapshot("setBitcoinPayout_taproot");
    }

    function test_SetBitcoinPayoutBySig() public {
        SetBitcoinPayout memory action = SetBitcoinPayout(creator, SEGWIT, 1, DEADLINE);
        bytes memory signature = signed(creatorKey, typedDigest(registry, this.hashOf(action)));
        vm.prank(relayer);
        registry.setBitcoinPayoutBySig(action, signature);
        snapshot("setBitcoinPayoutBySig");
    }

    function hashOf(RegisterContent calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function hashOf(UpdateTerms calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function hashOf(DeregisterContent calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function hashOf(RegisterStream calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function hashOfDeregisterStream(DeregisterStream calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    function hashOf(SetBitcoinPayout calldata action) external pure returns (bytes32) {
        return action.hash();
    }

    /// @dev Every price and the share are other ones, so that all three slots change.
    function otherTerms() private view returns (Terms memory terms) {
        terms = etherTerms();
        terms.creatorShareBps = 6500;
        terms.pricePerView += 1;
        terms.pricePerSecond += 1;
    }

    function snapshot(string memory key) private {
        vm.snapshotGasLastCall("StreamRegistry", key);
    }
}
