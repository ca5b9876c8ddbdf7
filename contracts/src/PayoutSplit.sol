// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IPayoutSplit } from "./interfaces/IPayoutSplit.sol";
import { Push } from "./libraries/Push.sol";
import { SplitClone } from "./libraries/SplitClone.sol";
import { ETHER } from "./types/Terms.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

/// @title PayoutSplit
/// @notice Implements `IPayoutSplit`. This is the code that all splits share; see `SplitClone` for what each has of its own.
///
/// There is no lock against calls from inside a payment. Instead the books are right at each of those moments: what is
/// on its way is booked as held until it has arrived, so that nothing of it looks like a new receipt, and is nobody's
/// to withdraw meanwhile.
contract PayoutSplit is IPayoutSplit {
    using SplitClone for bytes;

    /// @dev One token's books, in one slot.
    /// @param received All that was ever received and divided.
    /// @param held What is held for recipients, and what is on its way to them; at most `received`.
    /// @param undivided What rounding down has left; below the number of recipients.
    struct Ledger {
        uint120 received;
        uint120 held;
        uint16 undivided;
    }

    /// @dev What a distribution that begins now is about.
    struct Division {
        bytes rows;
        uint256 totalShares;
        uint256 receivedBefore;
        uint256 received;
        uint256 undivided;
        uint256 heldBefore;
        uint256 held;
    }

    uint256 private constant ETHER_GAS = 100_000;
    uint256 private constant TOKEN_GAS = 250_000;

    address private immutable implementation = address(this);

    mapping(address token => Ledger) private ledgers;

    /// @inheritdoc IPayoutSplit
    mapping(address token => mapping(address account => uint256 amount)) public held;

    /// @inheritdoc IPayoutSplit
    function distribute(address token) external returns (uint256 sent) {
        // Checks
        Division memory division = divide(token);
        if (division.held == 0) revert NothingToDistribute(token);

        // Effects
        ledgers[token] = pack(division);

        // Interactions
        uint256 count = division.rows.rowCount();
        for (uint256 i = 0; i < count; ++i) {
            sent += push(token, division, i);
        }
        // Calls from inside a payment may have changed the books: take the sum off what stands there now.
        // casting to 'uint120' is safe because all that is sent was booked as held
        // forge-lint: disable-next-line(unsafe-typecast)
        if (sent != 0) ledgers[token].held -= uint120(sent);
        emit Distributed(token, division.received, sent);
    }

    /// @inheritdoc IPayoutSplit
    function withdraw(address token, address to) external returns (uint256 amount) {
        // Checks
        if (to == address(0)) revert RecipientIsZero();
        amount = held[token][msg.sender];
        if (amount == 0) revert NothingHeld(token, msg.sender);

        // Effects
        held[token][msg.sender] = 0;
        emit HeldPaid(token, msg.sender, to, amount);

        // Interactions
        if (!Push.tryTransfer(token, to, amount, gasleft())) revert PaymentRefused(token, to, amount);
        // Not before: a token that calls out before it moves its balances would make this look like a new receipt.
        // casting to 'uint120' is safe because what is held for one is part of what is held for all
        // forge-lint: disable-next-line(unsafe-typecast)
        ledgers[token].held -= uint120(amount);
    }

    /// @inheritdoc IPayoutSplit
    function recipients() external view returns (address[] memory recipients_, uint32[] memory shares) {
        bytes memory rows = ownRows();
        uint256 count = rows.rowCount();
        recipients_ = new address[](count);
        shares = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 share;
            (recipients_[i], share) = rows.rowAt(i);
            // casting to 'uint32' is safe because a row has four bytes for it
            // forge-lint: disable-next-line(unsafe-typecast)
            shares[i] = uint32(share);
        }
    }

    /// @inheritdoc IPayoutSplit
    function distributable(address token) external view returns (uint256 amount) {
        return divide(token).held;
    }

    /// @inheritdoc IPayoutSplit
    function owed(address token, address account) external view returns (uint256 amount) {
        Division memory division = divide(token);
        uint256 count = division.rows.rowCount();
        for (uint256 i = 0; i < count; ++i) {
            (address recipient, uint256 share) = division.rows.rowAt(i);
            if (recipient == account) return held[token][account] + due(division, share);
        }
    }

    /// @inheritdoc IPayoutSplit
    function totalHeld(address token) external view returns (uint256 amount) {
        return ledgers[token].held;
    }

    /// @inheritdoc IPayoutSplit
    function received(address token) external view returns (uint256 amount) {
        return ledgers[token].received;
    }

    /// @dev Pays the recipient at `index` what is held for it and what is due to it, or holds both.
    function push(address token, Division memory division, uint256 index) private returns (uint256 sent) {
        (address recipient, uint256 share) = division.rows.rowAt(index);
        uint256 amount = due(division, share);
        uint256 heldForIt = 0;
        if (division.heldBefore != 0) {
            heldForIt = held[token][recipient];
            // While the recipient is called, nothing must be left that it could withdraw as well.
            if (heldForIt != 0) held[token][recipient] = 0;
        }
        sent = amount + heldForIt;
        if (sent == 0) return 0;

        if (Push.tryTransferWithin(token, recipient, sent, token == ETHER ? ETHER_GAS : TOKEN_GAS)) {
            if (heldForIt != 0) emit HeldPaid(token, recipient, recipient, heldForIt);
            return sent;
        }
        held[token][recipient] += sent;
        if (amount != 0) emit PaymentHeld(token, recipient, amount);
        return 0;
    }

    /// @dev What the token's balance says has come in since the last time, and what is to be sent therefore.
    function divide(address token) private view returns (Division memory division) {
        bytes memory rows = ownRows();
        Ledger memory ledger = ledgers[token];
        uint256 count = rows.rowCount();
        uint256 totalShares = 0;
        for (uint256 i = 0; i < count; ++i) {
            (, uint256 share) = rows.rowAt(i);
            totalShares += share;
        }
        division.rows = rows;
        division.totalShares = totalShares;
        division.receivedBefore = ledger.received;
        division.heldBefore = ledger.held;

        uint256 balance = token == ETHER ? address(this).balance : SafeTransferLib.balanceOf(token, address(this));
        uint256 known = uint256(ledger.held) + ledger.undivided;
        uint256 receivedNow = ledger.received;
        if (balance > known) {
            uint256 room = type(uint120).max - receivedNow;
            receivedNow += balance - known < room ? balance - known : room;
        }
        division.received = receivedNow;

        uint256 divided = 0;
        for (uint256 i = 0; i < count; ++i) {
            (, uint256 share) = rows.rowAt(i);
            divided += partRoundedDown(receivedNow, share, totalShares);
        }
        division.undivided = receivedNow - divided;
        division.held = ledger.held + divided - (ledger.received - ledger.undivided);
    }

    /// @dev What a share is due for what has come in. The parts of the whole are subtracted, not the whole multiplied
    /// again, so that rounding never adds up.
    function due(Division memory division, uint256 share) private pure returns (uint256) {
        return partRoundedDown(division.received, share, division.totalShares)
            - partRoundedDown(division.receivedBefore, share, division.totalShares);
    }

    /// @dev 120 and 32 bits multiply without overflow, and the sum of shares is not zero.
    function partRoundedDown(uint256 amount, uint256 share, uint256 totalShares) private pure returns (uint256) {
        unchecked {
            return amount * share / totalShares;
        }
    }

    function pack(Division memory division) private pure returns (Ledger memory) {
        // casting is safe because the sums are bounded by `received`, which has 120 bits, and by the number of recipients
        // forge-lint: disable-next-item(unsafe-typecast)
        return Ledger({
            received: uint120(division.received), held: uint120(division.held), undivided: uint16(division.undivided)
        });
    }

    function ownRows() private view returns (bytes memory) {
        if (address(this) == implementation) revert NotASplit();
        return SplitClone.ownRows();
    }
}
