// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaidViews } from "../../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { ISignedActions } from "../../src/interfaces/ISignedActions.sol";
import { Permit, RECORD_VIEW_TYPEHASH, RecordView } from "../../src/types/Payment.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { UsdLikeToken } from "../tokens/UsdLikeToken.sol";
import { Payments } from "./Payments.sol";
import { Puppet } from "./Puppet.sol";

/// @notice Views that are paid for, and those that are not as they should be.
abstract contract ViewSteps is Payments {
    bytes32 private immutable splitterDomain = domainOf("Paystream Splitter", address(splitter));

    /// @param flaw 0: agrees to less than the price; 1: sends another sum of ether; others: none.
    function view_(uint8 which, uint8 providerSeed, uint8 payerSeed, uint8 waySeed, uint8 flaw, uint8 salt)
        external
        step
    {
        watch(which, providerSeed, payerSeed, waySeed, flaw, salt);
    }

    /// @param flaw 0: the last nonce again, 1: too late, 2: another's signature, 3: agrees to too little, others: none.
    function viewBySignature(uint8 which, uint8 providerSeed, uint8 viewerSeed, uint8 flaw) external step {
        flaw = flaw % 9;
        uint256 content = which % CONTENTS;
        Terms memory terms = asked[content];
        uint256 price = terms.pricePerView;
        address viewer = accountFrom(viewerSeed);
        if (burnsAllGas(viewer)) return;
        uint256 next = spent[viewer];
        RecordView memory action = RecordView({
            viewer: viewer,
            contentId: contents[content],
            provider: accountFrom(providerSeed),
            token: terms.token,
            maxPrice: flaw == 3 && price != 0 ? price - 1 : price,
            nonce: flaw == 0 && next != 0 ? next - 1 : next,
            deadline: flaw == 1 ? time - 1 : time
        });
        bytes memory signed = signature(
            flaw == 2 ? creatorKey : keyOf(viewer),
            typedDigest(splitterDomain, keccak256(abi.encode(RECORD_VIEW_TYPEHASH, action)))
        );
        bool permits = terms.token == address(usd) && viewer == accounts[0];
        Permit memory permit = permits ? permitOf(viewer, price) : noPermit();

        bytes memory expected = offerRefusal(content, action.provider);
        if (flaw == 1) {
            expected = abi.encodeWithSelector(ISignedActions.SignatureExpired.selector, action.deadline);
        } else if (action.nonce != next) {
            expected = abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, viewer, action.nonce, next);
        } else if (flaw == 2 || (viewer.code.length != 0 && Puppet(payable(viewer)).disowns())) {
            expected = abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, viewer);
        } else if (expected.length == 0) {
            if (price > action.maxPrice) {
                expected = abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, price, action.maxPrice);
            } else if (terms.token == ETHER && price != 0) {
                expected = abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, 0, price);
            } else {
                expected = pullRefusal(terms.token, viewer, price, true);
            }
        }
        fund(terms.token, viewer, price);
        if (expected.length == 0) spent[viewer]++;
        bytes memory data = abi.encodeCall(splitter.recordViewBySig, (action, signed, permit));
        pay(terms, action.provider, session, 0, data, expected, viewer);
    }

    function invalidateNonce(uint8 accountSeed) external step {
        address account = accountFrom(accountSeed);
        uint256 nonce = spent[account]++;
        (bool success, bytes memory result) =
            act(address(splitter), account, 0, abi.encodeCall(splitter.invalidateNonce, ()));
        agree(success, success ? bytes("") : result, "");
        assertEq(abi.decode(result, (uint256)), nonce);
    }

    function watch(uint256 which, uint256 providerSeed, uint256 payerSeed, uint256 waySeed, uint256 flaw, uint256 salt)
        internal
    {
        uint256 content = which % CONTENTS;
        Terms memory terms = asked[content];
        uint256 price = terms.pricePerView;
        address provider = accountFrom(providerSeed);
        address payer = accountFrom(payerSeed);
        Way way = wayFrom(waySeed, terms.token, payer);
        fund(terms.token, payer, price);
        bytes memory expected = offerRefusal(content, provider);
        if (way == Way.ByAuthorization) {
            payAuthorized(content, provider, payer, bytes32(salt % 4), expected);
            return;
        }

        uint256 maximum = flaw % 8 == 0 && price != 0 ? price - 1 : price;
        uint256 value = terms.token == ETHER ? price : 0;
        if (flaw % 8 == 1) value++;
        if (expected.length == 0) {
            if (price > maximum) {
                expected = abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, price, maximum);
            } else if (terms.token == ETHER && value != price) {
                expected = abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, value, price);
            } else {
                expected = pullRefusal(terms.token, payer, price, way == Way.ByPermit);
            }
        }
        bytes memory data;
        if (terms.token == ETHER) {
            data = abi.encodeCall(splitter.recordView, (contents[content], provider, payer, maximum));
        } else {
            Permit memory permit = way == Way.ByPermit ? permitOf(payer, price) : noPermit();
            data = abi.encodeCall(
                splitter.recordViewInToken, (contents[content], provider, payer, terms.token, maximum, permit)
            );
            // It is not payable, so ether by mistake is refused without a word.
            value = 0;
        }
        pay(terms, provider, payer, value, data, expected, address(0));
    }

    function payAuthorized(uint256 content, address provider, address payer, bytes32 salt, bytes memory expected)
        private
    {
        Terms memory terms = asked[content];
        uint256 price = terms.pricePerView;
        bytes32 nonce = splitter.viewAuthorizationNonce(contents[content], provider, payer, salt);
        if (expected.length == 0 && usedAuthorization[nonce]) {
            expected = abi.encodeWithSelector(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        }
        if (expected.length == 0) usedAuthorization[nonce] = true;
        bytes memory data = abi.encodeCall(
            splitter.recordViewWithAuthorization,
            (contents[content], provider, payer, price, salt, authorizationOf(payer, price, nonce))
        );
        pay(terms, provider, session, 0, data, expected, address(0));
    }

    /// @param signer Whose nonce is spent with it, if anybody's.
    function pay(
        Terms memory terms,
        address provider,
        address caller,
        uint256 value,
        bytes memory data,
        bytes memory expected,
        address signer
    ) private {
        uint256 price = terms.pricePerView;
        uint256 creatorAmount = creatorPartOf(price, terms.creatorShareBps);
        if (expected.length == 0) {
            credit(terms.token, terms.payout, provider, creatorAmount, price);
            paidIn[terms.token] += price;
        }
        (bool success, bytes memory result) = act(address(splitter), caller, value, data);
        if (expected.length == 0 && wasInterrupted(terms.token, success, result)) {
            paidIn[terms.token] -= price;
            earnings[terms.token][terms.payout] -= creatorAmount;
            earnings[terms.token][provider] -= price - creatorAmount;
            if (signer != address(0)) spent[signer]--;
            return;
        }
        agree(success, result, expected);
    }
}
