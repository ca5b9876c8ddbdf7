// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { IVoucherChannels } from "../../src/interfaces/IVoucherChannels.sol";
import { Channel, Deal } from "../../src/types/Channel.sol";
import { MAX_DEPOSIT } from "../../src/types/ChannelSlot.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { UsdLikeToken } from "../tokens/UsdLikeToken.sol";
import { Payments } from "./Payments.sol";

/// @notice Channels that are opened and topped up, and those that are not.
abstract contract ChannelSteps is Payments {
    /// @dev As many as are looked at after every step; from then on only old ones are tried again.
    uint256 private constant MAX_CHANNELS = 16;

    struct Opening {
        uint8 content;
        uint8 provider;
        uint8 caller;
        uint8 payer;
        uint8 signer;
        uint8 way;
        uint8 flaw;
        uint24 duration;
        uint128 deposit;
    }

    /// @dev Flaw 0: a channel that was opened already, 1: other terms, 2: no signer, 3: it expires now, 4: it lasts too
    /// long, 5: no deposit, 6: too much, 7: another sum of ether, others: none.
    function openChannel(Opening memory opening) external step {
        open(opening);
    }

    /// @param flaw 0: nothing, 1: more than there is room for, others: none.
    function topUp(uint8 which, uint8 callerSeed, uint8 waySeed, uint8 flaw, uint8 salt, uint96 amount) external step {
        add(which, callerSeed, waySeed, flaw, salt, amount);
    }

    function passTime(uint24 duration) external {
        time += duration % 5 days;
    }

    function open(Opening memory opening) internal {
        uint256 flaw = opening.flaw % 24;
        uint256 content = opening.content % CONTENTS;
        uint256 deposit = uint256(opening.deposit) % MAX_DEPOSIT + 1;
        Channel memory channel;
        if (channels.length == MAX_CHANNELS || (flaw == 0 && channels.length != 0)) {
            Kept storage old = channels[opening.duration % channels.length];
            (channel, content) = (old.channel, old.content);
        } else {
            channel = newChannel(opening, content, flaw);
            if (flaw == 5) deposit = 0;
            if (flaw == 6) deposit = MAX_DEPOSIT + 1;
        }
        address token = channel.deal.token;
        address caller = accountFrom(opening.caller);
        Way way = wayFrom(opening.way, token, caller);
        // Only the payer itself can authorise.
        if (way == Way.ByAuthorization) caller = channel.payer;
        way = wayFrom(uint256(way), token, caller);
        fund(token, caller, deposit);

        bytes32 id = splitter.channelIdOf(channel);
        if (way == Way.ByAuthorization && indexOf(id) != channels.length) {
            openAgain(channels[indexOf(id)], deposit);
            return;
        }
        uint256 value = token != ETHER ? 0 : flaw == 7 ? deposit + 1 : deposit;
        bytes memory expected = openRefusal(content, channel, deposit, id);
        if (expected.length == 0) {
            expected = value > deposit
                ? abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, value, deposit)
                : pullRefusal(token, caller, deposit, way != Way.Direct);
        }
        if (expected.length == 0) {
            Kept storage kept = channels.push();
            kept.channel = channel;
            kept.id = id;
            kept.dealHash = keccak256(abi.encode(channel.deal));
            kept.content = content;
            kept.deposit = deposit;
            paidIn[token] += deposit;
            if (way == Way.ByAuthorization) usedAuthorization[id] = true;
        }
        bytes memory data = openData(channel, caller, deposit, way);
        if (way == Way.ByAuthorization) caller = session;
        (bool success, bytes memory result) = act(address(splitter), caller, value, data);
        if (expected.length == 0 && wasInterrupted(token, success, result)) {
            // What was opened inside is undone as well.
            channels.pop();
            paidIn[token] -= deposit;
            return;
        }
        agree(success, result, expected);
    }

    /// @dev The payer's authorisation tops up a channel that somebody else opened first, once.
    function openAgain(Kept storage kept, uint256 deposit) private {
        (Channel memory channel, address token) = (kept.channel, kept.channel.deal.token);
        uint256 room = MAX_DEPOSIT - kept.deposit;
        bytes memory expected = endRefusal(kept);
        if (expected.length == 0 && (deposit == 0 || deposit > room)) {
            expected = abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, deposit, room);
        } else if (expected.length == 0 && usedAuthorization[kept.id]) {
            expected = abi.encodeWithSelector(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
        } else if (expected.length == 0) {
            kept.deposit += deposit;
            paidIn[token] += deposit;
            usedAuthorization[kept.id] = true;
        }
        bytes memory data = openData(channel, channel.payer, deposit, Way.ByAuthorization);
        (bool success, bytes memory result) = act(address(splitter), session, 0, data);
        agree(success, result, expected);
    }

    /// @return index That of the channel, or the number of channels when there is none.
    function indexOf(bytes32 id) private view returns (uint256 index) {
        while (index < channels.length && channels[index].id != id) index++;
    }

    function add(uint256 which, uint256 callerSeed, uint256 waySeed, uint256 flaw, uint256 salt, uint256 amount)
        internal
    {
        if (channels.length == 0) return;
        Kept storage kept = channels[which % channels.length];
        Channel memory channel = kept.channel;
        address token = channel.deal.token;
        uint256 room = MAX_DEPOSIT - kept.deposit;
        if (flaw % 8 == 0) amount = 0;
        if (flaw % 8 == 1) amount = room + 1;
        address caller = accountFrom(callerSeed);
        Way way = wayFrom(waySeed, token, caller);
        if (way == Way.ByAuthorization) caller = channel.payer;
        way = wayFrom(uint256(way), token, caller);
        fund(token, caller, amount);
        bytes32 nonce = splitter.topUpAuthorizationNonce(kept.id, bytes32(salt % 2));

        bytes memory expected = endRefusal(kept);
        if (expected.length == 0) {
            if (amount == 0 || amount > room) {
                expected = abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, amount, room);
            } else if (way == Way.ByAuthorization && usedAuthorization[nonce]) {
                expected = abi.encodeWithSelector(UsdLikeToken.AuthorizationUsedOrCanceled.selector);
            } else {
                expected = pullRefusal(token, caller, amount, way != Way.Direct);
            }
        }
        if (expected.length == 0) {
            kept.deposit += amount;
            paidIn[token] += amount;
            if (way == Way.ByAuthorization) usedAuthorization[nonce] = true;
        }
        bytes memory data = topUpData(channel, caller, amount, salt % 2, way);
        if (way == Way.ByAuthorization) caller = session;
        (bool success, bytes memory result) = act(address(splitter), caller, token == ETHER ? amount : 0, data);
        if (expected.length == 0 && wasInterrupted(token, success, result)) {
            kept.deposit -= amount;
            paidIn[token] -= amount;
            return;
        }
        agree(success, result, expected);
    }

    /// @dev Why a channel can do nothing that ends at its expiry.
    function endRefusal(Kept storage kept) internal view returns (bytes memory) {
        if (kept.closed) return abi.encodeWithSelector(IVoucherChannels.ChannelIsClosed.selector, kept.id);
        if (time >= kept.channel.expiry) {
            return abi.encodeWithSelector(IVoucherChannels.ChannelHasExpired.selector, kept.id, kept.channel.expiry);
        }
        return "";
    }

    function openData(Channel memory channel, address caller, uint256 deposit, Way way)
        private
        view
        returns (bytes memory)
    {
        if (way == Way.Direct) return abi.encodeCall(splitter.openChannel, (channel, deposit));
        if (way == Way.ByPermit) {
            return abi.encodeCall(splitter.openChannelWithPermit, (channel, deposit, permitOf(caller, deposit)));
        }
        return abi.encodeCall(
            splitter.openChannelWithAuthorization,
            (channel, deposit, authorizationOf(caller, deposit, splitter.channelIdOf(channel)))
        );
    }

    function topUpData(Channel memory channel, address caller, uint256 amount, uint256 salt, Way way)
        private
        view
        returns (bytes memory)
    {
        if (way == Way.Direct) return abi.encodeCall(splitter.topUp, (channel, amount));
        if (way == Way.ByPermit) {
            return abi.encodeCall(splitter.topUpWithPermit, (channel, amount, permitOf(caller, amount)));
        }
        bytes32 nonce = splitter.topUpAuthorizationNonce(splitter.channelIdOf(channel), bytes32(salt));
        return abi.encodeCall(
            splitter.topUpWithAuthorization, (channel, amount, bytes32(salt), authorizationOf(caller, amount, nonce))
        );
    }

    function newChannel(Opening memory opening, uint256 content, uint256 flaw)
        private
        view
        returns (Channel memory channel)
    {
        Terms memory terms = asked[content];
        channel.deal = Deal({
            contentId: contents[content],
            provider: accountFrom(opening.provider),
            payout: terms.payout,
            token: terms.token,
            creatorShareBps: flaw == 1 ? terms.creatorShareBps ^ 1 : terms.creatorShareBps,
            pricePerSecond: terms.pricePerSecond
        });
        channel.payer = accountFrom(opening.payer);
        channel.signer = opening.signer % 2 == 0 ? session : accounts[opening.signer % accounts.length];
        if (flaw == 2) channel.signer = address(0);
        channel.expiry = uint64(time + 1 + opening.duration % 20 days);
        if (flaw == 3) channel.expiry = uint64(time);
        if (flaw == 4) channel.expiry = uint64(time + 365 days + 1);
        channel.salt = uint64(channels.length);
    }

    function openRefusal(uint256 content, Channel memory channel, uint256 deposit, bytes32 id)
        private
        view
        returns (bytes memory refusal)
    {
        Terms memory terms = asked[content];
        Deal memory deal_ = channel.deal;
        refusal = offerRefusal(content, deal_.provider);
        if (refusal.length != 0) return refusal;
        if (terms.pricePerSecond == 0) {
            return abi.encodeWithSelector(IVoucherChannels.NotSoldBySecond.selector, deal_.contentId);
        }
        if (
            deal_.token != terms.token || deal_.payout != terms.payout || deal_.creatorShareBps != terms.creatorShareBps
                || deal_.pricePerSecond != terms.pricePerSecond
        ) return abi.encodeWithSelector(IVoucherChannels.ChannelTermsDiffer.selector, deal_.contentId);
        if (channel.signer == address(0)) return abi.encodeWithSelector(IVoucherChannels.ChannelPartyIsZero.selector);
        if (channel.expiry <= time || channel.expiry > time + 365 days) {
            return
                abi.encodeWithSelector(IVoucherChannels.ChannelExpiryInvalid.selector, channel.expiry, time + 365 days);
        }
        if (deposit == 0 || deposit > MAX_DEPOSIT) {
            return abi.encodeWithSelector(IVoucherChannels.DepositInvalid.selector, deposit, MAX_DEPOSIT);
        }
        for (uint256 i = 0; i < channels.length; i++) {
            if (channels[i].id == id) {
                return abi.encodeWithSelector(IVoucherChannels.ChannelAlreadyExists.selector, id);
            }
        }
    }
}
