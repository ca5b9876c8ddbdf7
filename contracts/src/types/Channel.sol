// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What a channel pays for: a content from a provider, on the content's terms at the opening. It is the same
/// for all channels that were opened for the content at the provider under the same terms.
/// @param contentId The content.
/// @param provider Serves the content and earns what the creator's share leaves.
/// @param payout Receives the creator's share.
/// @param token `ETHER` or the ERC-20 token of the deposit.
/// @param creatorShareBps The creator's share of every settlement, in basis points.
/// @param pricePerSecond What payer and provider agreed to for a second, in the token's smallest unit.
struct Deal {
    bytes32 contentId;
    address provider;
    address payout;
    address token;
    uint16 creatorShareBps;
    uint96 pricePerSecond;
}

/// @notice A payment channel from one payer to one provider. It is not stored: whoever acts on it brings it along, and
/// its hash is its id.
/// @param deal What it pays for.
/// @param payer Gets back what was not settled.
/// @param signer Signs the vouchers: a session key made for this channel, the payer itself, or a contract (ERC-1271).
/// It can spend the deposit before the expiry, in this channel, and nothing else.
/// @param expiry The first second, since the Unix epoch, at which nothing can be settled any more and the payer gets
/// the rest back.
/// @param salt Any number; another one makes another channel between the same accounts.
struct Channel {
    Deal deal;
    address payer;
    address signer;
    uint64 expiry;
    uint64 salt;
}

/// @notice What is known of a channel.
/// @param deposit All that was ever paid in, in the token's smallest unit; zero means that the channel never was.
/// @param settled What was settled of it, by the highest voucher so far; never above `deposit`.
/// @param closed Whether the rest has gone back. It never becomes false again, so an id never lives twice.
struct ChannelState {
    uint120 deposit;
    uint120 settled;
    bool closed;
}

/// @notice One channel's latest voucher, to be settled. The first four fields are the channel's own.
/// @param cumulative All that the voucher's signer agreed to pay since the channel was opened.
/// @param signature The signature of `Voucher(bytes32 channelId,uint128 cumulative)` by `signer`.
struct Settlement {
    address payer;
    address signer;
    uint64 expiry;
    uint64 salt;
    uint128 cumulative;
    bytes signature;
}

/// @notice Settlements of channels that pay for the same: what they earn is credited together.
struct SettlementBatch {
    Deal deal;
    Settlement[] settlements;
}

/// @notice What is signed (EIP-712) for every second that is watched: the sum of all payments so far.
/// @param cumulative In the token's smallest unit; a later voucher replaces all earlier ones.
struct Voucher {
    bytes32 channelId;
    uint128 cumulative;
}
