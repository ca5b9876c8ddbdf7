// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "../../src/interfaces/IContentErrors.sol";
import { IStreamRegistry } from "../../src/interfaces/IStreamRegistry.sol";
import { Terms } from "../../src/types/Terms.sol";
import { World } from "./World.sol";

/// @notice What the creator and providers do in the registry.
abstract contract RegistrySteps is World {
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

    function attempt(address account, bytes memory data, bytes memory expected) internal {
        (bool success, bytes memory result) = act(address(registry), account, 0, data);
        agree(success, result, expected);
    }

    function notActive(uint256 content) internal view returns (bytes memory) {
        if (active[content]) return "";
        return abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contents[content]);
    }
}
