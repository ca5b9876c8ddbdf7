// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IVoucherChannels } from "../../src/interfaces/IVoucherChannels.sol";
import { Channel, Settlement, SettlementBatch, Voucher } from "../../src/types/Channel.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { ChannelSteps } from "./ChannelSteps.sol";
import { Puppet } from "./Puppet.sol";
import { VmSafe } from "forge-std/Vm.sol";

/// @notice Vouchers, good and bad, and the ends of channels.
abstract contract SettleSteps is ChannelSteps {
    uint256 private constant MAX_ROWS = 4;

    /// @dev What the next settlement must skip, in order: the ids and the reasons.
    bytes32[] private skippedIds;
    bytes4[] private skippedReasons;

    uint256 public skips;

    /// @dev Two batches, each of up to four channels of one deal. Flaw 0: over too much, 1: over no more than is
    /// settled, 2: another's signature, 3: a signature of another sum, 4: of a channel that never was, others: none.
    function settle(uint8 first, uint8 second, uint128 amount, uint64 flaws) external step {
        settleBoth(first, second, amount, flaws);
    }

    /// @param flaw As for `settle`, 5: over what is settled and unsigned, 6: not the provider, others: none.
    function closeChannel(uint8 which, uint128 amount, uint8 flaw) external step {
        close(which, amount, flaw);
    }

    function refund(uint8 which) external step {
        giveBack(which);
    }

    function settleBoth(uint256 first, uint256 second, uint256 amount, uint256 flaws) internal {
        if (channels.length == 0) return;
        delete skippedIds;
        delete skippedReasons;
        SettlementBatch[] memory batches = new SettlementBatch[](2);
        batches[0] = batch(first % channels.length, amount, flaws);
        batches[1] = batch(second % channels.length, amount / 3, flaws >> 32);
        if (inside) {
            (bool succeeded, bytes memory answer) = address(splitter).call(abi.encodeCall(splitter.settle, (batches)));
            agree(succeeded, answer, "");
            return;
        }
        vm.recordLogs();
        splitter.settle(batches);
        successes++;
        checkSkipped(vm.getRecordedLogs());
    }

    function close(uint256 which, uint256 amount, uint256 flaw) internal {
        if (channels.length == 0) return;
        Kept storage kept = channels[which % channels.length];
        Channel memory channel = kept.channel;
        address caller = flaw % 16 == 6 ? session : channel.deal.provider;
        // A step inside another one cannot change who calls.
        if (inside && caller.code.length == 0) return;
        (uint256 cumulative, bytes memory signed, bool good) = voucher(kept, amount, flaw % 16);
        if (flaw % 16 == 5) (cumulative, signed) = (kept.settled, "");

        bytes memory expected;
        if (caller != channel.deal.provider) {
            expected = abi.encodeWithSelector(IVoucherChannels.NotProvider.selector, kept.id, caller);
        } else if (cumulative == kept.settled) {
            expected = endRefusal(kept);
        } else {
            expected = voucherRefusal(kept, cumulative, good);
        }
        if (expected.length == 0) book(kept, cumulative);
        end(kept, caller, abi.encodeCall(splitter.closeChannel, (channel, uint128(cumulative), signed)), expected);
    }

    function giveBack(uint256 which) internal {
        if (channels.length == 0) return;
        Kept storage kept = channels[which % channels.length];
        bytes memory expected;
        if (kept.closed) {
            expected = abi.encodeWithSelector(IVoucherChannels.ChannelIsClosed.selector, kept.id);
        } else if (time < kept.channel.expiry) {
            expected = abi.encodeWithSelector(IVoucherChannels.ChannelNotExpired.selector, kept.id, kept.channel.expiry);
        }
        // Anybody may; a puppet does, as it needs no change of who calls.
        end(kept, accounts[KEYS + which % 3], abi.encodeCall(splitter.refund, (kept.channel)), expected);
    }

    /// @dev Ends a channel; what is left goes to the payer, or to its earnings when it does not take it.
    function end(Kept storage kept, address caller, bytes memory data, bytes memory expected) private {
        address token = kept.channel.deal.token;
        address payer = kept.channel.payer;
        uint256 rest = kept.deposit - kept.settled;
        bool taken = takes(token, payer, rest);
        bool mayFail = token == address(hostile)
            ? hostile.callsBack()
            : token == ETHER && payer.code.length != 0 && Puppet(payable(payer)).mood() == Puppet.Mood.CallsBack;
        if (expected.length == 0) {
            kept.closed = true;
            if (taken) paidOut[token] += rest;
            else earnings[token][payer] += rest;
        }
        bool outermost = !inside;
        if (outermost) scarce = true;
        (bool success, bytes memory result) = act(address(splitter), caller, 0, data);
        if (outermost) scarce = false;
        agree(success, result, expected);
        if (success && taken && mayFail && splitter.earned(token, payer) == earnings[token][payer] + rest) {
            // It ran out of gas over what it did meanwhile.
            paidOut[token] -= rest;
            earnings[token][payer] += rest;
        }
    }

    // -------------------------------------------------------------------------------------------------- Vouchers

    function batch(uint256 start, uint256 amount, uint256 flaws) private returns (SettlementBatch memory made) {
        bytes32 dealHash = channels[start].dealHash;
        made.deal = channels[start].channel.deal;
        made.settlements = new Settlement[](MAX_ROWS);
        uint256 count = 0;
        // The first channel comes again at the end, as everything about it is different by then.
        for (uint256 i = 0; i <= channels.length && count < MAX_ROWS; i++) {
            Kept storage kept = channels[(start + i) % channels.length];
            if (kept.dealHash != dealHash) continue;
            made.settlements[count] = row(kept, amount >> i, (flaws >> (count * 8)) % 16);
            count++;
        }
        Settlement[] memory settlements = made.settlements;
        assembly ("memory-safe") {
            mstore(settlements, count)
        }
    }

    /// @dev One settlement, booked already if it is good.
    function row(Kept storage kept, uint256 amount, uint256 flaw) private returns (Settlement memory) {
        Channel memory channel = kept.channel;
        (uint256 cumulative, bytes memory signed, bool good) = voucher(kept, amount, flaw);
        bytes memory refusal = voucherRefusal(kept, cumulative, good);
        bytes32 id = kept.id;
        if (flaw == 4) {
            channel.salt += 1 << 32;
            id = splitter.channelIdOf(channel);
            refusal = abi.encodeWithSelector(IVoucherChannels.ChannelNotFound.selector, id);
        }
        if (refusal.length == 0) {
            book(kept, cumulative);
        } else {
            skippedIds.push(id);
            skippedReasons.push(bytes4(refusal));
        }
        return Settlement(channel.payer, channel.signer, channel.expiry, channel.salt, uint128(cumulative), signed);
    }

    function voucher(Kept storage kept, uint256 amount, uint256 flaw)
        private
        view
        returns (uint256 cumulative, bytes memory signed, bool good)
    {
        uint256 room = kept.deposit - kept.settled;
        cumulative = room == 0 ? kept.settled : kept.settled + 1 + amount % room;
        if (flaw == 0) cumulative = kept.deposit + 1 + amount % 1000;
        if (flaw == 1) cumulative = amount % (kept.settled + 1);
        uint256 said = flaw == 3 ? cumulative + 1 : cumulative;
        address signer = kept.channel.signer;
        good = flaw != 2 && flaw != 3;
        if (signer.code.length != 0 && Puppet(payable(signer)).disowns()) good = false;
        bytes32 digest = splitter.voucherDigest(Voucher(kept.id, uint128(said)));
        signed = signature(flaw == 2 ? creatorKey : keyOf(signer), digest);
    }

    function voucherRefusal(Kept storage kept, uint256 cumulative, bool good) private view returns (bytes memory) {
        bytes memory refusal = endRefusal(kept);
        if (refusal.length != 0) return refusal;
        (bytes32 id, uint256 settled, uint256 deposit) = (kept.id, kept.settled, kept.deposit);
        if (cumulative <= settled) {
            return abi.encodeWithSelector(IVoucherChannels.NothingToSettle.selector, id, cumulative, settled);
        }
        if (cumulative > deposit) {
            return abi.encodeWithSelector(IVoucherChannels.CumulativeAboveDeposit.selector, id, cumulative, deposit);
        }
        if (good) return "";
        return abi.encodeWithSelector(IVoucherChannels.VoucherSignatureInvalid.selector, id, kept.channel.signer);
    }

    function book(Kept storage kept, uint256 cumulative) private {
        uint256 creatorPart = creatorPartOf(cumulative, kept.channel.deal.creatorShareBps);
        credit(
            kept.channel.deal.token,
            kept.channel.deal.payout,
            kept.channel.deal.provider,
            creatorPart - kept.creatorPart,
            cumulative - kept.settled
        );
        (kept.settled, kept.creatorPart) = (cumulative, creatorPart);
    }

    function checkSkipped(VmSafe.Log[] memory logs) private {
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IVoucherChannels.SettlementSkipped.selector) continue;
            same(uint256(logs[i].topics[1]), uint256(skippedIds[seen]), "the one that is skipped");
            bytes32 reason = bytes32(skippedReasons[seen]);
            same(uint256(bytes32(logs[i].data)), uint256(reason), "why it is skipped");
            seen++;
        }
        same(seen, skippedIds.length, "how many are skipped");
        skips += seen;
    }
}
