// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev The `token` that stands for the chain's own currency.
address constant ETHER = address(0);

/// @notice What a creator asks for a content. The provider who streams it earns what the creator's share leaves.
/// @param token The currency of both prices: `ETHER` or the address of an ERC-20 token.
/// @param payout Receives the creator's share on Ethereum: an account, or a contract that splits it further.
/// @param creatorShareBps The creator's share of every payment, on every rail, in basis points: 0 to 10,000.
/// @param pricePerView The price of one view, in the token's smallest unit; 0 means that a view costs nothing.
/// @param pricePerSecond The price of one second, in the token's smallest unit; 0 means not sold by the second in it.
/// @param msatPerSecond The price of one second on the Bitcoin rail, in thousandths of a satoshi; 0 means no Bitcoin.
struct Terms {
    address token;
    address payout;
    uint16 creatorShareBps;
    uint96 pricePerView;
    uint96 pricePerSecond;
    uint64 msatPerSecond;
}

/// @dev The EIP-712 type of `Terms`, as it stands behind every type that holds terms.
string constant TERMS_TYPE =
    "Terms(address token,address payout,uint16 creatorShareBps,uint96 pricePerView,uint96 pricePerSecond,uint64 msatPerSecond)";

using { hash } for Terms global;

/// @dev `hashStruct` of the terms (EIP-712): every field is a value, so the ABI's encoding is the one that is hashed.
function hash(Terms calldata terms) pure returns (bytes32) {
    return keccak256(abi.encode(keccak256(bytes(TERMS_TYPE)), terms));
}
