// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PayoutSplitFactory } from "../../src/PayoutSplitFactory.sol";
import { IPayoutSplit } from "../../src/interfaces/IPayoutSplit.sol";
import { ETHER } from "../../src/types/Terms.sol";
import { BurningPayee } from "../payees/BurningPayee.sol";
import { ReenteringRecipient } from "../payees/ReenteringRecipient.sol";
import { RefusingPayee } from "../payees/RefusingPayee.sol";
import { BlacklistingToken } from "../tokens/BlacklistingToken.sol";
import { FalseReturningToken } from "../tokens/FalseReturningToken.sol";
import { MintableToken } from "../tokens/MintableToken.sol";
import { RebasingToken } from "../tokens/RebasingToken.sol";
import { ReenteringToken } from "../tokens/ReenteringToken.sol";
import { Test } from "forge-std/Test.sol";

/// @notice Everything that may happen to one split, in any order, and what came in and went out as seen from outside.
contract PayoutSplitHandler is Test {
    IPayoutSplit public immutable split;

    RefusingPayee private immutable refusing = new RefusingPayee();
    BurningPayee private immutable burning = new BurningPayee();
    ReenteringRecipient private immutable reentering = new ReenteringRecipient();

    BlacklistingToken private immutable blacklisting = new BlacklistingToken();
    FalseReturningToken private immutable falseReturning = new FalseReturningToken();
    ReenteringToken private immutable reenteringToken = new ReenteringToken();
    RebasingToken public immutable rebasing = new RebasingToken();

    address[] private recipients;
    uint32[] private shares;
    uint256 public totalShares;

    /// @notice Ether first, the token that shrinks last.
    address[] private tokens;

    // What was seen from outside.
    mapping(address token => uint256) private deposited;
    mapping(address token => uint256) public vanished;

    // How often something really happened, so that a run that did nothing is seen.
    uint256 public distributions;
    uint256 public withdrawals;
    uint256 public failures;

    constructor() {
        recipients = [makeAddr("account"), address(refusing), address(burning), address(reentering)];
        shares = [uint32(70_001), 1, 2_999_999_999, 333_333_333];
        for (uint256 i = 0; i < recipients.length; i++) {
            totalShares += shares[i];
            for (uint256 j = i; j > 0 && recipients[j] < recipients[j - 1]; j--) {
                (recipients[j], recipients[j - 1]) = (recipients[j - 1], recipients[j]);
                (shares[j], shares[j - 1]) = (shares[j - 1], shares[j]);
            }
        }
        split = IPayoutSplit(new PayoutSplitFactory().createSplit(recipients, shares));
        tokens = [ETHER, address(blacklisting), address(falseReturning), address(reenteringToken), address(rebasing)];
    }

    // --------------------------------------------------------------------------------------------------- Money

    function deposit(uint256 tokenSeed, uint96 amount) external {
        address token = tokenFrom(tokenSeed);
        deposited[token] += amount;
        if (token == ETHER) {
            deal(address(this), amount);
            (bool sent,) = address(split).call{ value: amount, gas: 2300 }("");
            assertTrue(sent);
        } else {
            MintableToken(token).mint(address(split), amount);
        }
    }

    /// @dev Must succeed exactly when something is owed; ether that a recipient sends back comes in again meanwhile.
    function distribute(uint256 tokenSeed, address caller) external {
        address token = tokenFrom(tokenSeed);
        uint256 owed = split.distributable(token);
        uint256 before = balanceOf(token, address(split)) + reentering.returned();
        vm.prank(caller);
        if (owed == 0) {
            failures++;
            vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingToDistribute.selector, token));
            split.distribute(token);
            return;
        }
        uint256 sent = split.distribute(token);
        assertLe(sent, owed);
        // A distribution inside this one may have sent more.
        assertLe(balanceOf(token, address(split)) + sent, before + reentering.returned());
        distributions++;
    }

    /// @dev A stranger who gives too little gas changes nothing.
    function distributeWithLittleGas(uint256 tokenSeed, uint256 gas) external {
        address token = tokenFrom(tokenSeed);
        try split.distribute{ gas: bound(gas, 20_000, 400_000) }(token) {
            distributions++;
        } catch {
            failures++;
        }
    }

    /// @dev To the account's purse, which takes everything; the account itself may not.
    function withdraw(uint256 tokenSeed, uint256 recipientSeed) external {
        address token = tokenFrom(tokenSeed);
        address recipient = recipientFrom(recipientSeed);
        uint256 held = split.held(token, recipient);
        vm.prank(recipient);
        try split.withdraw(token, purseOf(recipient)) returns (uint256 amount) {
            assertGt(held, 0);
            assertEq(amount, held);
            withdrawals++;
        } catch (bytes memory reason) {
            failures++;
            bytes4 expected = held == 0 ? IPayoutSplit.NothingHeld.selector : IPayoutSplit.PaymentRefused.selector;
            assertEq(bytes4(reason), expected);
            // Of what is sound, a withdrawal to somebody who takes it never fails.
            if (held != 0) {
                bool unsound =
                    token == address(rebasing) || (token == address(falseReturning) && falseReturning.refuses());
                assertTrue(unsound);
            }
        }
    }

    // ----------------------------------------------------------------------------------------------- Hostility

    function setRefuses(bool refuses, bool burns, bool returnsFalse) external {
        refusing.setRefuses(refuses);
        burning.setBurns(burns);
        falseReturning.setRefuses(returnsFalse);
    }

    function setReentering(uint256 tokenSeed, uint96 sendsBack, bool calls, bool refusesAfterwards) external {
        reentering.setSplit(calls ? split : IPayoutSplit(address(0)), tokenFrom(tokenSeed), sendsBack);
        reentering.setRefusesAfterwards(refusesAfterwards);
    }

    function setReenteringToken(uint256 tokenSeed, bool calls) external {
        bytes memory data = abi.encodeCall(IPayoutSplit.distribute, (tokenFrom(tokenSeed)));
        reenteringToken.setCall(calls ? address(split) : address(0), data);
    }

    function setBlacklisted(uint256 recipientSeed, bool blacklisted) external {
        blacklisting.setBlacklisted(recipientFrom(recipientSeed), blacklisted);
    }

    function shrink(uint256 bps) external {
        uint256 before = rebasing.balanceOf(address(split));
        rebasing.scale(address(split), bound(bps, 0, 10_000));
        vanished[address(rebasing)] += before - rebasing.balanceOf(address(split));
    }

    // ------------------------------------------------------------------------------------------------- The end

    /// @dev Everybody takes what is theirs.
    function makePeace() external {
        refusing.setRefuses(false);
        burning.setBurns(false);
        falseReturning.setRefuses(false);
        reentering.setSplit(IPayoutSplit(address(0)), ETHER, 0);
        reentering.setRefusesAfterwards(false);
        reenteringToken.setCall(address(0), "");
        for (uint256 i = 0; i < recipients.length; i++) {
            blacklisting.setBlacklisted(recipients[i], false);
        }
        for (uint256 i = 0; i < tokens.length; i++) {
            if (split.distributable(tokens[i]) != 0) split.distribute(tokens[i]);
        }
    }

    // --------------------------------------------------------------------------------------------------- Views

    function allTokens() external view returns (address[] memory) {
        return tokens;
    }

    /// @notice All that ever came into the split.
    function cameIn(address token) external view returns (uint256) {
        return deposited[token] + (token == ETHER ? reentering.returned() : 0);
    }

    /// @notice All that ever came to a recipient.
    function cameTo(address token, address recipient) external view returns (uint256) {
        uint256 returned = token == ETHER && recipient == address(reentering) ? reentering.returned() : 0;
        return balanceOf(token, recipient) + balanceOf(token, purseOf(recipient)) + returned;
    }

    function balanceOf(address token, address account) public view returns (uint256) {
        return token == ETHER ? account.balance : MintableToken(token).balanceOf(account);
    }

    /// @dev An ordinary account of the recipient's own.
    function purseOf(address recipient) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("purse", recipient)))));
    }

    function tokenFrom(uint256 seed) private view returns (address) {
        return tokens[seed % tokens.length];
    }

    function recipientFrom(uint256 seed) private view returns (address) {
        return recipients[seed % recipients.length];
    }
}
