// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IStreamRegistry } from "../src/interfaces/IStreamRegistry.sol";
import { Content } from "../src/types/Content.sol";
import { Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { stdJson } from "forge-std/StdJson.sol";

contract RegisterContentTest is Fixture {
    function test_TheCallerBecomesTheCreatorAndEverythingIsKept() public {
        Terms memory asked = terms(1 ether, 9000);
        bytes32 contentId = registry.contentIdOf(creator, CID);

        vm.expectEmit(address(registry));
        emit IStreamRegistry.ContentRegistered(contentId, creator, CID, "A name", "ipfs://metadata", asked);
        assertEq(registerContent(asked), contentId);

        Content memory kept = registry.content(contentId);
        assertEq(kept.creator, creator);
        assertTrue(kept.active);
        assertEq(kept.cid, CID);
        assertEq(kept.name, "A name");
        assertEq(kept.metadataURI, "ipfs://metadata");
        assertEq(abi.encode(kept.terms), abi.encode(asked));
    }

    function testFuzz_AnyTermsWithinBoundsSurviveThePackedStorage(Terms memory asked) public {
        asked.creatorShareBps = uint16(bound(asked.creatorShareBps, 0, 10_000));
        vm.assume(asked.payout != address(0));

        bytes32 contentId = registerContent(asked);

        (address creator_, bool active, Terms memory kept) = registry.termsOf(contentId);
        assertEq(creator_, creator);
        assertTrue(active);
        assertEq(abi.encode(kept), abi.encode(asked));
    }

    function test_NameAndMetadataMayBeEmpty() public {
        vm.prank(creator);
        bytes32 contentId = registry.registerContent(CID, "", "", terms(0, 0));
        assertEq(registry.content(contentId).name, "");
    }

    function test_StringsOfTheGreatestLengthAreAccepted() public {
        vm.prank(creator);
        bytes32 contentId = registry.registerContent(filled(128), filled(256), filled(512), terms(0, 0));
        assertEq(registry.content(contentId).metadataURI, filled(512));
    }

    function test_AnEmptyCidIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.CidLengthInvalid.selector, 0, 128));
        registry.registerContent("", "", "", terms(0, 0));
    }

    function test_ACidThatIsTooLongIsRefused() public {
        string memory cid = filled(129);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.CidLengthInvalid.selector, 129, 128));
        registry.registerContent(cid, "", "", terms(0, 0));
    }

    function test_ANameThatIsTooLongIsRefused() public {
        string memory name = filled(257);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.NameTooLong.selector, 257, 256));
        registry.registerContent(CID, name, "", terms(0, 0));
    }

    function test_AMetadataUriThatIsTooLongIsRefused() public {
        string memory uri = filled(513);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.MetadataURITooLong.selector, 513, 512));
        registry.registerContent(CID, "", uri, terms(0, 0));
    }

    function test_AWholeShareForTheCreatorIsAcceptedAndMoreIsRefused() public {
        registerContent(terms(1, 10_000));
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.CreatorShareAboveMaximum.selector, 10_001, 10_000));
        registry.registerContent(CID, "", "", terms(1, 10_001));
    }

    function test_APayoutOfZeroIsRefused() public {
        Terms memory asked = terms(1, 1);
        asked.payout = address(0);
        vm.expectRevert(IStreamRegistry.PayoutIsZero.selector);
        registry.registerContent(CID, "", "", asked);
    }

    function test_AnActiveContentCannotBeRegisteredAgain() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.ContentAlreadyRegistered.selector, contentId));
        registry.registerContent(CID, "Another name", "", terms(2, 2));
    }

    function test_ADeregisteredContentCanBeRegisteredAgainOnNewTerms() public {
        bytes32 contentId = offer(terms(1, 1));
        vm.prank(creator);
        registry.deregisterContent(contentId);

        vm.prank(creator);
        assertEq(registry.registerContent(CID, "Another name", "", terms(2, 2)), contentId);

        Content memory kept = registry.content(contentId);
        assertTrue(kept.active);
        assertEq(kept.name, "Another name");
        assertEq(kept.metadataURI, "");
        assertEq(abi.encode(kept.terms), abi.encode(terms(2, 2)));
        assertTrue(registry.isStreaming(contentId, provider), "its streams are the ones from before");
    }

    function test_TheSameCidByAnotherAccountIsAnotherContent() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.prank(stranger);
        bytes32 other = registry.registerContent(CID, "Mine", "", terms(2, 2));

        assertNotEq(other, contentId);
        assertEq(registry.content(contentId).creator, creator);
        assertEq(registry.content(other).creator, stranger);
    }
}

contract UpdateTermsTest is Fixture {
    function test_TheCreatorReplacesTheTerms() public {
        bytes32 contentId = registerContent(terms(1, 1));
        Terms memory asked = terms(5, 500);
        asked.token = makeAddr("token");
        asked.payout = makeAddr("another payout");

        vm.expectEmit(address(registry));
        emit IStreamRegistry.TermsUpdated(contentId, asked);
        vm.prank(creator);
        registry.updateTerms(contentId, asked);

        (,, Terms memory kept) = registry.termsOf(contentId);
        assertEq(abi.encode(kept), abi.encode(asked));
    }

    function test_NobodyElseMay() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contentId, stranger));
        registry.updateTerms(contentId, terms(2, 2));
    }

    function test_AContentThatWasNeverRegisteredIsNotFound() public {
        bytes32 contentId = registry.contentIdOf(creator, CID);
        vm.prank(creator);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, contentId));
        registry.updateTerms(contentId, terms(2, 2));
    }

    function test_ADeregisteredContentKeepsItsTerms() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.startPrank(creator);
        registry.deregisterContent(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        registry.updateTerms(contentId, terms(2, 2));
    }

    function test_TermsOutOfBoundsAreRefused() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.startPrank(creator);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.CreatorShareAboveMaximum.selector, 65_535, 10_000));
        registry.updateTerms(contentId, terms(1, 65_535));

        Terms memory asked = terms(1, 1);
        asked.payout = address(0);
        vm.expectRevert(IStreamRegistry.PayoutIsZero.selector);
        registry.updateTerms(contentId, asked);
    }
}

contract DeregisterContentTest is Fixture {
    function test_TheCreatorWithdrawsAContentAndItStaysReadable() public {
        bytes32 contentId = registerContent(terms(1, 1));

        vm.expectEmit(address(registry));
        emit IStreamRegistry.ContentDeregistered(contentId);
        vm.prank(creator);
        registry.deregisterContent(contentId);

        (address creator_, bool active,) = registry.termsOf(contentId);
        assertEq(creator_, creator);
        assertFalse(active);
        assertEq(registry.content(contentId).cid, CID);
    }

    function test_NobodyElseMay() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contentId, stranger));
        registry.deregisterContent(contentId);
    }

    function test_ASecondTimeIsRefused() public {
        bytes32 contentId = registerContent(terms(1, 1));
        vm.startPrank(creator);
        registry.deregisterContent(contentId);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        registry.deregisterContent(contentId);
    }

    function test_AContentThatWasNeverRegisteredIsNotFound() public {
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        registry.deregisterContent(UNKNOWN);
    }
}

contract StreamTest is Fixture {
    bytes32 private contentId;

    function setUp() public override {
        super.setUp();
        contentId = registerContent(terms(1, 1));
    }

    function test_AProviderOffersAStream() public {
        assertFalse(registry.isStreaming(contentId, provider));

        vm.expectEmit(address(registry));
        emit IStreamRegistry.StreamRegistered(contentId, provider, URL);
        registerStream(contentId, provider);

        assertTrue(registry.isStreaming(contentId, provider));
        assertEq(registry.streamOf(contentId, provider), URL);
        assertFalse(registry.isStreaming(contentId, stranger));
    }

    function test_RegisteringAgainReplacesTheUrl() public {
        registerStream(contentId, provider);
        string memory url = filled(512);

        vm.expectEmit(address(registry));
        emit IStreamRegistry.StreamRegistered(contentId, provider, url);
        vm.prank(provider);
        registry.registerStream(contentId, url);
        assertEq(registry.streamOf(contentId, provider), url);
    }

    function test_AnEmptyUrlAndOneThatIsTooLongAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.UrlLengthInvalid.selector, 0, 512));
        registry.registerStream(contentId, "");
        string memory url = filled(513);
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.UrlLengthInvalid.selector, 513, 512));
        registry.registerStream(contentId, url);
    }

    function test_AContentThatWasNeverRegisteredCannotBeStreamed() public {
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        registry.registerStream(UNKNOWN, URL);
    }

    function test_ADeregisteredContentTakesNoNewStreams() public {
        vm.prank(creator);
        registry.deregisterContent(contentId);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId));
        registry.registerStream(contentId, URL);
    }

    function test_AProviderWithdrawsOnlyItsOwnStream() public {
        registerStream(contentId, provider);
        registerStream(contentId, stranger);

        vm.expectEmit(address(registry));
        emit IStreamRegistry.StreamDeregistered(contentId, provider);
        vm.prank(provider);
        registry.deregisterStream(contentId);

        assertFalse(registry.isStreaming(contentId, provider));
        assertEq(registry.streamOf(contentId, provider), "");
        assertTrue(registry.isStreaming(contentId, stranger));
    }

    function test_AStreamOfADeregisteredContentCanBeWithdrawn() public {
        registerStream(contentId, provider);
        vm.prank(creator);
        registry.deregisterContent(contentId);
        assertTrue(registry.isStreaming(contentId, provider));

        vm.prank(provider);
        registry.deregisterStream(contentId);
        assertFalse(registry.isStreaming(contentId, provider));
    }

    function test_AStreamThatIsNotThereCannotBeWithdrawn() public {
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, provider));
        registry.deregisterStream(contentId);
    }
}

contract BitcoinPayoutTest is Fixture {
    bytes private constant P2WPKH = hex"0014751e76e8199196d454941c45d1b3a323f1433bd6";

    function test_ACreatorSetsReplacesAndClearsTheScript() public {
        vm.startPrank(creator);
        bytes memory p2tr = abi.encodePacked(hex"5120", keccak256("key"));
        bytes[3] memory scripts = [P2WPKH, p2tr, bytes("")];
        for (uint256 i = 0; i < scripts.length; i++) {
            vm.expectEmit(address(registry));
            emit IStreamRegistry.BitcoinPayoutSet(creator, scripts[i]);
            registry.setBitcoinPayout(scripts[i]);
            assertEq(registry.bitcoinPayoutOf(creator), scripts[i]);
        }
        assertEq(registry.bitcoinPayoutOf(stranger), "");
    }

    function test_AScriptThatIsNoStandardOutputIsRefused() public {
        bytes memory script = abi.encodePacked(P2WPKH, hex"00");
        vm.expectRevert(abi.encodeWithSelector(IStreamRegistry.ScriptPubKeyNotStandard.selector, script));
        registry.setBitcoinPayout(script);
    }
}

contract RegistryViewsTest is Fixture {
    using stdJson for string;

    function test_AContentThatWasNeverRegisteredHasNeitherContentNorTerms() public {
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        registry.content(UNKNOWN);
        vm.expectRevert(abi.encodeWithSelector(IContentErrors.ContentNotFound.selector, UNKNOWN));
        registry.termsOf(UNKNOWN);
        assertEq(registry.streamOf(UNKNOWN, provider), "");
    }

    function testFuzz_TheContentIdIsTheHashOfCreatorAndCid(address creator_, string memory cid) public view {
        assertEq(registry.contentIdOf(creator_, cid), keccak256(abi.encode(creator_, cid)));
    }

    /// @dev The crate passes the same vectors (lib.rs).
    function test_TheContentIdIsTheOneOfTheSharedVectors() public view {
        string memory vectors = vm.readFile("contracts/vectors/content_id.json");
        uint256 count = 0;
        for (; vm.keyExistsJson(vectors, string.concat("$[", vm.toString(count), "]")); count++) {
            string memory vector = string.concat("$[", vm.toString(count), "]");
            assertEq(
                registry.contentIdOf(
                    vectors.readAddress(string.concat(vector, ".creator")),
                    vectors.readString(string.concat(vector, ".cid"))
                ),
                vectors.readBytes32(string.concat(vector, ".contentId"))
            );
        }
        assertEq(count, 5);
    }
}
