// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsLedger } from "./EarningsLedger.sol";
import { IVoucherChannels } from "./interfaces/IVoucherChannels.sol";
import { Pull } from "./libraries/Pull.sol";
import { Push } from "./libraries/Push.sol";
import { SignatureCheck } from "./libraries/SignatureCheck.sol";
import { SplitMath } from "./libraries/SplitMath.sol";
import { Channel, ChannelState, Deal, Settlement, SettlementBatch, Voucher } from "./types/Channel.sol";
import { ChannelSlot, MAX_DEPOSIT } from "./types/ChannelSlot.sol";
import { Authorization, Permit } from "./types/Payment.sol";
import { Terms } from "./types/Terms.sol";
import { EIP712 } from "solady/utils/EIP712.sol";
import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @title VoucherChannels
/// @notice Implements `IVoucherChannels`. Effects come before a deposit is pulled; when it does not arrive in full,
/// everything is undone.
abstract contract VoucherChannels is IVoucherChannels, EarningsLedger, EIP712 {
    bytes32 private constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 cumulative)");
    bytes32 private constant TOP_UP_AUTHORIZATION_TYPEHASH =
        keccak256("TopUpAuthorization(bytes32 channelId,bytes32 salt)");

    /// @dev How many bytes of the calldata a channel's `Deal` takes, and what follows it: payer, signer, expiry and salt.
    uint256 private constant DEAL_LENGTH = 0xc0;
    uint256 private constant PARTIES_LENGTH = 0x80;

    /// @dev The longest time that a channel may last, so that a slip cannot lock a deposit for a lifetime.
    uint256 private constant MAX_DURATION = 365 days;

    /// @dev What code of a signer may use to check a voucher (ERC-1271): enough for a P256 signature checked in Solidity.
    uint256 private constant SIGNER_GAS = 300_000;

    /// @dev What a payer's code, or the token, may use to take back the rest of a deposit.
    uint256 private constant REFUND_GAS = 200_000;

    /// @dev In the channels' ids as it was at the deployment: on a fork that changes its id, deposits can still be
    /// refunded, while vouchers are bound to the id that the chain has when they are settled.
    uint256 private immutable _chainId = block.chainid;

    mapping(bytes32 channelId => ChannelSlot) private _slots;

    // ------------------------------------------------------------------------------------------------- Opening

    /// @inheritdoc IVoucherChannels
    function openChannel(Channel calldata channel, uint256 deposit) external payable returns (bytes32 channelId) {
        channelId = channelIdOf(channel);
        _open(channel, channelId, deposit);
        Pull.take(channel.deal.token, msg.sender, deposit);
    }

    /// @inheritdoc IVoucherChannels
    function openChannelWithPermit(Channel calldata channel, uint256 deposit, Permit calldata permit)
        external
        returns (bytes32 channelId)
    {
        Pull.permit(channel.deal.token, msg.sender, permit);
        channelId = channelIdOf(channel);
        _open(channel, channelId, deposit);
        Pull.take(channel.deal.token, msg.sender, deposit);
    }

    /// @inheritdoc IVoucherChannels
    function openChannelWithAuthorization(
        Channel calldata channel,
        uint256 deposit,
        Authorization calldata authorization
    ) external returns (bytes32 channelId) {
        channelId = channelIdOf(channel);
        // Whoever opened it first with a trifle has not made the payer's signature worthless.
        if (_slots[channelId].deposit() == 0) _open(channel, channelId, deposit);
        else _topUp(channel, channelId, deposit);
        Pull.takeAuthorized(channel.deal.token, channel.payer, deposit, channelId, authorization);
    }

    /// @inheritdoc IVoucherChannels
    function topUp(Channel calldata channel, uint256 amount) external payable {
        _topUp(channel, channelIdOf(channel), amount);
        Pull.take(channel.deal.token, msg.sender, amount);
    }

    /// @inheritdoc IVoucherChannels
    function topUpWithPermit(Channel calldata channel, uint256 amount, Permit calldata permit) external {
        Pull.permit(channel.deal.token, msg.sender, permit);
        _topUp(channel, channelIdOf(channel), amount);
        Pull.take(channel.deal.token, msg.sender, amount);
    }

    /// @inheritdoc IVoucherChannels
    function topUpWithAuthorization(
        Channel calldata channel,
        uint256 amount,
        bytes32 salt,
        Authorization calldata authorization
    ) external {
        bytes32 channelId = channelIdOf(channel);
        _topUp(channel, channelId, amount);
        bytes32 nonce = topUpAuthorizationNonce(channelId, salt);
        Pull.takeAuthorized(channel.deal.token, channel.payer, amount, nonce, authorization);
    }

    // ------------------------------------------------------------------------------------------------- Settling

    /// @inheritdoc IVoucherChannels
    function settle(SettlementBatch[] calldata batches) external {
        for (uint256 i = 0; i < batches.length; i++) {
            Deal calldata deal = batches[i].deal;
            Settlement[] calldata settlements = batches[i].settlements;
            uint256 creatorShareBps = deal.creatorShareBps;
            uint256 creatorAmount = 0;
            uint256 amount = 0;
            for (uint256 j = 0; j < settlements.length; j++) {
                (uint256 before, uint256 cumulative) = _settle(deal, settlements[j]);
                // No deposit is above 2^120, and a transaction has no room for 2^100 settlements.
                unchecked {
                    creatorAmount += _creatorAmount(creatorShareBps, before, cumulative);
                    amount += cumulative - before;
                }
            }
            _credit(deal, creatorAmount, amount);
        }
    }

    /// @inheritdoc IVoucherChannels
    function closeChannel(Channel calldata channel, uint128 cumulative, bytes calldata signature) external {
        // Checks
        bytes32 channelId = channelIdOf(channel);
        if (msg.sender != channel.deal.provider) revert NotProvider(channelId, msg.sender);
        ChannelSlot slot = _slots[channelId];
        uint256 settled = slot.settled();
        bytes memory refusal = cumulative == settled
            ? _refusal(channelId, slot, channel.expiry)
            : _refusal(channelId, slot, channel.expiry, channel.signer, cumulative, signature);
        if (refusal.length != 0) _revertWith(refusal);

        // Effects
        _slots[channelId] = slot.withSettled(cumulative).asClosed();
        if (cumulative != settled) {
            emit ChannelSettled(channelId, cumulative);
            _credit(
                channel.deal, _creatorAmount(channel.deal.creatorShareBps, settled, cumulative), cumulative - settled
            );
        }
        uint256 rest = slot.deposit() - cumulative;
        emit ChannelClosed(channelId, cumulative, rest);

        // Interactions
        _giveBack(channel, rest);
    }

    /// @inheritdoc IVoucherChannels
    function refund(Channel calldata channel) external {
        // Checks
        bytes32 channelId = channelIdOf(channel);
        ChannelSlot slot = _slots[channelId];
        if (slot.deposit() == 0) revert ChannelNotFound(channelId);
        if (slot.closed()) revert ChannelIsClosed(channelId);
        if (block.timestamp < channel.expiry) revert ChannelNotExpired(channelId, channel.expiry);

        // Effects
        _slots[channelId] = slot.asClosed();
        uint256 rest = slot.deposit() - slot.settled();
        emit ChannelRefunded(channelId, rest);

        // Interactions
        _giveBack(channel, rest);
    }

    // --------------------------------------------------------------------------------------------------- Views

    /// @inheritdoc IVoucherChannels
    function channelIdOf(Channel calldata channel) public view returns (bytes32 channelId) {
        uint256 parties;
        assembly ("memory-safe") {
            parties := add(channel, DEAL_LENGTH)
        }
        return _channelId(channel.deal, parties);
    }

    /// @inheritdoc IVoucherChannels
    function channelState(bytes32 channelId) external view returns (ChannelState memory) {
        ChannelSlot slot = _slots[channelId];
        return ChannelState(uint120(slot.deposit()), uint120(slot.settled()), slot.closed());
    }

    /// @inheritdoc IVoucherChannels
    function voucherDigest(Voucher calldata voucher) external view returns (bytes32 digest) {
        return _voucherDigest(voucher.channelId, voucher.cumulative);
    }

    /// @inheritdoc IVoucherChannels
    function topUpAuthorizationNonce(bytes32 channelId, bytes32 salt) public pure returns (bytes32 nonce) {
        return EfficientHashLib.hash(TOP_UP_AUTHORIZATION_TYPEHASH, channelId, salt);
    }

    // ------------------------------------------------------------------------------------------------ Internals

    /// @dev The terms of an active content that the provider streams; reverts otherwise.
    function _offerOf(bytes32 contentId, address provider) internal view virtual returns (Terms memory);

    /// @dev Everything of an opening but the payment.
    function _open(Channel calldata channel, bytes32 channelId, uint256 deposit) private {
        // Checks
        Deal calldata deal = channel.deal;
        Terms memory terms = _offerOf(deal.contentId, deal.provider);
        if (terms.pricePerSecond == 0) revert NotSoldBySecond(deal.contentId);
        if (
            deal.token != terms.token || deal.payout != terms.payout || deal.creatorShareBps != terms.creatorShareBps
                || deal.pricePerSecond != terms.pricePerSecond
        ) revert ChannelTermsDiffer(deal.contentId);
        if (channel.payer == address(0) || channel.signer == address(0)) revert ChannelPartyIsZero();
        uint256 latest = block.timestamp + MAX_DURATION;
        if (channel.expiry <= block.timestamp || channel.expiry > latest) {
            revert ChannelExpiryInvalid(channel.expiry, latest);
        }
        if (deposit == 0 || deposit > MAX_DEPOSIT) revert DepositInvalid(deposit, MAX_DEPOSIT);
        ChannelSlot slot = _slots[channelId];
        if (slot.deposit() != 0) revert ChannelAlreadyExists(channelId);

        // Effects
        _slots[channelId] = slot.withDeposit(deposit);
        emit ChannelOpened(channelId, channel.payer, deal.provider, channel, deposit);
    }

    /// @dev Everything of a top-up but the payment.
    function _topUp(Channel calldata channel, bytes32 channelId, uint256 amount) private {
        // Checks
        ChannelSlot slot = _slots[channelId];
        bytes memory refusal = _refusal(channelId, slot, channel.expiry);
        if (refusal.length != 0) _revertWith(refusal);
        uint256 deposit = slot.deposit();
        if (amount == 0 || amount > MAX_DEPOSIT - deposit) revert DepositInvalid(amount, MAX_DEPOSIT - deposit);

        // Effects
        deposit += amount;
        _slots[channelId] = slot.withDeposit(deposit);
        emit ChannelToppedUp(channelId, amount, deposit);
    }

    /// @dev Why nothing can be done with a channel before its expiry: an encoded error, or nothing.
    function _refusal(bytes32 channelId, ChannelSlot slot, uint256 expiry) private view returns (bytes memory) {
        if (slot.deposit() == 0) return abi.encodeWithSelector(ChannelNotFound.selector, channelId);
        if (slot.closed()) return abi.encodeWithSelector(ChannelIsClosed.selector, channelId);
        if (block.timestamp >= expiry) return abi.encodeWithSelector(ChannelHasExpired.selector, channelId, expiry);
        return "";
    }

    /// @dev Why a voucher cannot be settled: an encoded error, or nothing.
    function _refusal(
        bytes32 channelId,
        ChannelSlot slot,
        uint256 expiry,
        address signer,
        uint256 cumulative,
        bytes calldata signature
    ) private view returns (bytes memory refusal) {
        refusal = _refusal(channelId, slot, expiry);
        if (refusal.length != 0) return refusal;
        if (cumulative <= slot.settled()) {
            return abi.encodeWithSelector(NothingToSettle.selector, channelId, cumulative, slot.settled());
        }
        if (cumulative > slot.deposit()) {
            return abi.encodeWithSelector(CumulativeAboveDeposit.selector, channelId, cumulative, slot.deposit());
        }
        if (!SignatureCheck.isValid(signer, _voucherDigest(channelId, cumulative), signature, SIGNER_GAS)) {
            return abi.encodeWithSelector(VoucherSignatureInvalid.selector, channelId, signer);
        }
    }

    function _revertWith(bytes memory refusal) private pure {
        assembly ("memory-safe") {
            revert(add(refusal, 0x20), mload(refusal))
        }
    }

    function _voucherDigest(bytes32 channelId, uint256 cumulative) private view returns (bytes32) {
        return _hashTypedData(EfficientHashLib.hash(VOUCHER_TYPEHASH, channelId, bytes32(cumulative)));
    }

    /// @dev Settles one voucher of a batch, or leaves it out.
    /// @return before What was settled before.
    /// @return cumulative What is settled now; both are zero when it was left out.
    function _settle(Deal calldata deal, Settlement calldata settlement)
        private
        returns (uint256 before, uint256 cumulative)
    {
        uint256 parties;
        assembly ("memory-safe") {
            parties := settlement
        }
        bytes32 channelId = _channelId(deal, parties);
        ChannelSlot slot = _slots[channelId];
        cumulative = settlement.cumulative;
        before = slot.settled();

        // Checks
        bytes memory refusal =
            _refusal(channelId, slot, settlement.expiry, settlement.signer, cumulative, settlement.signature);
        if (refusal.length != 0) {
            emit SettlementSkipped(channelId, bytes4(refusal));
            return (0, 0);
        }

        // Effects
        _slots[channelId] = slot.withSettled(cumulative);
        emit ChannelSettled(channelId, cumulative);
    }

    /// @dev The id of the channel with this deal, whose other four words start at `parties` in the calldata.
    ///
    /// A channel is ten words, all values, so as they came they are their own encoding. Bits that do not belong to a
    /// value make another id, of a channel that cannot be opened: opening reads, and so validates, every field.
    function _channelId(Deal calldata deal, uint256 parties) private view returns (bytes32 channelId) {
        uint256 chainId = _chainId;
        assembly ("memory-safe") {
            let encoded := mload(0x40)
            mstore(encoded, chainId)
            mstore(add(encoded, 0x20), address())
            calldatacopy(add(encoded, 0x40), deal, DEAL_LENGTH)
            calldatacopy(add(encoded, add(0x40, DEAL_LENGTH)), parties, PARTIES_LENGTH)
            channelId := keccak256(encoded, add(0x40, add(DEAL_LENGTH, PARTIES_LENGTH)))
        }
    }

    /// @dev What the creator earns when a channel goes from `settled` up to `cumulative`.
    function _creatorAmount(uint256 creatorShareBps, uint256 settled, uint256 cumulative)
        private
        pure
        returns (uint256)
    {
        // The share of a larger sum is not smaller.
        unchecked {
            return SplitMath.creatorShareRoundedUp(cumulative, creatorShareBps)
                - SplitMath.creatorShareRoundedUp(settled, creatorShareBps);
        }
    }

    function _credit(Deal calldata deal, uint256 creatorAmount, uint256 amount) private {
        _credit(deal.token, deal.payout, deal.contentId, creatorAmount);
        _credit(deal.token, deal.provider, deal.contentId, amount - creatorAmount);
    }

    /// @dev Sends the rest of a closed channel's deposit to the payer, or keeps it for the payer to claim.
    function _giveBack(Channel calldata channel, uint256 amount) private {
        if (amount == 0) return;
        if (!Push.tryTransferWithin(channel.deal.token, channel.payer, amount, REFUND_GAS)) {
            _credit(channel.deal.token, channel.payer, channel.deal.contentId, amount);
        }
    }
}
