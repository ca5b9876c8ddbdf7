// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { IVoucherChannels } from "../src/interfaces/IVoucherChannels.sol";
import { SignatureCheck } from "../src/libraries/SignatureCheck.sol";
import { Channel, Settlement, SettlementBatch } from "../src/types/Channel.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { Fixture } from "./Fixture.sol";
import { BurningSigner } from "./signers/BurningSigner.sol";
import { RefusingSigner } from "./signers/RefusingSigner.sol";
import { ReturnBombSigner } from "./signers/ReturnBombSigner.sol";
import { WalletSigner } from "./signers/WalletSigner.sol";

/// @notice Who may sign vouchers, over what, and what a signer that is a contract can do to others.
contract VoucherSignerTest is Fixture {
    uint256 private constant DEPOSIT = 1 ether;

    Terms private asked;
    Channel private channel;

    function setUp() public override {
        super.setUp();
        asked = terms(1000, 9000);
        channel = channelOf(offer(asked), asked);
        openWith(channel, DEPOSIT);
    }

    function openSignedBy(address signer) private returns (Channel memory opened) {
        opened = channel;
        opened.signer = signer;
        openWith(opened, DEPOSIT);
    }

    function assertSkipped(Channel memory skipped, uint256 cumulative, bytes memory signature) private {
        vm.expectEmit(address(splitter));
        emit IVoucherChannels.SettlementSkipped(idOf(skipped), IVoucherChannels.VoucherSignatureInvalid.selector);
        splitter.settle(onlyBatch(skipped, cumulative, signature));
        assertState(skipped, DEPOSIT, 0, false);
    }

    // ------------------------------------------------------------------------------------------------------ Keys

    function test_ASignatureOf64BytesIsAsGood() public {
        bytes32 digest = typedDigest(splitterDomain(), voucherHash(idOf(channel), 10));
        (bytes32 r, bytes32 vs) = vm.signCompact(sessionKey, digest);
        splitter.settle(onlyBatch(channel, 10, abi.encodePacked(r, vs)));
        assertState(channel, DEPOSIT, 10, false);
    }

    function test_ThePayersKeyDoesNotSignForAnotherSigner() public {
        assertSkipped(channel, 10, voucherBy(viewerKey, channel, 10));
    }

    function testFuzz_AVoucherIsForItsSum(uint128 signed, uint128 claimed) public {
        claimed = uint128(bound(claimed, 1, DEPOSIT));
        vm.assume(signed != claimed);
        assertSkipped(channel, claimed, voucher(channel, signed));
    }

    function test_AVoucherIsForItsChannel() public {
        Channel memory other = channel;
        other.salt++;
        openWith(other, DEPOSIT);
        assertSkipped(other, 10, voucher(channel, 10));
    }

    function test_AVoucherIsForItsChainAndItsContract() public {
        bytes32 structHash = voucherHash(idOf(channel), 10);
        bytes32 otherChain = typedDigest(domainOf(block.chainid + 1, address(splitter)), structHash);
        assertSkipped(channel, 10, sign(sessionKey, otherChain));
        bytes32 otherContract = typedDigest(domainOf(block.chainid, address(registry)), structHash);
        assertSkipped(channel, 10, sign(sessionKey, otherContract));
        assertSkipped(channel, 10, sign(sessionKey, structHash));
        bytes32 otherType = keccak256(
            abi.encode(keccak256("Voucher(bytes32 channelId,uint256 cumulative)"), idOf(channel), uint256(10))
        );
        assertSkipped(channel, 10, sign(sessionKey, typedDigest(splitterDomain(), otherType)));
    }

    function test_AVoucherForOneChainSettlesNothingOnAFork() public {
        bytes memory signature = voucher(channel, 10);
        bytes32 channelId = idOf(channel);
        vm.chainId(block.chainid + 1);
        splitter.settle(onlyBatch(channel, 10, signature));
        vm.prank(provider);
        vm.expectRevert();
        splitter.closeChannel(channel, 10, signature);
        assertEq(splitter.channelState(channelId).settled, 0);
        assertEq(splitter.earned(ETHER, provider), 0);
    }

    function test_AVoucherForOneSplitterIsNoneForAnother() public {
        EarningsSplitter first = splitter;
        bytes memory signature = voucher(channel, 10);
        splitter = new EarningsSplitter(registry);
        openWith(channel, DEPOSIT);
        assertSkipped(channel, 10, signature);
        first.settle(onlyBatch(channel, 10, signature));
    }

    function testFuzz_BytesThatAreNoSignatureAreLeftOut(bytes calldata signature) public {
        assertSkipped(channel, 10, signature);
    }

    // ------------------------------------------------------------------------------------------------- Contracts

    function test_AContractsOwnerSignsForIt() public {
        Channel memory opened = openSignedBy(address(new WalletSigner(session)));
        assertSkipped(opened, 10, voucherBy(strangerKey, opened, 10));
        settleTo(opened, 10);
        assertState(opened, DEPOSIT, 10, false);

        bytes memory signature = voucher(opened, 20);
        vm.prank(provider);
        splitter.closeChannel(opened, 20, signature);
        assertState(opened, DEPOSIT, 20, true);
    }

    function test_AContractMayDisownAVoucherUntilItIsSettled() public {
        WalletSigner wallet = new WalletSigner(session);
        Channel memory opened = openSignedBy(address(wallet));
        wallet.setOwner(stranger);
        assertSkipped(opened, 10, voucher(opened, 10));
    }

    function test_AKeyThatTakesOnCodeCannotDisownAVoucher() public {
        vm.etch(session, address(new RefusingSigner(true)).code);
        settleTo(channel, 10);
        vm.etch(session, address(new BurningSigner(type(uint256).max)).code);
        settleTo(channel, 20);
        assertState(channel, DEPOSIT, 20, false);
    }

    function test_AKeyThatTookOnCodeSignsByItToo() public {
        vm.etch(session, address(new BurningSigner(0)).code);
        splitter.settle(onlyBatch(channel, 10, "by code"));
        assertState(channel, DEPOSIT, 10, false);
    }

    function test_ACodeThatIsADelegationOfAKeySignsToo() public {
        vm.signAndAttachDelegation(address(new BurningSigner(0)), sessionKey);
        splitter.settle(onlyBatch(channel, 10, "by code"));
        assertState(channel, DEPOSIT, 10, false);
        settleTo(channel, 20);
        assertState(channel, DEPOSIT, 20, false);
    }

    function test_AContractThatRefusesIsLeftOut() public {
        address[4] memory signers = [
            address(new RefusingSigner(false)),
            address(new RefusingSigner(true)),
            address(registry),
            address(new ReturnBombSigner(true))
        ];
        for (uint256 i = 0; i < signers.length; i++) {
            Channel memory opened = openSignedBy(signers[i]);
            assertSkipped(opened, 10, "signature");
            vm.prank(provider);
            vm.expectRevert(
                abi.encodeWithSelector(IVoucherChannels.VoucherSignatureInvalid.selector, idOf(opened), signers[i])
            );
            splitter.closeChannel(opened, 10, "signature");
        }
    }

    function test_AnAccountWithoutCodeSignsWithItsKeyOnly() public {
        Channel memory opened = openSignedBy(address(0xdead));
        assertSkipped(opened, 10, "");
    }

    function test_AContractMayUseThreeHundredThousandGasAndNoMore() public {
        Channel memory frugal = openSignedBy(address(new BurningSigner(290_000)));
        splitter.settle(onlyBatch(frugal, 10, ""));
        assertState(frugal, DEPOSIT, 10, false);
        Channel memory greedy = openSignedBy(address(new BurningSigner(300_000)));
        assertSkipped(greedy, 10, "");
    }

    /// @dev Eight rows that each take all the gas they get, and one good one behind them.
    function test_SignersThatBurnGasHoldUpNobodyElse() public {
        address[2] memory signers =
            [address(new BurningSigner(type(uint256).max)), address(new ReturnBombSigner(false))];
        for (uint256 i = 0; i < signers.length; i++) {
            Channel memory opened = openSignedBy(signers[i]);
            SettlementBatch[] memory batches = onlyBatch(opened, 10, "");
            Settlement[] memory rows = new Settlement[](9);
            for (uint256 j = 0; j < 8; j++) {
                rows[j] = settlementOf(opened, 10, "");
            }
            rows[8] = settlementOf(channel, 10 + i, voucher(channel, 10 + i));
            batches[0].settlements = rows;
            uint256 begun = gasleft();
            splitter.settle(batches);
            assertLt(begun - gasleft(), 8 * 330_000 + 150_000);
            assertState(opened, DEPOSIT, 0, false);
            assertState(channel, DEPOSIT, 10 + i, false);
        }
    }

    /// @dev Whatever gas the caller gives: a good voucher is settled, or everything reverts; it is never left out.
    function testFuzz_TooLittleGasNeverLeavesAGoodVoucherOut(uint256 gas) public {
        gas = bound(gas, 30_000, 450_000);
        Channel memory opened = openSignedBy(address(new BurningSigner(250_000)));
        SettlementBatch[] memory batches = onlyBatch(opened, 10, "");
        vm.recordLogs();
        try splitter.settle{ gas: gas }(batches) {
            assertState(opened, DEPOSIT, 10, false);
            assertNotEq(vm.getRecordedLogs()[0].topics[0], IVoucherChannels.SettlementSkipped.selector);
        } catch (bytes memory reason) {
            assertState(opened, DEPOSIT, 0, false);
            if (reason.length != 0) {
                assertEq(reason, abi.encodeWithSelector(SignatureCheck.GasBelowSignatureLimit.selector, 300_000));
            }
        }
    }

    function test_TooLittleGasIsCalledByItsName() public {
        Channel memory opened = openSignedBy(address(new BurningSigner(290_000)));
        SettlementBatch[] memory batches = onlyBatch(opened, 10, "");
        vm.expectRevert(abi.encodeWithSelector(SignatureCheck.GasBelowSignatureLimit.selector, 300_000));
        splitter.settle{ gas: 220_000 }(batches);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(SignatureCheck.GasBelowSignatureLimit.selector, 300_000));
        splitter.closeChannel{ gas: 220_000 }(opened, 10, "");
    }
}
