// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { ECDSA } from "solady/utils/ECDSA.sol";

/// @notice A wallet that is a contract (ERC-1271): what its owner's key signed, it signed. It may get another owner.
contract WalletSigner {
    address public owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.tryRecoverCalldata(digest, signature) == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }

    receive() external payable { }
}
