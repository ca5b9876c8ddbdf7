// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IEarningsLedger } from "../../src/interfaces/IEarningsLedger.sol";
import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { Puppet } from "./Puppet.sol";
import { World } from "./World.sol";

/// @notice Earnings that are taken, and those that cannot be.
abstract contract ClaimSteps is World {
    function claim(uint8 token, uint8 account, uint8 to) external step {
        take(token, account, to, true);
    }

    function claimFor(uint8 token, uint8 account) external step {
        take(token, account, 0, false);
    }

    /// @param itself Whether the account claims, to wherever it likes; otherwise somebody else has it paid.
    function take(uint256 tokenSeed, uint256 accountSeed, uint256 toSeed, bool itself) internal {
        address token = tokens[tokenSeed % tokens.length];
        address account = accountFrom(accountSeed);
        address to = account;
        if (itself) to = toSeed % 16 == 0 ? address(splitter) : toSeed % 16 == 1 ? address(0) : accountFrom(toSeed);
        uint256 amount = earnings[token][account];
        uint256 balance = balanceOf(token, to);

        bytes memory expected;
        if (to == address(splitter) || to == address(0)) {
            expected = abi.encodeWithSelector(IEarningsLedger.RecipientInvalid.selector, to);
        } else if (amount == 0) {
            expected = abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, token, account);
        } else if (!takes(token, to, amount)) {
            expected = abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, token, to, amount);
        } else {
            earnings[token][account] = 0;
            paidOut[token] += amount;
        }
        bytes memory data =
            itself ? abi.encodeCall(splitter.claim, (token, to)) : abi.encodeCall(splitter.claimFor, (token, account));
        (bool success, bytes memory result) = act(address(splitter), itself ? account : accounts[KEYS], 0, data);
        agree(success, result, expected);
        if (success) {
            same(abi.decode(result, (uint256)), amount, "what a claim says");
            if (!inside && balanceOf(token, to) < balance + amount) assertTrue(false, "what a claim brings");
        }
    }
}
