// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ChannelState } from "../../src/types/Channel.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { ClaimSteps } from "./ClaimSteps.sol";
import { Puppet } from "./Puppet.sol";
import { SettleSteps } from "./SettleSteps.sol";
import { SignedRegistrySteps } from "./SignedRegistrySteps.sol";
import { ViewSteps } from "./ViewSteps.sol";

/// @notice Everything that may happen to the registry and the splitter, in any order; the hostile part of it; and what
/// must be true at each moment.
contract SplitterHandler is SignedRegistrySteps, ViewSteps, SettleSteps, ClaimSteps {
    enum Answer {
        ClaimFor,
        Claim,
        Refund,
        Settle,
        Close,
        TopUp,
        Open,
        View
    }

    /// @dev What the re-entering token and the re-entering account do when they get their chance.
    struct Plan {
        Answer answer;
        uint8 a;
        uint8 b;
        uint96 amount;
    }

    Plan private plan;

    // ----------------------------------------------------------------------------------------------- Hostility

    function callBack() external {
        if (
            inside
                || (msg.sender != address(hostile)
                    && msg.sender != accounts[KEYS]
                    && msg.sender != accounts[KEYS + 1]
                    && msg.sender != accounts[KEYS + 2])
        ) return;
        inside = true;
        Plan memory p = plan;
        if (p.answer == Answer.ClaimFor) take(p.a, p.b, 0, false);
        else if (p.answer == Answer.Claim) take(p.a, p.b, p.b, true);
        else if (p.answer == Answer.Refund) giveBack(p.a);
        else if (p.answer == Answer.Settle) settleBoth(p.a, p.b, p.amount, 0x0505050505050505);
        else if (p.answer == Answer.Close) close(p.a, p.amount, p.b);
        else if (p.answer == Answer.TopUp) add(p.a, p.b, 0, 2, 0, p.amount);
        else if (p.answer == Answer.Open) open(Opening(p.a, p.b, p.b, p.b, p.b, 0, 23, 1 days, p.amount));
        else watch(p.a, p.b, p.b, 0, 2, 0);
        inside = false;
    }

    function planToCallBack(uint8 answer, uint8 a, uint8 b, uint96 amount) external {
        plan = Plan(Answer(answer % 8), a, b, amount);
        hostile.setCallsBack(true);
        Puppet(payable(accounts[KEYS + 1])).setMood(Puppet.Mood.CallsBack, false);
    }

    function calmDown() external {
        hostile.setCallsBack(false);
        Puppet(payable(accounts[KEYS + 1])).setMood(Puppet.Mood.Takes, false);
    }

    function setMood(uint8 which, uint8 mood, bool disowns) external {
        Puppet(payable(accounts[KEYS + which % 3])).setMood(Puppet.Mood(mood % 4), disowns);
    }

    function setBlacklisted(uint8 which, bool blacklisted) external {
        hostile.setBlacklisted(accounts[which % accounts.length], blacklisted);
    }

    function force(uint8 which, uint96 amount) external {
        address token = tokens[which % tokens.length];
        forced[token] += amount;
        if (token == ETHER) deal(address(splitter), address(splitter).balance + amount);
        else fund(token, address(splitter), amount);
    }

    function shrink(uint16 bps) external {
        uint256 before = rebasing.balanceOf(address(splitter));
        rebasing.scale(address(splitter), bps % 10_001);
        vanished[address(rebasing)] += before - rebasing.balanceOf(address(splitter));
    }

    // ------------------------------------------------------------------------------------------------ The truth

    function check() external view {
        assertFalse(surprised, "a step inside another one ended otherwise than foreseen");
        uint256[] memory unsettled = new uint256[](tokens.length);
        for (uint256 i = 0; i < channels.length; i++) {
            Kept storage kept = channels[i];
            ChannelState memory state = splitter.channelState(kept.id);
            same(state.deposit, kept.deposit, "the deposit of a channel");
            same(state.settled, kept.settled, "what is settled of a channel");
            if (state.closed != kept.closed) assertTrue(false, "whether a channel is closed");
            if (state.settled > state.deposit) assertTrue(false, "no channel pays out more than its deposit");
            // The other way round than the contract: what is left of it when the provider's part is rounded down.
            same(
                kept.creatorPart,
                creatorPartOf(state.settled, kept.channel.deal.creatorShareBps),
                "the creator's part of what is settled"
            );
            for (uint256 j = 0; j < tokens.length; j++) {
                if (!state.closed && tokens[j] == kept.channel.deal.token) {
                    unsettled[j] += state.deposit - state.settled;
                }
            }
        }
        for (uint256 i = 0; i < tokens.length; i++) {
            address token = tokens[i];
            uint256 owed = unsettled[i];
            for (uint256 j = 0; j < accounts.length; j++) {
                uint256 earned = splitter.earned(token, accounts[j]);
                same(earned, earnings[token][accounts[j]], "the earnings of an account");
                owed += earned;
            }
            uint256 holdings = balanceOf(token, address(splitter));
            same(holdings + paidOut[token] + vanished[token], paidIn[token] + forced[token], "nothing is lost or made");
            same(holdings + vanished[token], owed + forced[token], "what it holds is what it owes and what was forced");
            if (token != address(rebasing) && holdings < owed) assertTrue(false, "what it holds covers what it owes");
        }
        for (uint256 i = 0; i < accounts.length; i++) {
            same(splitter.nonces(accounts[i]), spent[accounts[i]], "the nonce of an account");
            same(registry.nonces(accounts[i]), registrySpent[accounts[i]], "its nonce in the registry");
        }
        same(registry.nonces(creator), registrySpent[creator], "the nonce of the creator");
    }

    // -------------------------------------------------------------------------------------------------- The end

    /// @dev Everybody is well-behaved, channels end in both ways, and everybody takes what is theirs.
    function makePeace() external step {
        hostile.setCallsBack(false);
        for (uint256 i = 0; i < accounts.length; i++) {
            hostile.setBlacklisted(accounts[i], false);
            if (i >= KEYS) Puppet(payable(accounts[i])).setMood(Puppet.Mood.Takes, false);
        }
        fund(address(rebasing), address(splitter), vanished[address(rebasing)]);
        vanished[address(rebasing)] = 0;
        for (uint256 i = 0; i < channels.length; i += 2) {
            if (channels[i].closed || time >= channels[i].channel.expiry) continue;
            close(i, channels[i].deposit, channels[i].settled == channels[i].deposit ? 5 : 15);
        }
        time += 366 days;
        vm.warp(time);
        for (uint256 i = 0; i < channels.length; i++) {
            if (!channels[i].closed) giveBack(i);
        }
        for (uint256 i = 0; i < tokens.length; i++) {
            for (uint256 j = 0; j < accounts.length; j++) {
                if (earnings[tokens[i]][accounts[j]] != 0) take(i, j, 0, false);
                same(splitter.earned(tokens[i], accounts[j]), 0, "all is paid out");
            }
            same(balanceOf(tokens[i], address(splitter)), forced[tokens[i]], "only what was forced is left");
        }
    }
}
