// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ISignedActions } from "../../src/interfaces/ISignedActions.sol";
import { IStreamRegistry } from "../../src/interfaces/IStreamRegistry.sol";
import {
    DeregisterContent,
    DeregisterStream,
    RegisterContent,
    RegisterStream,
    SetBitcoinPayout,
    UpdateTerms
} from "../../src/types/RegistryActions.sol";
import { TERMS_TYPE, Terms } from "../../src/types/Terms.sol";
import { Puppet } from "./Puppet.sol";
import { RegistrySteps } from "./RegistrySteps.sol";

/// @notice What the creator and providers sign, and somebody else sends to the registry.
///
/// In each step a flaw is 0: the last nonce again, 1: too late, 2: another's signature, others: none.
abstract contract SignedRegistrySteps is RegistrySteps {
    uint8 private constant FLAWS = 6;

    /// @dev How an action is signed.
    struct Signing {
        address account;
        uint256 nonce;
        uint256 deadline;
        uint256 key;
        bytes refusal;
    }

    bytes32 private immutable registryDomain = domainOf("Paystream Registry", address(registry));

    function changeTermsBySignature(uint8 which, uint8 token, uint8 payout, uint16 bps, uint96 perView, uint8 flaw)
        external
        step
    {
        uint256 content = which % CONTENTS;
        Terms memory terms = termsFrom(token, payout, bps, perView, 3);
        Signing memory signing = signingOf(creator, flaw);
        bytes memory expected = signing.refusal.length != 0 ? signing.refusal : notActive(content);
        if (expected.length == 0) asked[content] = terms;
        UpdateTerms memory action = UpdateTerms(creator, contents[content], terms, signing.nonce, signing.deadline);
        bytes32 kind = keccak256(
            abi.encodePacked(
                "UpdateTerms(address creator,bytes32 contentId,Terms terms,uint256 nonce,uint256 deadline)", TERMS_TYPE
            )
        );
        bytes32 structHash =
            keccak256(abi.encode(kind, creator, action.contentId, hashOf(terms), action.nonce, action.deadline));
        send(signing, abi.encodeCall(registry.updateTermsBySig, (action, sign(signing, structHash))), expected);
    }

    /// @dev A content that is withdrawn is offered and the other way round, unless it is `contrary`.
    /// @param accountSeed Who signs to withdraw it: mostly the creator.
    function withdrawOrOfferContentBySignature(
        uint8 which,
        uint8 accountSeed,
        uint8 payout,
        uint16 bps,
        uint8 flaw,
        uint8 contrary
    ) external step {
        uint256 content = which % CONTENTS;
        bool offers = !active[content];
        if (contrary % 8 == 0) offers = !offers;
        if (offers) offerContent(content, termsFrom(which / CONTENTS, payout, bps, 1e6 + 1, 11), flaw);
        else withdrawContent(content, accountSeed % 4 == 0 ? accountFrom(accountSeed / 4) : creator, flaw);
    }

    /// @dev A stream that is withdrawn is offered and the other way round, unless it is `contrary`.
    function withdrawOrOfferStreamBySignature(uint8 which, uint8 providerSeed, uint8 flaw, uint8 contrary)
        external
        step
    {
        uint256 content = which % CONTENTS;
        address provider = accountFrom(providerSeed);
        if (burnsAllGas(provider)) return;
        bool offers = !streams[content][provider];
        if (contrary % 8 == 0) offers = !offers;
        Signing memory signing = signingOf(provider, flaw);
        if (offers) offerStream(content, signing);
        else withdrawStream(content, signing);
    }

    /// @dev Of the creator and of others: what is set for one is set for nobody else.
    /// @param kind 0: nothing that an address can stand for, 1: none any more, others: two kinds of addresses.
    function setBitcoinPayoutBySignature(uint8 accountSeed, uint8 kind, bytes20 key, uint8 flaw) external step {
        address account = accountSeed % 2 == 0 ? creator : accountFrom(accountSeed / 2);
        if (burnsAllGas(account)) return;
        bytes memory script = abi.encodePacked(hex"0014", key);
        if (kind % 4 == 0) script = abi.encodePacked(script, key);
        else if (kind % 4 == 1) script = "";
        else if (kind % 4 == 2) script = abi.encodePacked(hex"5120", keccak256(abi.encode(key)));

        Signing memory signing = signingOf(account, flaw);
        bytes memory expected = signing.refusal;
        if (expected.length == 0 && kind % 4 == 0) {
            expected = abi.encodeWithSelector(IStreamRegistry.ScriptPubKeyNotStandard.selector, script);
        }
        if (expected.length == 0) bitcoinPayouts[account] = script;
        SetBitcoinPayout memory action = SetBitcoinPayout(account, script, signing.nonce, signing.deadline);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("SetBitcoinPayout(address creator,bytes scriptPubKey,uint256 nonce,uint256 deadline)"),
                account,
                keccak256(script),
                action.nonce,
                action.deadline
            )
        );
        send(signing, abi.encodeCall(registry.setBitcoinPayoutBySig, (action, sign(signing, structHash))), expected);
        assertEq(registry.bitcoinPayoutOf(creator), bitcoinPayouts[creator], "where the creator is paid on Bitcoin");
        for (uint256 i = 0; i < accounts.length; i++) {
            assertEq(registry.bitcoinPayoutOf(accounts[i]), bitcoinPayouts[accounts[i]]);
        }
    }

    function invalidateRegistryNonce(uint8 accountSeed) external step {
        address account = accountSeed % 2 == 0 ? creator : accountFrom(accountSeed / 2);
        uint256 nonce = registrySpent[account]++;
        (bool success, bytes memory result) =
            act(address(registry), account, 0, abi.encodeCall(registry.invalidateNonce, ()));
        agree(success, success ? bytes("") : result, "");
        assertEq(abi.decode(result, (uint256)), nonce);
    }

    function offerContent(uint256 content, Terms memory terms, uint8 flaw) private {
        Signing memory signing = signingOf(creator, flaw);
        bytes memory expected = signing.refusal;
        if (expected.length == 0 && active[content]) {
            expected = abi.encodeWithSelector(IStreamRegistry.ContentAlreadyRegistered.selector, contents[content]);
        }
        if (expected.length == 0) (asked[content], active[content]) = (terms, true);
        RegisterContent memory action =
            RegisterContent(creator, cid(content), "", "", terms, signing.nonce, signing.deadline);
        bytes32 kind = keccak256(
            abi.encodePacked(
                "RegisterContent(address creator,string cid,string name,string metadataURI,Terms terms,uint256 nonce,uint256 deadline)",
                TERMS_TYPE
            )
        );
        bytes32 empty = keccak256("");
        bytes32 cidHash = keccak256(bytes(action.cid));
        bytes32 structHash =
            keccak256(abi.encode(kind, creator, cidHash, empty, empty, hashOf(terms), action.nonce, action.deadline));
        send(signing, abi.encodeCall(registry.registerContentBySig, (action, sign(signing, structHash))), expected);
    }

    function withdrawContent(uint256 content, address account, uint8 flaw) private {
        if (burnsAllGas(account)) return;
        Signing memory signing = signingOf(account, flaw);
        bytes memory expected = signing.refusal;
        if (expected.length == 0 && account != creator) {
            expected = abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contents[content], account);
        } else if (expected.length == 0) {
            expected = notActive(content);
        }
        if (expected.length == 0) active[content] = false;
        DeregisterContent memory action = DeregisterContent(account, contents[content], signing.nonce, signing.deadline);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("DeregisterContent(address creator,bytes32 contentId,uint256 nonce,uint256 deadline)"), action
            )
        );
        send(signing, abi.encodeCall(registry.deregisterContentBySig, (action, sign(signing, structHash))), expected);
    }

    function offerStream(uint256 content, Signing memory signing) private {
        bytes memory expected = signing.refusal.length != 0 ? signing.refusal : notActive(content);
        if (expected.length == 0) streams[content][signing.account] = true;
        RegisterStream memory action =
            RegisterStream(signing.account, contents[content], URL, signing.nonce, signing.deadline);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "RegisterStream(address provider,bytes32 contentId,string url,uint256 nonce,uint256 deadline)"
                ),
                action.provider,
                action.contentId,
                keccak256(bytes(URL)),
                action.nonce,
                action.deadline
            )
        );
        send(signing, abi.encodeCall(registry.registerStreamBySig, (action, sign(signing, structHash))), expected);
    }

    function withdrawStream(uint256 content, Signing memory signing) private {
        bytes memory expected = signing.refusal;
        if (expected.length == 0 && !streams[content][signing.account]) {
            expected =
                abi.encodeWithSignature("StreamNotRegistered(bytes32,address)", contents[content], signing.account);
        }
        if (expected.length == 0) streams[content][signing.account] = false;
        DeregisterStream memory action =
            DeregisterStream(signing.account, contents[content], signing.nonce, signing.deadline);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("DeregisterStream(address provider,bytes32 contentId,uint256 nonce,uint256 deadline)"), action
            )
        );
        send(signing, abi.encodeCall(registry.deregisterStreamBySig, (action, sign(signing, structHash))), expected);
    }

    function signingOf(address account, uint8 flaw) private view returns (Signing memory signing) {
        flaw = flaw % FLAWS;
        uint256 next = registrySpent[account];
        signing.account = account;
        signing.nonce = flaw == 0 && next != 0 ? next - 1 : next;
        signing.deadline = flaw == 1 ? time - 1 : time;
        signing.key = keyOf(account);
        if (flaw == 2) signing.key = account == creator ? sessionKey : creatorKey;

        bool disowned = account.code.length != 0 && Puppet(payable(account)).disowns();
        if (flaw == 1) {
            signing.refusal = abi.encodeWithSelector(ISignedActions.SignatureExpired.selector, signing.deadline);
        } else if (signing.nonce != next) {
            signing.refusal = abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, account, signing.nonce, next);
        } else if (flaw == 2 || disowned) {
            signing.refusal = abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, account);
        }
    }

    function sign(Signing memory signing, bytes32 structHash) private view returns (bytes memory) {
        return signature(signing.key, typedDigest(registryDomain, structHash));
    }

    /// @dev What is refused spends no nonce.
    function send(Signing memory signing, bytes memory data, bytes memory expected) private {
        if (expected.length == 0) registrySpent[signing.account]++;
        attempt(session, data, expected);
    }

    function hashOf(Terms memory terms) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(TERMS_TYPE)), terms));
    }
}
