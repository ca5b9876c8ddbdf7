// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice Is called back from inside payments.
interface IWatcher {
    function callBack() external;
}

/// @notice An account with code, which does what it is told, takes or refuses ether as it is told, and signs by its
/// owner's key (ERC-1271) unless it disowns that.
contract Puppet {
    enum Mood {
        Takes,
        Refuses,
        Burns,
        CallsBack
    }

    error Refused();

    IWatcher private immutable watcher;
    address private immutable owner;

    Mood public mood;
    bool public disowns;

    constructor(IWatcher watcher_, address owner_) {
        watcher = watcher_;
        owner = owner_;
    }

    function setMood(Mood mood_, bool disowns_) external {
        (mood, disowns) = (mood_, disowns_);
    }

    function execute(address target, bytes calldata data) external payable returns (bool, bytes memory) {
        return target.call{ value: msg.value }(data);
    }

    /// @dev A puppet that burns its gas burns it here too when it disowns.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (disowns) {
            if (mood == Mood.Burns) burn();
            return 0xffffffff;
        }
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        bool signed = owner == ecrecover(digest, uint8(signature[64]), r, s);
        return signed ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    receive() external payable {
        if (mood == Mood.Refuses) revert Refused();
        if (mood == Mood.Burns) burn();
        if (mood == Mood.CallsBack) {
            try watcher.callBack() { } catch { }
        }
    }

    function burn() private pure {
        assembly {
            invalid()
        }
    }
}
