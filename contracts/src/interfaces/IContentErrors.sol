// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title IContentErrors
/// @notice Refusals that mean the same wherever a content is named, so that every contract's ABI can decode them.
interface IContentErrors {
    /// @notice No content was ever registered under this id.
    error ContentNotFound(bytes32 contentId);

    /// @notice The content is deregistered.
    error ContentNotActive(bytes32 contentId);

    /// @notice The provider has no registered stream of the content.
    error StreamNotRegistered(bytes32 contentId, address provider);
}
