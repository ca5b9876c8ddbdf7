// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { StreamRegistry } from "../src/StreamRegistry.sol";
import { ISignedActions } from "../src/interfaces/ISignedActions.sol";
import { Fixture } from "./Fixture.sol";
import { RefusingSigner } from "./signers/RefusingSigner.sol";
import { WalletSigner } from "./signers/WalletSigner.sol";

/// @notice What holds for every action of the registry that an account signs and somebody else sends. Each action is a
/// contract of its own that says how it is hashed, sent and spoilt.
abstract contract SignedActionTest is Fixture {
    uint256 internal immutable accountKey = uint256(keccak256("signing account"));

    /// @dev Signs, and everything counts as done by it.
    address internal account;

    /// @dev What the action is about; the same for all of them.
    bytes32 internal contentId;

    uint256 private deadline;

    function setUp() public override {
        super.setUp();
        vm.warp(1_700_000_000);
        deadline = vm.getBlockTimestamp() + 1 hours;
        actAs(vm.addr(accountKey));
    }

    // ---------------------------------------------------------------------------------------------- Each action

    /// @dev Everything that the action needs beforehand.
    function prepare() internal virtual;

    /// @dev `hashStruct` by the standard, from the type as it is written in the documentation.
    function structHash(uint256 nonce, uint256 deadline_) internal view virtual returns (bytes32);

    /// @dev One call: the action of `account`.
    function send(uint256 nonce, uint256 deadline_, bytes memory signature) internal virtual;

    /// @dev Changes one field of what `send` sends.
    function change() internal virtual;

    /// @dev Makes the action impossible, signed or not.
    /// @return refusal What it reverts with from then on.
    function spoil() internal virtual returns (bytes memory refusal);

    function assertDone() internal view virtual;

    // --------------------------------------------------------------------------------------------------- Sending

    function test_AnybodyMaySendItAndItCountsAsTheAccounts() public {
        bytes memory signature = signedBy(accountKey);
        vm.prank(stranger);
        send(0, deadline, signature);
        assertDone();
        assertEq(registry.nonces(account), 1);
        assertEq(registry.nonces(stranger), 0);
    }

    function test_ItMayBeSentInItsLastSecondAndNotLater() public {
        bytes memory signature = signedBy(accountKey);
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.SignatureExpired.selector, deadline));
        send(0, deadline, signature);

        vm.warp(deadline);
        send(0, deadline, signature);
        assertDone();
    }

    function test_ItCannotBeSentTwice() public {
        bytes memory signature = signedBy(accountKey);
        send(0, deadline, signature);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, account, 0, 1));
        send(0, deadline, signature);
    }

    function test_OnlyTheNextNonceIsTaken() public {
        bytes memory signature = signedBy(accountKey, domainSeparator(block.chainid, address(registry)), 1);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, account, 1, 0));
        send(1, deadline, signature);

        vm.prank(account);
        assertEq(registry.invalidateNonce(), 0);
        send(1, deadline, signature);
        assertDone();
    }

    function test_TheAccountTakesBackWhatItSignedBySpendingTheNonce() public {
        bytes memory signature = signedBy(accountKey);
        vm.prank(account);
        registry.invalidateNonce();
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.NonceNotNext.selector, account, 0, 1));
        send(0, deadline, signature);
    }

    function test_AnotherAccountsNonceIsNotTouched() public {
        bytes memory signature = signedBy(accountKey);
        vm.prank(stranger);
        registry.invalidateNonce();
        send(0, deadline, signature);
        assertDone();
    }

    function test_AnActionThatIsRefusedSpendsNoNonce() public {
        bytes memory refusal = spoil();
        bytes memory signature = signedBy(accountKey);
        vm.expectRevert(refusal);
        send(0, deadline, signature);
        assertEq(registry.nonces(account), 0);
    }

    // ------------------------------------------------------------------------------------------------ Signatures

    function test_AnotherAccountsSignatureIsRefused() public {
        refuses(signedBy(accountKey + 1));
    }

    function test_ASignatureForAnotherChainIsRefused() public {
        refuses(signedBy(accountKey, domainSeparator(block.chainid + 1, address(registry)), 0));
    }

    function test_ASignatureDoesNotOutliveAForkOfTheChain() public {
        bytes memory signature = signedBy(accountKey);
        vm.chainId(block.chainid + 1);
        refuses(signature);
    }

    function test_ASignatureForAnotherRegistryIsRefused() public {
        refuses(signedBy(accountKey, domainSeparator(block.chainid, address(new StreamRegistry())), 0));
    }

    function test_ASignatureOverAnotherNonceIsRefused() public {
        refuses(signedBy(accountKey, domainSeparator(block.chainid, address(registry)), 1));
    }

    function test_AnotherDeadlineThanTheSignedOneIsRefused() public {
        bytes memory signature = signedBy(accountKey);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, account));
        send(0, deadline + 1, signature);
    }

    function test_AnotherFieldThanTheSignedOneIsRefused() public {
        bytes memory signature = signedBy(accountKey);
        change();
        refuses(signature);
    }

    function test_ASignatureOfAnotherLengthIsRefused() public {
        bytes memory signature = signedBy(accountKey);
        refuses("");
        refuses(bytes.concat(signature, hex"00"));
    }

    function test_NobodyCanActForTheAddressZero() public {
        account = address(0);
        refuses(new bytes(65));
    }

    function test_ACompactSignatureIsAccepted() public {
        (bytes32 r, bytes32 vs) = vm.signCompact(
            accountKey, typedDigest(domainSeparator(block.chainid, address(registry)), structHash(0, deadline))
        );
        send(0, deadline, abi.encodePacked(r, vs));
        assertDone();
    }

    function test_AWalletThatIsAContractSigns() public {
        actAs(address(new WalletSigner(vm.addr(accountKey))));
        bytes memory signature = signedBy(accountKey);
        refuses(signedBy(accountKey + 1));
        vm.prank(stranger);
        send(0, deadline, signature);
        assertDone();
        assertEq(registry.nonces(account), 1);
    }

    function test_AContractThatDoesNotSignIsRefused() public {
        bool[2] memory reverts = [false, true];
        for (uint256 i = 0; i < reverts.length; i++) {
            account = address(new RefusingSigner(reverts[i]));
            refuses(signedBy(accountKey));
        }
        account = address(registry);
        refuses(signedBy(accountKey));
    }

    /// @dev As an account that has given itself code (EIP-7702).
    function test_AnAccountWithCodeMayStillSignByItsKey() public {
        vm.etch(account, address(new RefusingSigner(true)).code);
        send(0, deadline, signedBy(accountKey));
        assertDone();
    }

    // ------------------------------------------------------------------------------------------------- Internals

    function actAs(address account_) internal {
        account = account_;
        contentId = registry.contentIdOf(account_, CID);
        prepare();
    }

    function signedBy(uint256 key) internal view returns (bytes memory) {
        return signedBy(key, domainSeparator(block.chainid, address(registry)), 0);
    }

    function signedBy(uint256 key, bytes32 domain, uint256 nonce) internal view returns (bytes memory) {
        return sign(key, typedDigest(domain, structHash(nonce, deadline)));
    }

    function refuses(bytes memory signature) internal {
        uint256 nonce = registry.nonces(account);
        vm.expectRevert(abi.encodeWithSelector(ISignedActions.SignatureInvalid.selector, account));
        send(0, deadline, signature);
        assertEq(registry.nonces(account), nonce);
    }

    function domainSeparator(uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Paystream Registry"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
    }
}
