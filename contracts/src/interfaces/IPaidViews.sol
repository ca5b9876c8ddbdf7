// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Authorization, Permit, RecordView } from "../types/Payment.sol";
import { IContentErrors } from "./IContentErrors.sol";
import { IPaymentErrors } from "./IPaymentErrors.sol";
import { ISignedActions } from "./ISignedActions.sol";

/// @title IPaidViews
/// @notice Payments for whole views. The price is the content's `pricePerView` at the moment of the payment, in the
/// token of its terms. It is divided by `creatorShareBps`: the creator's share is rounded up and credited to `payout`,
/// the rest to the provider. They may be the same account.
///
/// Warning: the price is bound by the payer, the share by nobody. A creator can change it at any time, also just before a
/// payment: a provider should look at `providerAmount` of `ViewRecorded` before it serves the view.
///
/// Warning: a content without a price can be recorded as viewed by anybody at no cost but gas. The count of views proves
/// nothing beyond what was paid.
interface IPaidViews is IContentErrors, IPaymentErrors, ISignedActions {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice A view was paid for.
    /// @param contentId The content that was viewed.
    /// @param provider The provider who streams it.
    /// @param viewer Who views: the payer's word, or the signer where the viewer signed.
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

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The view costs more than the payer agreed to.
    error PriceAboveMaximum(uint256 price, uint256 maximum);

    /// @notice The payer agreed to pay in one token, and the terms now name another.
    error TokenDiffers(address token, address agreed);

    /// @notice The authorisation is over another amount than the price.
    error AuthorizedAmountDiffers(uint256 authorized, uint256 price);

    // -------------------------------------------------------------------------------------------------- Payment

    /// @notice Pays for one view of a content from one provider in ether. Anybody may pay, for any viewer.
    /// @param contentId An active content whose terms are in ether.
    /// @param provider A provider with a registered stream of it.
    /// @param viewer Whose view it is.
    /// @param maxPrice The most that the payer agrees to, in case the terms change before the payment is mined.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `StreamNotRegistered`, `TokenDiffers`, `PriceAboveMaximum`,
    /// and with `IncorrectPayment` unless exactly the price is sent.
    function recordView(bytes32 contentId, address provider, address viewer, uint256 maxPrice) external payable;

    /// @notice The same in a token, from the caller's allowance.
    /// @param token What the caller pays in; the terms must still name it.
    /// @param permit Gives the allowance (EIP-2612); with a deadline of zero there is none, and the allowance must be
    /// there.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `StreamNotRegistered`, `TokenDiffers`, `PriceAboveMaximum`,
    /// `TransferFromFailed`, `TokenAmountMismatch`.
    function recordViewInToken(
        bytes32 contentId,
        address provider,
        address viewer,
        address token,
        uint256 maxPrice,
        Permit calldata permit
    ) external;

    /// @notice The same in a token, paid by the viewer with an authorisation (EIP-3009): one signature and no ether.
    /// Anybody may send it.
    /// @param price What is authorised; it must be exactly the price.
    /// @param salt Any number; with the other arguments it makes the authorisation's nonce, `viewAuthorizationNonce`,
    /// which the token lets be used once.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `StreamNotRegistered`, `AuthorizedAmountDiffers`,
    /// `TokenNotSupported`, `TokenAmountMismatch`, and as the token says.
    function recordViewWithAuthorization(
        bytes32 contentId,
        address provider,
        address viewer,
        uint256 price,
        bytes32 salt,
        Authorization calldata authorization
    ) external;

    /// @notice The same in a token, paid from the allowance of a viewer who signed this payment. Anybody may send it.
    /// @param action What the viewer signed.
    /// @param signature The viewer's, over `action`.
    /// @param permit As for `recordViewInToken`.
    ///
    /// Reverts as `recordViewInToken` does, and with `SignatureExpired`, `NonceNotNext`, `SignatureInvalid`.
    function recordViewBySig(RecordView calldata action, bytes calldata signature, Permit calldata permit) external;

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice The nonce of the EIP-3009 authorisation that pays for this view, and for nothing else.
    function viewAuthorizationNonce(bytes32 contentId, address provider, address viewer, bytes32 salt)
        external
        view
        returns (bytes32 nonce);
}
