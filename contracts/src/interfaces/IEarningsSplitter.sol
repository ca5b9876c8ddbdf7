// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "./IEarningsLedger.sol";
import { IPaidViews } from "./IPaidViews.sol";
import { IStreamRegistry } from "./IStreamRegistry.sol";
import { IVoucherChannels } from "./IVoucherChannels.sol";

/// @title IEarningsSplitter
/// @notice Takes viewers' payments, for a view or by the second, divides each between creator and provider, and keeps
/// what they earned until they claim it.
///
/// Nobody owns it and nothing in it can be upgraded: money leaves by a claim or back to a channel's payer, and only the
/// account that earned it decides where to. Terms come from the registry that it was deployed with, read at the moment
/// of the payment or of the channel's opening; a later change of terms never touches either. It trusts that registry and
/// nothing else: accounts that are paid may be contracts, may refuse their money and may call back, and tokens may do
/// anything.
///
/// Invariant, for each token on its own: what it holds is never less than all unclaimed earnings and what is not settled
/// of all open deposits. A token that takes holdings away by itself (a negative rebase, a seizure) breaks it for itself
/// alone; then whoever comes first is paid.
///
/// Amounts are in the smallest unit of the token. Token zero is ether.
///
/// Warning: ether or tokens that are sent here otherwise than by a payment belong to nobody and cannot be recovered.
interface IEarningsSplitter is IPaidViews, IVoucherChannels, IEarningsLedger {
    /// @notice The address given for the registry holds no contract.
    error RegistryHasNoCode(address registry);

    /// @notice The registry whose contents can be paid for here.
    function registry() external view returns (IStreamRegistry);
}
