// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../../src/interfaces/IContentErrors.sol";
import { ISignedActions } from "../../src/interfaces/ISignedActions.sol";
import { IStreamRegistry } from "../../src/interfaces/IStreamRegistry.sol";
import { UpdateTerms } from "../../src/types/RegistryActions.sol";
import { TERMS_TYPE, Terms } from "../../src/types/Terms.sol";
import { World } from "./World.sol";

/// @notice What the creator and providers do in the registry.
abstract contract RegistrySteps is World {
    bytes32 private constant UPDATE_TERMS_TYPEHASH = keccak256(
        abi.encodePacked(
            "UpdateTerms(address creator,bytes32 contentId,Terms terms,uint256 nonce,uint256 deadline)", TERMS_TYPE
        )
    );

    bytes32 private immutable registryDomain = domainOf("Paystream Registry", address(registry));

    function changeTerms(uint8 which, uint8 token, uint8 payout, uint16 bps, uint96 perView, uint64 perSecond)
        external
        step
    {
        uint256 content = which % CONTENTS;
        Terms memory terms = termsFrom(token, payout, bps, perView, perSecond);
        bytes memory expected = notActive(content);
        if (expected.length == 0) asked[content] = terms;
        attempt(creator, abi.encodeCall(registry.updateTerms, (contents[content], terms)), expected);
    }

    /// @param flaw 0: the last nonce again, 1: too late, 2: another's signature, others: none.
    function changeTermsBySignature(uint8 which, uint8 token, uint8 payout, uint16 bps, uint96 perView, uint8 flaw)
        external
        step
    {
        flaw = flaw % 6;
        uint256 content = which % CONTENTS;
        UpdateTerms memory action = UpdateTerms({
            creator: creator,
            contentId: contents[content],
            terms: termsFrom(token, payout, bps, perView, 3),
            nonce: flaw == 0 && creatorNonce != 0 ? creatorNonce - 1 : creatorNonce,
            deadline: flaw == 1 ? time - 1 : time
        });
        bytes memory signed =
            signature(flaw == 2 ? sessionKey : creatorKey, typedDigest(registryDomain, hashOf(action)));

        bytes memory expected = notActive(content);
        if (flaw == 2) {
            expected = abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, creator);
        } else if (flaw == 1) {
            expected = abi.encodeWithSelector(ISignedActions.SignatureExpired.selector, action.deadline);
        } else if (action.nonce != creatorNonce) {
            expected = abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, creator, action.nonce, creatorNonce);
        }
        if (expected.length == 0) {
            asked[content] = action.terms;
            creatorNonce++;
        }
        attempt(session, abi.encodeCall(registry.updateTermsBySig, (action, signed)), expected);
    }

    function withdrawOrOfferContent(uint8 which, uint8 token, uint8 payout, uint16 bps) external step {
        uint256 content = which % CONTENTS;
        active[content] = !active[content];
        if (active[content]) {
            asked[content] = termsFrom(token, payout, bps, 1e6 + 1, 11);
            attempt(creator, abi.encodeCall(registry.registerContent, (cid(content), "", "", asked[content])), "");
        } else {
            attempt(creator, abi.encodeCall(registry.deregisterContent, (contents[content])), "");
        }
    }

    function withdrawOrOfferStream(uint8 which, uint8 providerSeed) external step {
        uint256 content = which % CONTENTS;
        address provider = accountFrom(providerSeed);
        if (streams[content][provider]) {
            streams[content][provider] = false;
            attempt(provider, abi.encodeCall(registry.deregisterStream, (contents[content])), "");
        } else {
            bytes memory expected = notActive(content);
            if (expected.length == 0) streams[content][provider] = true;
            attempt(provider, abi.encodeCall(registry.registerStream, (contents[content], URL)), expected);
        }
    }

    /// @dev Nobody but the creator changes anything of a content.
    function meddle(uint8 which, uint8 strangerSeed, bool withdraws) external step {
        uint256 content = which % CONTENTS;
        address stranger = accountFrom(strangerSeed);
        bytes memory data = withdraws
            ? abi.encodeCall(registry.deregisterContent, (contents[content]))
            : abi.encodeCall(registry.updateTerms, (contents[content], termsFrom(0, 0, 0, 0, 0)));
        attempt(
            stranger, data, abi.encodeWithSelector(IStreamRegistry.NotCreator.selector, contents[content], stranger)
        );
    }

    function attempt(address account, bytes memory data, bytes memory expected) private {
        (bool success, bytes memory result) = act(address(registry), account, 0, data);
        agree(success, result, expected);
    }

    function notActive(uint256 content) private view returns (bytes memory) {
        if (active[content]) return "";
        return abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contents[content]);
    }

    function hashOf(UpdateTerms memory action) private pure returns (bytes32) {
        bytes32 terms = keccak256(abi.encode(keccak256(bytes(TERMS_TYPE)), action.terms));
        return keccak256(
            abi.encode(UPDATE_TERMS_TYPEHASH, action.creator, action.contentId, terms, action.nonce, action.deadline)
        );
    }
}
