// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Channel, ChannelState, SettlementBatch, Voucher } from "../types/Channel.sol";
import { Authorization, Permit } from "../types/Payment.sol";
import { IContentErrors } from "./IContentErrors.sol";
import { IPaymentErrors } from "./IPaymentErrors.sol";

/// @title IVoucherChannels
/// @notice Payments by the second: a payer deposits once, a session key signs vouchers over a growing sum, and the
/// provider settles the last one.
///
///     nothing --open--> open --topUp, settle--> open --closeChannel, before the expiry--> closed
///                                               open --refund, from the expiry on-------> closed
///
/// There is no other way: a closed channel stays closed, and its id is never used again. Before `channel.expiry` only
/// the provider's side can end a channel, from that second on only the payer's side gets anything, so what one can still
/// take is never what the other can take already. Terms are those at the opening; they stand in the channel itself.
///
/// A voucher is worth its whole sum: a later one replaces all earlier ones, and settling each or only the last pays the
/// same, to the smallest unit. Of the sum settled so far the creator's part is always `creatorShareBps`, rounded up.
///
/// What goes back to the payer is sent to it. A payer that does not take it finds it among its unclaimed earnings.
///
/// Trust: the payer trusts nobody. A provider must see the channel open, deep enough in the chain, with an expiry that
/// leaves time to settle, must accept only tokens that it knows, and should know that a signer which is a contract may
/// disown a voucher at any time, which a signer with a key cannot.
interface IVoucherChannels is IContentErrors, IPaymentErrors {
    // --------------------------------------------------------------------------------------------------- Events

    /// @notice A channel was opened with a deposit.
    event ChannelOpened(
        bytes32 indexed channelId, address indexed payer, address indexed provider, Channel channel, uint256 deposit
    );

    /// @notice A channel's deposit grew by `amount`, to `deposit`.
    event ChannelToppedUp(bytes32 indexed channelId, uint256 amount, uint256 deposit);

    /// @notice A channel was settled up to `cumulative`.
    event ChannelSettled(bytes32 indexed channelId, uint256 cumulative);

    /// @notice One settlement of a batch was left out.
    /// @param reason The selector of the error that says why.
    event SettlementSkipped(bytes32 indexed channelId, bytes4 reason);

    /// @notice The provider closed a channel: `settled` of the deposit was paid, and `refunded` went back to the payer.
    event ChannelClosed(bytes32 indexed channelId, uint256 settled, uint256 refunded);

    /// @notice A channel expired, and what was not settled went back to the payer.
    event ChannelRefunded(bytes32 indexed channelId, uint256 refunded);

    // --------------------------------------------------------------------------------------------------- Errors

    /// @notice The content is not sold by the second on this chain.
    error NotSoldBySecond(bytes32 contentId);

    /// @notice The channel's token, payout, share or price are not those of the content's terms.
    error ChannelTermsDiffer(bytes32 contentId);

    /// @notice The channel names no payer or no signer.
    error ChannelPartyIsZero();

    /// @notice The expiry is not in the future, or is further away than a channel may last.
    error ChannelExpiryInvalid(uint256 expiry, uint256 latest);

    /// @notice A deposit is zero, or more than a channel can hold.
    error DepositInvalid(uint256 deposit, uint256 maximum);

    /// @notice The channel exists already; it may be topped up while it is open.
    error ChannelAlreadyExists(bytes32 channelId);

    /// @notice There never was such a channel.
    error ChannelNotFound(bytes32 channelId);

    /// @notice The channel is closed.
    error ChannelIsClosed(bytes32 channelId);

    /// @notice The channel has expired; what was not settled can only go back to the payer.
    error ChannelHasExpired(bytes32 channelId, uint256 expiry);

    /// @notice The channel has not expired; only the provider can end it now.
    error ChannelNotExpired(bytes32 channelId, uint256 expiry);

    /// @notice Only the channel's provider may do this.
    error NotProvider(bytes32 channelId, address caller);

    /// @notice The voucher is over no more than what is settled already.
    error NothingToSettle(bytes32 channelId, uint256 cumulative, uint256 settled);

    /// @notice The voucher is over more than the channel's deposit.
    error CumulativeAboveDeposit(bytes32 channelId, uint256 cumulative, uint256 deposit);

    /// @notice The signature is not the channel's signer's over this voucher.
    error VoucherSignatureInvalid(bytes32 channelId, address signer);

    // -------------------------------------------------------------------------------------------------- Opening

    /// @notice Opens a channel with a deposit of the caller: the ether that is sent along, or from its allowance. Anybody
    /// may open one for any payer; what is not settled goes to the payer.
    /// @dev Warning: whoever sees this transaction before it is mined can open the same channel first, with money of its
    /// own. Then this reverts with `ChannelAlreadyExists`, nothing is lost, and `topUp` does what was wanted.
    /// @param channel The content must be active, sold by the second and streamed by the provider, and the channel's
    /// token, payout, share and price must be those of its terms. The expiry is at most 365 days away.
    /// @param deposit In the token's smallest unit, more than zero and below 2^120.
    /// @return channelId The channel's id; see `channelIdOf`.
    ///
    /// Reverts with `ContentNotFound`, `ContentNotActive`, `StreamNotRegistered`, `NotSoldBySecond`,
    /// `ChannelTermsDiffer`, `ChannelPartyIsZero`, `ChannelExpiryInvalid`, `DepositInvalid`, `ChannelAlreadyExists`,
    /// `IncorrectPayment`, `TransferFromFailed`, `TokenAmountMismatch`.
    function openChannel(Channel calldata channel, uint256 deposit) external payable returns (bytes32 channelId);

    /// @notice The same from an allowance that the caller gives by a permit in the same transaction.
    function openChannelWithPermit(Channel calldata channel, uint256 deposit, Permit calldata permit)
        external
        returns (bytes32 channelId);

    /// @notice The same with an authorisation of the payer (EIP-3009) whose nonce is the channel's id: one signature and
    /// no ether. Anybody may send it.
    /// @dev A channel that somebody else opened first is topped up instead, so that the payer's signature is not lost.
    ///
    /// Reverts as `openChannel` does (as `topUp` does for a channel that exists), with `TokenNotSupported`, and as the
    /// token says.
    function openChannelWithAuthorization(
        Channel calldata channel,
        uint256 deposit,
        Authorization calldata authorization
    ) external returns (bytes32 channelId);

    /// @notice Adds to the deposit of an open channel before its expiry. Anybody may; it is the payer's from then on.
    /// @param amount In the token's smallest unit, more than zero; the deposit stays below 2^120.
    ///
    /// Reverts with `ChannelNotFound`, `ChannelIsClosed`, `ChannelHasExpired`, `DepositInvalid`, `IncorrectPayment`,
    /// `TransferFromFailed`, `TokenAmountMismatch`.
    function topUp(Channel calldata channel, uint256 amount) external payable;

    /// @notice The same from an allowance that the caller gives by a permit in the same transaction.
    function topUpWithPermit(Channel calldata channel, uint256 amount, Permit calldata permit) external;

    /// @notice The same with an authorisation of the payer (EIP-3009) whose nonce is `topUpAuthorizationNonce`. Anybody
    /// may send it.
    ///
    /// Reverts as `topUp` does, with `TokenNotSupported`, and as the token says.
    function topUpWithAuthorization(
        Channel calldata channel,
        uint256 amount,
        bytes32 salt,
        Authorization calldata authorization
    ) external;

    // ------------------------------------------------------------------------------------------------- Settling

    /// @notice Settles vouchers of many channels. Anybody may: it credits creators and providers, whoever sends it.
    /// @dev A settlement that cannot be made is left out with `SettlementSkipped`, and the others go through; its reason
    /// is the selector of `ChannelNotFound`, `ChannelIsClosed`, `ChannelHasExpired`, `NothingToSettle`,
    /// `CumulativeAboveDeposit` or `VoucherSignatureInvalid`. A signer that is a contract gets at most 300,000 gas.
    ///
    /// Reverts with `GasBelowSignatureLimit` when the signature of a signer that is a contract is not valid and less than
    /// its gas limit could be given to it, about 308,000 gas.
    function settle(SettlementBatch[] calldata batches) external;

    /// @notice Ends a channel before its expiry: settles the last voucher and sends the rest to the payer. Only the
    /// provider may call.
    /// @param cumulative The last voucher's sum, or what is settled already; then the signature is not looked at.
    ///
    /// Reverts with `NotProvider`, `ChannelNotFound`, `ChannelIsClosed`, `ChannelHasExpired`, `NothingToSettle` (a sum
    /// below what is settled), `CumulativeAboveDeposit`, `VoucherSignatureInvalid`,
    /// `GasBelowSignatureLimit`, `GasTooLow`.
    function closeChannel(Channel calldata channel, uint128 cumulative, bytes calldata signature) external;

    /// @notice Ends a channel from its expiry on, and sends what was not settled to the payer. Anybody may call.
    ///
    /// Reverts with `ChannelNotFound`, `ChannelIsClosed`, `ChannelNotExpired`, `GasTooLow`.
    function refund(Channel calldata channel) external;

    // --------------------------------------------------------------------------------------------------- Views

    /// @notice The id of a channel, open or not: keccak256(abi.encode(chain id, address(this), channel)) with
    /// the chain id of the deployment.
    function channelIdOf(Channel calldata channel) external view returns (bytes32 channelId);

    /// @notice What is stored of a channel; all zero when it never was.
    function channelState(bytes32 channelId) external view returns (ChannelState memory);

    /// @notice What the channel's signer signs (EIP-712).
    function voucherDigest(Voucher calldata voucher) external view returns (bytes32 digest);

    /// @notice The nonce of the EIP-3009 authorisation that tops this channel up, and does nothing else.
    /// @param salt Any number; each can be used once.
    function topUpAuthorizationNonce(bytes32 channelId, bytes32 salt) external view returns (bytes32 nonce);
}
