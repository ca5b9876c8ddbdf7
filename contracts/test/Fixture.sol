// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { StreamRegistry } from "../src/StreamRegistry.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Test } from "forge-std/Test.sol";

/// @notice Both contracts, deployed, and the people who use them.
abstract contract Fixture is Test {
    string internal constant CID = "bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y";
    string internal constant URL = "https://stream.example";

    /// @dev The id of a content that nobody registered.
    bytes32 internal constant UNKNOWN = keccak256("unknown");

    address internal immutable creator = makeAddr("creator");
    address internal immutable payout = makeAddr("payout");
    address internal immutable provider = makeAddr("provider");
    address internal immutable viewer = makeAddr("viewer");
    address internal immutable stranger = makeAddr("stranger");

    StreamRegistry internal registry;
    EarningsSplitter internal splitter;

    function setUp() public virtual {
        registry = new StreamRegistry();
        splitter = new EarningsSplitter(registry);
    }

    /// @dev Terms in ether with every field different from zero.
    function terms(uint96 pricePerView, uint16 creatorShareBps) internal view returns (Terms memory) {
        return Terms({
            token: ETHER,
            payout: payout,
            creatorShareBps: creatorShareBps,
            pricePerView: pricePerView,
            pricePerSecond: 7,
            msatPerSecond: 20_000
        });
    }

    function registerContent(Terms memory terms_) internal returns (bytes32 contentId) {
        vm.prank(creator);
        return registry.registerContent(CID, "A name", "ipfs://metadata", terms_);
    }

    function registerStream(bytes32 contentId, address provider_) internal {
        vm.prank(provider_);
        registry.registerStream(contentId, URL);
    }

    /// @dev An active content with one stream, by `provider`.
    function offer(Terms memory terms_) internal returns (bytes32 contentId) {
        contentId = registerContent(terms_);
        registerStream(contentId, provider);
    }

    function filled(uint256 length) internal pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            text[i] = "x";
        }
        return string(text);
    }
}
