// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { Channel, SettlementBatch } from "../src/types/Channel.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";

/// @notice Channels whose words have bits that do not belong to their values. An id is the hash of the words as they
/// came, so none of these may ever name a channel.
contract DirtyCalldataTest is Fixture {
    uint256 private constant DEPOSIT = 1 ether;

    /// @dev How many bits the value in each of the channel's ten words has.
    uint16[10] private widths = [256, 160, 160, 160, 16, 96, 160, 160, 64, 64];

    Terms private asked;
    Channel private channel;

    function setUp() public override {
        super.setUp();
        asked = terms(1000, 9000);
        channel = channelOf(offer(asked), asked);
        vm.deal(address(this), 100 ether);
    }

    /// @dev Sets bits above the value of the word at `offset` of the arguments; says false when it has none.
    function soil(bytes memory data, uint256 offset, uint256 width, uint256 dirt) private pure returns (bool) {
        if (width == 256) return false;
        dirt = dirt % (type(uint256).max >> width);
        dirt = (dirt + 1) << width;
        assembly {
            let at := add(add(data, 0x24), offset)
            mstore(at, or(mload(at), dirt))
        }
        return true;
    }

    function testFuzz_ADirtyChannelIsNotOpened(uint256 dirt) public {
        for (uint256 i = 0; i < 10; i++) {
            bytes memory data = abi.encodeCall(splitter.openChannel, (channel, DEPOSIT));
            if (!soil(data, i * 32, widths[i], dirt)) continue;
            (bool opened,) = address(splitter).call{ value: DEPOSIT }(data);
            assertFalse(opened);
        }
        assertEq(address(splitter).balance, 0);
        splitter.openChannel{ value: DEPOSIT }(channel, DEPOSIT);
    }

    function testFuzz_ADirtyChannelIsNeitherToppedUpNorClosedNorRefunded(uint256 dirt) public {
        openWith(channel, DEPOSIT);
        bytes memory signature = voucher(channel, 10);
        for (uint256 i = 0; i < 10; i++) {
            bytes memory data = abi.encodeCall(splitter.topUp, (channel, 1));
            if (!soil(data, i * 32, widths[i], dirt)) continue;
            (bool done,) = address(splitter).call{ value: 1 }(data);
            assertFalse(done, "topUp");

            data = abi.encodeCall(splitter.closeChannel, (channel, 10, signature));
            soil(data, i * 32, widths[i], dirt);
            vm.prank(provider);
            (done,) = address(splitter).call(data);
            assertFalse(done, "close");

            data = abi.encodeCall(splitter.refund, (channel));
            soil(data, i * 32, widths[i], dirt);
            vm.warp(channel.expiry);
            (done,) = address(splitter).call(data);
            assertFalse(done, "refund");
            vm.warp(channel.expiry - 1 days);
        }
        assertState(channel, DEPOSIT, 0, false);
        assertEq(address(splitter).balance, DEPOSIT);
    }

    /// @dev Words that are read as values before the id is known make the call revert, the others make an unknown id.
    function testFuzz_ADirtyChannelIsNotSettled(uint256 dirt) public {
        openWith(channel, DEPOSIT);
        SettlementBatch[] memory batches = onlyBatch(channel, 10, voucher(channel, 10));
        // [0x20, 1, 0x20, deal (6), offset of rows, 1, 0x20, payer, signer, expiry, salt, cumulative, ...]
        uint256[11] memory words = [uint256(3), 4, 5, 6, 7, 8, 12, 13, 14, 15, 16];
        for (uint256 i = 0; i < 11; i++) {
            bytes memory data = abi.encodeCall(splitter.settle, (batches));
            if (!soil(data, words[i] * 32, i < 10 ? widths[i] : 128, dirt)) continue;
            (bool done,) = address(splitter).call(data);
            done;
            assertState(channel, DEPOSIT, 0, false);
        }
        assertEq(splitter.earned(ETHER, provider), 0);
        splitter.settle(batches);
        assertState(channel, DEPOSIT, 10, false);
    }

    function test_ADirtySaltOrPayerIsAnotherChannel() public {
        openWith(channel, DEPOSIT);
        for (uint256 i = 0; i < 2; i++) {
            bytes memory data = abi.encodeCall(splitter.refund, (channel));
            soil(data, i == 0 ? 9 * 32 : 6 * 32, i == 0 ? 64 : 160, 0);
            vm.expectPartialRevert(IVoucherChannels.ChannelNotFound.selector);
            (bool done,) = address(splitter).call(data);
            done;
        }
    }

    /// @dev The words of the layout that `testFuzz_ADirtyChannelIsNotSettled` soils are the ones it means.
    function test_TheLayoutOfABatchIsAsAssumed() public view {
        SettlementBatch[] memory batches = onlyBatch(channel, 10, "");
        bytes memory data = abi.encodeCall(splitter.settle, (batches));
        assertEq(wordAt(data, 3), uint256(channel.deal.contentId));
        assertEq(wordAt(data, 8), channel.deal.pricePerSecond);
        assertEq(wordAt(data, 12), uint160(channel.payer));
        assertEq(wordAt(data, 15), channel.salt);
        assertEq(wordAt(data, 16), 10);
    }

    function wordAt(bytes memory data, uint256 index) private pure returns (uint256 word) {
        assembly {
            word := mload(add(add(data, 0x24), mul(index, 0x20)))
        }
    }
}
