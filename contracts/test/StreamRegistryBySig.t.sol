// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../src/interfaces/IContentErrors.sol";
import { IStreamRegistry } from "../src/interfaces/IStreamRegistry.sol";
import { Content } from "../src/types/Content.sol";
import {
    DeregisterContent,
    DeregisterStream,
    RegisterContent,
    RegisterStream,
    SetBitcoinPayout,
    UpdateTerms
} from "../src/types/RegistryActions.sol";
import { Terms } from "../src/types/Terms.sol";
import { SignedActionTest } from "./SignedActions.t.sol";

string constant TERMS =
    "Terms(address token,address payout,uint16 creatorShareBps,uint96 pricePerView,uint96 pricePerSecond,uint64 msatPerSecond)";

function hashOf(Terms memory terms) pure returns (bytes32) {
    return keccak256(abi.encode(keccak256(bytes(TERMS)), terms));
}

contract RegisterContentBySigTest is SignedActionTest {
    string private name = "A name";
    Terms private asked;

    function prepare() internal override {
        asked = terms(1 ether, 9000);
    }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind = keccak256(
            bytes(
                string.concat(
                    "RegisterContent(address creator,string cid,string name,string metadataURI,Terms terms,uint256 nonce,uint256 deadline)",
                    TERMS
                )
            )
        );
        bytes32 uri = keccak256("ipfs://metadata");
        return keccak256(
            abi.encode(
                kind, account, keccak256(bytes(CID)), keccak256(bytes(name)), uri, hashOf(asked), nonce, deadline
            )
        );
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.registerContentBySig(
            RegisterContent(account, CID, name, "ipfs://metadata", asked, nonce, deadline), signature
        );
    }

    function change() internal override {
        name = "Another name";
    }

    function spoil() internal override returns (bytes memory) {
        vm.prank(account);
        registry.registerContent(CID, "", "", asked);
        return abi.encodeWithSelector(IStreamRegistry.ContentAlreadyRegistered.selector, contentId);
    }

    function assertDone() internal view override {
        Content memory kept = registry.content(contentId);
        assertEq(kept.creator, account);
        assertTrue(kept.active);
        assertEq(kept.cid, CID);
        assertEq(kept.name, name);
        assertEq(kept.metadataURI, "ipfs://metadata");
        assertEq(abi.encode(kept.terms), abi.encode(asked));
    }

    function test_AnotherPriceThanTheSignedOneIsRefused() public {
        bytes memory signature = signedBy(accountKey);
        asked.pricePerView++;
        refuses(signature);
    }
}

contract UpdateTermsBySigTest is SignedActionTest {
    Terms private asked;

    function prepare() internal override {
        vm.prank(account);
        registry.registerContent(CID, "", "", terms(1, 1));
        asked = terms(5, 500);
    }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind = keccak256(
            bytes(
                string.concat(
                    "UpdateTerms(address creator,bytes32 contentId,Terms terms,uint256 nonce,uint256 deadline)", TERMS
                )
            )
        );
        return keccak256(abi.encode(kind, account, contentId, hashOf(asked), nonce, deadline));
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.updateTermsBySig(UpdateTerms(account, contentId, asked, nonce, deadline), signature);
    }

    function change() internal override {
        asked.payout = stranger;
    }

    function spoil() internal override returns (bytes memory) {
        contentId = registerContent(terms(1, 1));
        return abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contentId, account);
    }

    function assertDone() internal view override {
        (,, Terms memory kept) = registry.termsOf(contentId);
        assertEq(abi.encode(kept), abi.encode(asked));
    }
}

contract DeregisterContentBySigTest is SignedActionTest {
    function prepare() internal override {
        vm.prank(account);
        registry.registerContent(CID, "", "", terms(1, 1));
    }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind = keccak256("DeregisterContent(address creator,bytes32 contentId,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(kind, account, contentId, nonce, deadline));
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.deregisterContentBySig(DeregisterContent(account, contentId, nonce, deadline), signature);
    }

    function change() internal override {
        contentId = UNKNOWN;
    }

    function spoil() internal override returns (bytes memory) {
        contentId = registerContent(terms(1, 1));
        return abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contentId, account);
    }

    function assertDone() internal view override {
        (, bool active,) = registry.termsOf(contentId);
        assertFalse(active);
    }
}

contract RegisterStreamBySigTest is SignedActionTest {
    string private url = URL;

    function prepare() internal override {
        vm.prank(creator);
        contentId = registry.registerContent(vm.toString(account), "", "", terms(1, 1));
    }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind =
            keccak256("RegisterStream(address provider,bytes32 contentId,string url,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(kind, account, contentId, keccak256(bytes(url)), nonce, deadline));
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.registerStreamBySig(RegisterStream(account, contentId, url, nonce, deadline), signature);
    }

    function change() internal override {
        url = "https://stream.example.evil";
    }

    function spoil() internal override returns (bytes memory) {
        vm.prank(creator);
        registry.deregisterContent(contentId);
        return abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId);
    }

    function assertDone() internal view override {
        assertEq(registry.streamOf(contentId, account), url);
    }
}

contract DeregisterStreamBySigTest is SignedActionTest {
    function prepare() internal override {
        vm.prank(creator);
        contentId = registry.registerContent(vm.toString(account), "", "", terms(1, 1));
        registerStream(contentId, account);
    }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind = keccak256("DeregisterStream(address provider,bytes32 contentId,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(kind, account, contentId, nonce, deadline));
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.deregisterStreamBySig(DeregisterStream(account, contentId, nonce, deadline), signature);
    }

    function change() internal override {
        contentId = UNKNOWN;
    }

    function spoil() internal override returns (bytes memory) {
        vm.prank(account);
        registry.deregisterStream(contentId);
        return abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, account);
    }

    function assertDone() internal view override {
        assertFalse(registry.isStreaming(contentId, account));
    }
}

contract SetBitcoinPayoutBySigTest is SignedActionTest {
    bytes private script = hex"0014751e76e8199196d454941c45d1b3a323f1433bd6";

    function prepare() internal override { }

    function structHash(uint256 nonce, uint256 deadline) internal view override returns (bytes32) {
        bytes32 kind = keccak256("SetBitcoinPayout(address creator,bytes scriptPubKey,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(kind, account, keccak256(script), nonce, deadline));
    }

    function send(uint256 nonce, uint256 deadline, bytes memory signature) internal override {
        registry.setBitcoinPayoutBySig(SetBitcoinPayout(account, script, nonce, deadline), signature);
    }

    function change() internal override {
        script = hex"0014751e76e8199196d454941c45d1b3a323f1433bd7";
    }

    function spoil() internal override returns (bytes memory) {
        script = hex"00";
        return abi.encodeWithSelector(IStreamRegistry.ScriptPubKeyNotStandard.selector, script);
    }

    function assertDone() internal view override {
        assertEq(registry.bitcoinPayoutOf(account), script);
    }
}
