// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { StreamRegistry } from "../src/StreamRegistry.sol";
import { Script, console } from "forge-std/Script.sol";
import { VmSafe } from "forge-std/Vm.sol";

/// @title Deploy
/// @notice Deploys the registry and its splitter to any chain and writes the deployment record:
///
///     contracts/forge script contracts/script/Deploy.s.sol --rpc-url <url> --broadcast --private-key <key>
///
/// (or `--account <keystore>` in place of the key). Without `--broadcast` it only simulates, and writes nothing.
/// The record goes to deployments/<chain id>.json, or where PAYSTREAM_DEPLOYMENT_OUT says, in a folder that exists.
///
/// Warning: forge runs this before it sends the transactions. When it reports that sending failed, the record names
/// addresses that hold no contract: delete it, or `--resume`.
contract Deploy is Script {
    function run() external returns (StreamRegistry registry, EarningsSplitter splitter) {
        // The block that the simulation stands on: the first event can only come later.
        uint256 blockNumber = vm.getBlockNumber();

        vm.startBroadcast();
        registry = new StreamRegistry();
        splitter = new EarningsSplitter(registry);
        vm.stopBroadcast();

        console.log("StreamRegistry  ", address(registry));
        console.log("EarningsSplitter", address(splitter));
        if (vm.isContext(VmSafe.ForgeContext.ScriptBroadcast)) {
            string memory path = recordPath();
            vm.writeFile(path, record(block.chainid, address(registry), address(splitter), blockNumber));
            console.log("Deployment record", path);
        }
    }

    /// @notice Where the record of this chain goes.
    function recordPath() public view returns (string memory) {
        return vm.envOr("PAYSTREAM_DEPLOYMENT_OUT", string.concat("deployments/", vm.toString(block.chainid), ".json"));
    }

    /// @notice The record, as `paystream_contracts::Deployment` reads it.
    function record(uint256 chainId, address registry, address splitter, uint256 blockNumber)
        public
        pure
        returns (string memory)
    {
        return string.concat(
            "{\n  \"chainId\": ",
            vm.toString(chainId),
            ",\n  \"registry\": \"",
            vm.toString(registry),
            "\",\n  \"splitter\": \"",
            vm.toString(splitter),
            "\",\n  \"block\": ",
            vm.toString(blockNumber),
            "\n}\n"
        );
    }
}
