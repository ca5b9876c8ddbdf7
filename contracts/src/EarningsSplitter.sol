// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsLedger } from "./EarningsLedger.sol";
import { IEarningsSplitter } from "./interfaces/IEarningsSplitter.sol";
import { IStreamRegistry } from "./interfaces/IStreamRegistry.sol";
import { SplitMath } from "./libraries/SplitMath.sol";
import { ETHER, Terms } from "./types/Terms.sol";

/// @title EarningsSplitter
/// @notice Implements `IEarningsSplitter`: payments here, what was earned by them in `EarningsLedger`.
contract EarningsSplitter is EarningsLedger {
    /// @inheritdoc IEarningsSplitter
    IStreamRegistry public immutable registry;

    /// @param registry_ The registry whose contents can be paid for; it cannot be changed later.
    constructor(IStreamRegistry registry_) {
        if (address(registry_).code.length == 0) revert RegistryHasNoCode(address(registry_));
        registry = registry_;
    }

    /// @inheritdoc IEarningsSplitter
    function recordView(bytes32 contentId, address provider, address viewer, uint256 maxPrice) external payable {
        // Checks
        (, bool active, Terms memory terms) = registry.termsOf(contentId);
        if (!active) revert ContentNotActive(contentId);
        if (terms.token != ETHER) revert TokenNotSupported(terms.token);
        if (!registry.isStreaming(contentId, provider)) revert StreamNotRegistered(contentId, provider);
        uint256 price = terms.pricePerView;
        if (price > maxPrice) revert PriceAboveMaximum(price, maxPrice);
        if (msg.value != price) revert IncorrectPayment(msg.value, price);

        // Effects
        uint256 creatorAmount = SplitMath.creatorShareRoundedUp(price, terms.creatorShareBps);
        uint256 providerAmount = price - creatorAmount;
        emit ViewRecorded(contentId, provider, viewer, terms.token, price, creatorAmount, providerAmount, terms.payout);
        _credit(terms.token, terms.payout, contentId, creatorAmount);
        _credit(terms.token, provider, contentId, providerAmount);
    }
}
