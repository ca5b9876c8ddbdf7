// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PaidViews } from "./PaidViews.sol";
import { VoucherChannels } from "./VoucherChannels.sol";
import { IEarningsSplitter } from "./interfaces/IEarningsSplitter.sol";
import { IStreamRegistry } from "./interfaces/IStreamRegistry.sol";
import { Terms } from "./types/Terms.sol";

/// @title EarningsSplitter
/// @notice Implements `IEarningsSplitter`: whole views in `PaidViews`, seconds in `VoucherChannels`, and what was earned
/// by either in `EarningsLedger`.
contract EarningsSplitter is IEarningsSplitter, PaidViews, VoucherChannels {
    /// @inheritdoc IEarningsSplitter
    IStreamRegistry public immutable registry;

    /// @param registry_ The registry whose contents can be paid for; it cannot be changed later.
    constructor(IStreamRegistry registry_) {
        if (address(registry_).code.length == 0) revert RegistryHasNoCode(address(registry_));
        registry = registry_;
    }

    /// @dev Reverts as the registry does.
    function _offerOf(bytes32 contentId, address provider)
        internal
        view
        override(PaidViews, VoucherChannels)
        returns (Terms memory)
    {
        return registry.offerOf(contentId, provider);
    }

    /// @dev EIP-712.
    function _domainNameAndVersion() internal pure override returns (string memory name, string memory version) {
        return ("Paystream Splitter", "1");
    }
}
