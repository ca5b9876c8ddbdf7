// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IPayoutSplitFactory
/// @notice Makes `IPayoutSplit`s: accounts that divide what they receive between several people, by shares that never
/// change. Such an account can be the `payout` of a content, or a recipient of another split.
///
/// Nobody owns the factory, and it has no power over the splits that it made. The address of a split follows from its
/// recipients and shares alone: it can be named, and paid to, before it is created.
///
/// Warning: shares are compared as they are given. 1:1 and 50:50 divide alike and have different addresses.
interface IPayoutSplitFactory {
    /// @notice A split was created. Emitted once for each split.
    event SplitCreated(address indexed split, address[] recipients, uint32[] shares);

    /// @notice There is not one share for each recipient.
    error LengthsDiffer(uint256 recipients, uint256 shares);

    /// @notice A split has from 1 to `maximum` recipients.
    error RecipientCountInvalid(uint256 count, uint256 maximum);

    /// @notice The address at `index` is not above the one before it, or it is zero.
    error RecipientsNotAscending(uint256 index, address recipient);

    /// @notice The recipient is this factory or the code that all splits share: neither could ever use its part.
    error RecipientCannotBePaid(address recipient);

    /// @notice A recipient without a share is none.
    error ShareIsZero(uint256 index, address recipient);

    /// @notice The split could not be created at its address.
    error SplitNotCreated(address split);

    /// @notice Creates the split with these recipients and shares, or finds it when it exists already. Anybody may call,
    /// as often as they like.
    /// @param recipients Who is paid, in strictly ascending order: each once, and one address for each set of people.
    /// @param shares What each gets: `shares[i]` parts out of the sum of all shares. Any unit will do: percent, basis
    /// points, seconds on screen.
    /// @return split The account that divides what it receives.
    ///
    /// Reverts with `LengthsDiffer`, `RecipientCountInvalid`, `RecipientsNotAscending`, `RecipientCannotBePaid`,
    /// `ShareIsZero`, and with `SplitNotCreated` when the gas does not suffice.
    function createSplit(address[] calldata recipients, uint32[] calldata shares) external returns (address split);

    /// @notice The address of the split with these recipients and shares, and whether it was created.
    ///
    /// Reverts as `createSplit` would: there is no address for what cannot be created.
    function splitOf(address[] calldata recipients, uint32[] calldata shares)
        external
        view
        returns (address split, bool exists);

    /// @notice The code that all splits of this factory share.
    function implementation() external view returns (address);
}
