// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { StreamRegistry } from "../src/StreamRegistry.sol";
import { MintableToken } from "./tokens/MintableToken.sol";
import { stdJson } from "forge-std/StdJson.sol";
import { Test } from "forge-std/Test.sol";

/// @notice The contracts take what viem signed. The crate (typed_data.rs) and the page (typed-data.test.ts) pass the
/// same vectors.
contract TypedDataTest is Test {
    using stdJson for string;

    address private immutable gateway = makeAddr("gateway");

    string private vectors;
    StreamRegistry private registry;
    EarningsSplitter private splitter;

    function setUp() public {
        vectors = vm.readFile("contracts/vectors/typed_data.json");
        vm.chainId(vectors.readUint("$.chainId"));
        registry = StreamRegistry(vectors.readAddress("$.registry.address"));
        splitter = EarningsSplitter(vectors.readAddress("$.splitter.address"));
        vm.etch(address(registry), address(new StreamRegistry()).code);
        vm.etch(address(splitter), address(new EarningsSplitter(registry)).code);
        vm.etch(vectors.readAddress("$.token"), address(new MintableToken()).code);
    }

    function test_TheDomainsAreTheOnesOfTheVectors() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            registry.eip712Domain();
        assertEq(name, vectors.readString("$.registry.name"));
        assertEq(version, vectors.readString("$.registry.version"));
        assertEq(chainId, vectors.readUint("$.chainId"));
        assertEq(verifyingContract, address(registry));

        (, name, version, chainId, verifyingContract,,) = splitter.eip712Domain();
        assertEq(name, vectors.readString("$.splitter.name"));
        assertEq(version, vectors.readString("$.splitter.version"));
        assertEq(chainId, vectors.readUint("$.chainId"));
        assertEq(verifyingContract, address(splitter));
    }

    /// @dev Each call finds the chain as those before it have left it.
    function test_EveryMessageIsAcceptedFromAGateway() public {
        MintableToken token = MintableToken(vectors.readAddress("$.token"));
        uint256 count = 0;
        for (; vm.keyExistsJson(vectors, path(count, "")); count++) {
            string memory primaryType = vectors.readString(path(count, ".primaryType"));
            address account = vectors.readAddress(path(count, ".account"));
            if (same(primaryType, "RecordView")) {
                uint256 price = vectors.readUint(path(count, ".message.maxPrice"));
                token.mint(account, price);
                vm.prank(account);
                token.approve(address(splitter), price);
            }

            address target =
                same(vectors.readString(path(count, ".contract")), "registry") ? address(registry) : address(splitter);
            vm.prank(gateway);
            (bool success, bytes memory answer) = target.call(vectors.readBytes(path(count, ".calldata")));

            assertTrue(success, primaryType);
            if (same(primaryType, "Voucher")) {
                assertEq(abi.decode(answer, (bytes32)), vectors.readBytes32(path(count, ".digest")));
            }
            if (same(primaryType, "RecordView")) assertEq(token.balanceOf(account), 0, "the view is paid");
        }
        assertEq(count, 8);
        assertEq(registry.nonces(vectors.readAddress("$.messages[0].account")), 4);
    }

    function test_AChannelsIdAndTheNoncesAreTheOnesOfTheVectors() public {
        (bool success, bytes memory answer) = address(splitter).call(vectors.readBytes("$.channel.encoded"));
        assertTrue(success);
        bytes32 channelId = abi.decode(answer, (bytes32));
        assertEq(channelId, vectors.readBytes32("$.channel.channelId"));

        bytes32 salt = vectors.readBytes32("$.channel.salt");
        assertEq(
            splitter.topUpAuthorizationNonce(channelId, salt), vectors.readBytes32("$.channel.topUpAuthorizationNonce")
        );
        assertEq(
            splitter.viewAuthorizationNonce(
                vectors.readBytes32("$.channel.channel.deal.contentId"),
                vectors.readAddress("$.channel.channel.deal.provider"),
                vectors.readAddress("$.channel.channel.payer"),
                salt
            ),
            vectors.readBytes32("$.channel.viewAuthorizationNonce")
        );
    }

    function path(uint256 index, string memory field) private pure returns (string memory) {
        return string.concat("$.messages[", vm.toString(index), "]", field);
    }

    function same(string memory one, string memory other) private pure returns (bool) {
        return keccak256(bytes(one)) == keccak256(bytes(other));
    }
}
