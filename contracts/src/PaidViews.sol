// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsLedger } from "./EarningsLedger.sol";
import { SignedActions } from "./SignedActions.sol";
import { IPaidViews } from "./interfaces/IPaidViews.sol";
import { Pull } from "./libraries/Pull.sol";
import { SplitMath } from "./libraries/SplitMath.sol";
import { Authorization, Permit, RecordView } from "./types/Payment.sol";
import { ETHER, Terms } from "./types/Terms.sol";

/// @title PaidViews
/// @notice Implements `IPaidViews`. Effects come before the payment is pulled; when it does not arrive in full,
/// everything is undone.
abstract contract PaidViews is IPaidViews, EarningsLedger, SignedActions {
    bytes32 private constant VIEW_AUTHORIZATION_TYPEHASH =
        keccak256("ViewAuthorization(bytes32 contentId,address provider,address viewer,bytes32 salt)");

    /// @inheritdoc IPaidViews
    function recordView(bytes32 contentId, address provider, address viewer, uint256 maxPrice) external payable {
        uint256 price = _record(contentId, provider, viewer, maxPrice, _offerIn(ETHER, contentId, provider));
        Pull.take(ETHER, msg.sender, price);
    }

    /// @inheritdoc IPaidViews
    function recordViewInToken(
        bytes32 contentId,
        address provider,
        address viewer,
        address token,
        uint256 maxPrice,
        Permit calldata permit
    ) external {
        Pull.permit(token, msg.sender, permit);
        uint256 price = _record(contentId, provider, viewer, maxPrice, _offerIn(token, contentId, provider));
        Pull.take(token, msg.sender, price);
    }

    /// @inheritdoc IPaidViews
    function recordViewWithAuthorization(
        bytes32 contentId,
        address provider,
        address viewer,
        uint256 price,
        bytes32 salt,
        Authorization calldata authorization
    ) external {
        Terms memory terms = _offerOf(contentId, provider);
        if (terms.pricePerView != price) revert AuthorizedAmountDiffers(price, terms.pricePerView);
        _record(contentId, provider, viewer, price, terms);
        bytes32 nonce = viewAuthorizationNonce(contentId, provider, viewer, salt);
        Pull.takeAuthorized(terms.token, viewer, price, nonce, authorization);
    }

    /// @inheritdoc IPaidViews
    function recordViewBySig(RecordView calldata action, bytes calldata signature, Permit calldata permit) external {
        _authorise(action.viewer, action.hash(), action.nonce, action.deadline, signature);
        Pull.permit(action.token, action.viewer, permit);
        Terms memory terms = _offerIn(action.token, action.contentId, action.provider);
        uint256 price = _record(action.contentId, action.provider, action.viewer, action.maxPrice, terms);
        Pull.take(action.token, action.viewer, price);
    }

    /// @inheritdoc IPaidViews
    function viewAuthorizationNonce(bytes32 contentId, address provider, address viewer, bytes32 salt)
        public
        pure
        returns (bytes32 nonce)
    {
        return keccak256(abi.encode(VIEW_AUTHORIZATION_TYPEHASH, contentId, provider, viewer, salt));
    }

    /// @dev The terms of an active content that the provider streams; reverts otherwise.
    function _offerOf(bytes32 contentId, address provider) internal view virtual returns (Terms memory);

    function _offerIn(address token, bytes32 contentId, address provider) private view returns (Terms memory terms) {
        terms = _offerOf(contentId, provider);
        if (terms.token != token) revert TokenDiffers(terms.token, token);
    }

    function _record(bytes32 contentId, address provider, address viewer, uint256 maxPrice, Terms memory terms)
        private
        returns (uint256 price)
    {
        // Checks
        price = terms.pricePerView;
        if (price > maxPrice) revert PriceAboveMaximum(price, maxPrice);

        // Effects
        uint256 creatorAmount = SplitMath.creatorShareRoundedUp(price, terms.creatorShareBps);
        uint256 providerAmount = price - creatorAmount;
        emit ViewRecorded(contentId, provider, viewer, terms.token, price, creatorAmount, providerAmount, terms.payout);
        _credit(terms.token, terms.payout, contentId, creatorAmount);
        _credit(terms.token, provider, contentId, providerAmount);
    }
}
