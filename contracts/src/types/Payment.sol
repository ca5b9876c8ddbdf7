// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice An ERC-20 owner's permission for the splitter to take `value`, signed for the token (EIP-2612).
/// @param value What the splitter may take, in the token's smallest unit.
/// @param deadline The last second at which it may be used. Zero means that there is no permit, because the allowance
/// is there already.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice An ERC-20 owner's signed transfer to the splitter (EIP-3009, `ReceiveWithAuthorization`). Its value is what
/// is due, and its nonce says what it pays for: nothing else can be done with it.
/// @param validAfter It may be used after this second.
/// @param validBefore It may be used before this second.
struct Authorization {
    uint256 validAfter;
    uint256 validBefore;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice What a viewer signs (EIP-712) so that somebody else may send the payment for a view; see
/// `IPaidViews.recordViewBySig`.
/// @param viewer Who views and pays.
/// @param token What is paid in; the content's terms must still name it.
/// @param maxPrice The most that may be taken, in the token's smallest unit.
/// @param nonce The viewer's next nonce at the splitter.
/// @param deadline The last second at which it may be sent.
struct RecordView {
    address viewer;
    bytes32 contentId;
    address provider;
    address token;
    uint256 maxPrice;
    uint256 nonce;
    uint256 deadline;
}

bytes32 constant RECORD_VIEW_TYPEHASH = keccak256(
    "RecordView(address viewer,bytes32 contentId,address provider,address token,uint256 maxPrice,uint256 nonce,uint256 deadline)"
);

using { hash } for RecordView global;

/// @dev `hashStruct` (EIP-712): every field is a value, so the ABI's encoding is the one that is hashed.
function hash(RecordView calldata action) pure returns (bytes32) {
    return keccak256(abi.encode(RECORD_VIEW_TYPEHASH, action));
}
