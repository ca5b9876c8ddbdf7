// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IContentErrors } from "./IContentErrors.sol";
import { IStreamRegistry } from "./IStreamRegistry.sol";

/// @title IEarningsSplitter
/// @notice Takes viewers' payments, divides each between creator and provider, and keeps what they earned until they
/// claim it.
///
/// Nobody owns it and nothing in it can be upgraded: money leaves only by a claim, and only the account that earned it
/// decides where to. Terms come from the registry that it was deployed with, read at the moment of the payment; a later
/// change of terms never touches a payment already made. It trusts that registry and nothing else: accounts that are
/// paid may be contracts, may refuse their money and may call back.
///
/// Invariant: what it holds is never less than all unclaimed earnings.
///
/// Amounts are in the smallest unit of the token. Token zero is ether, and the only one accepted so far.
///
/// Warning: ether that is forced upon it otherwise than by `recordView` belongs to nobody and cannot be recovered.
interface IEarningsSplitter is IContentErrors {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice A view was paid for.
    /// @param contentId The content that was viewed.
    /// @param provider The provider who streams it.
    /// @param viewer The viewer that the payer named.
    /// @param token What it was paid in; zero is ether.
    /// @param price What was paid: the sum of the two amounts.
    /// @param creatorAmount The creator's share, rounded up, credited to `payout`.
    /// @param providerAmount The rest, credited to `provider`.
    /// @param payout The account that the terms named for the creator's share at that moment.
    event ViewRecorded(
        bytes32 indexed contentId,
        address indexed provider,
        address indexed viewer,
        address token,
        uint256 price,
        uint256 creatorAmount,
        uint256 providerAmount,
        address payout
    );

    /// @notice An account's unclaimed earnings grew by `amount`, which is never zero.
    event EarningsCredited(address indexed token, address indexed account, bytes32 indexed contentId, uint256 amount);

    /// @notice All of an account's unclaimed earnings in one token went to `to`.
    event EarningsClaimed(address indexed token, address indexed account, address indexed to, uint256 amount);

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The address given for the registry holds no contract.
    error RegistryHasNoCode(address registry);

    /// @notice Payments and claims in this token are not possible.
    error TokenNotSupported(address token);

    /// @notice The view costs more than the payer agreed to.
    error PriceAboveMaximum(uint256 price, uint256 maximum);

    /// @notice The ether sent is not exactly the price.
    error IncorrectPayment(uint256 sent, uint256 price);

    /// @notice The account has no unclaimed earnings in this token.
    error NothingToClaim(address token, address account);

    /// @notice A claim needs somewhere to go.
    error RecipientIsZero();

    /// @notice The recipient refused the ether. Nothing has changed; an account that cannot receive ether may `claim`
    /// to one that can.
    error ETHTransferFailed();

    // -------------------------------------------------------------------------------------------------- Payment

    /// @notice Pays for one view of a content from one provider. Anybody may pay, for any viewer.
    /// @dev The price is the content's `pricePerView` at this moment. It is divided by `creatorShareBps`: the creator's
    /// share is rounded up and credited to `payout`, the rest to the provider. They may be the same account.
    ///
    /// Warning: `viewer` is the payer's word, and a content without a price can be recorded as viewed by anybody at no
    /// cost but gas. The count of views proves nothing beyond what was paid.
    /// @param contentId An active content whose terms are in ether.
    /// @param provider A provider with a registered stream of it.
    /// @param viewer Whose view it is.
    /// @param maxPrice The most that the payer agrees to, in case the terms change before the payment is mined.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `TokenNotSupported`, `StreamNotRegistered`,
    /// `PriceAboveMaximum`, and with `IncorrectPayment` unless exactly the price is sent.
    function recordView(bytes32 contentId, address provider, address viewer, uint256 maxPrice) external payable;

    // --------------------------------------------------------------------------------------------------- Claims

    /// @notice Sends all that the caller has earned in a token to `to`.
    /// @return amount What was sent.
    ///
    /// Reverts with `TokenNotSupported`, `RecipientIsZero`, `NothingToClaim`, `ETHTransferFailed`.
    function claim(address token, address to) external returns (uint256 amount);

    /// @notice Sends all that `account` has earned in a token to `account` itself. Anybody may call.
    /// @dev Warning: a contract may thus be sent its earnings at a moment that it did not choose.
    /// @return amount What was sent.
    ///
    /// Reverts with `TokenNotSupported`, `NothingToClaim`, `ETHTransferFailed`.
    function claimFor(address token, address account) external returns (uint256 amount);

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice The registry whose contents can be paid for here.
    function registry() external view returns (IStreamRegistry);

    /// @notice What an account has earned in a token and not claimed yet.
    function earned(address token, address account) external view returns (uint256 amount);
}
