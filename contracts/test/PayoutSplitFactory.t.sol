// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { PayoutSplit } from "../src/PayoutSplit.sol";
import { IPayoutSplit } from "../src/interfaces/IPayoutSplit.sol";
import { IPayoutSplitFactory } from "../src/interfaces/IPayoutSplitFactory.sol";
import { ETHER } from "../src/types/Terms.sol";
import { PayoutSplitFixture } from "./PayoutSplitFixture.sol";

contract PayoutSplitFactoryTest is PayoutSplitFixture {
    address[] private recipients;
    uint32[] private shares;

    function setUp() public {
        recipients = [address(0xa11ce), address(0xb0b)];
        if (recipients[0] > recipients[1]) (recipients[0], recipients[1]) = (recipients[1], recipients[0]);
        shares = [uint32(70), 30];
    }

    function test_ASplitIsCreatedWhereItWasForetold() public {
        (address foretold, bool exists) = factory.splitOf(recipients, shares);
        assertFalse(exists);

        vm.expectEmit(address(factory));
        emit IPayoutSplitFactory.SplitCreated(foretold, recipients, shares);
        address split = factory.createSplit(recipients, shares);

        assertEq(split, foretold);
        (foretold, exists) = factory.splitOf(recipients, shares);
        assertEq(split, foretold);
        assertTrue(exists);
    }

    function test_ASplitKnowsItsRecipientsAndShares() public {
        (address[] memory recipients_, uint32[] memory shares_) =
            IPayoutSplit(factory.createSplit(recipients, shares)).recipients();
        assertEq(recipients_, recipients);
        for (uint256 i = 0; i < shares.length; i++) {
            assertEq(shares_[i], shares[i]);
        }
        assertEq(shares_.length, shares.length);
    }

    function test_TheSameSplitIsCreatedOnce() public {
        address split = factory.createSplit(recipients, shares);
        vm.recordLogs();
        vm.prank(stranger);
        assertEq(factory.createSplit(recipients, shares), split);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_ASplitCanBePaidBeforeItIsCreated() public {
        (address foretold,) = factory.splitOf(recipients, shares);
        vm.deal(foretold, 10);
        IPayoutSplit(factory.createSplit(recipients, shares)).distribute(ETHER);
        assertEq(recipients[0].balance, 7);
        assertEq(recipients[1].balance, 3);
    }

    function test_OtherSharesAreAnotherSplit() public {
        address split = factory.createSplit(recipients, shares);
        shares[1] = 31;
        assertNotEq(factory.createSplit(recipients, shares), split);
    }

    function test_OneRecipientIsEnough() public {
        recipients.pop();
        shares.pop();
        IPayoutSplit split = IPayoutSplit(factory.createSplit(recipients, shares));
        pay(split, 5);
        split.distribute(ETHER);
        assertEq(recipients[0].balance, 5);
    }

    function testFuzz_AnySetOfRecipientsCanBeReadBack(uint8 count, uint256 seed) public {
        count = uint8(bound(count, 1, 50));
        (address[] memory set, uint32[] memory parts) = fill(count, seed);
        IPayoutSplit split = IPayoutSplit(factory.createSplit(set, parts));
        (address[] memory recipients_, uint32[] memory shares_) = split.recipients();
        assertEq(keccak256(abi.encode(recipients_, shares_)), keccak256(abi.encode(set, parts)));
    }

    function test_ThereMustBeOneShareForEachRecipient() public {
        shares.push(1);
        refused(abi.encodeWithSelector(IPayoutSplitFactory.LengthsDiffer.selector, 2, 3));
    }

    function test_NobodyIsNoRecipient() public {
        delete recipients;
        delete shares;
        refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientCountInvalid.selector, 0, 50));
    }

    function test_FiftyOneRecipientsAreTooMany() public {
        (recipients, shares) = fill(51, 1);
        refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientCountInvalid.selector, 51, 50));
    }

    function test_RecipientsMustAscend() public {
        (recipients[0], recipients[1]) = (recipients[1], recipients[0]);
        refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientsNotAscending.selector, 1, recipients[1]));
    }

    function test_ARecipientIsNamedOnce() public {
        recipients[1] = recipients[0];
        refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientsNotAscending.selector, 1, recipients[1]));
    }

    function test_TheZeroAddressIsNoRecipient() public {
        recipients[0] = address(0);
        refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientsNotAscending.selector, 0, address(0)));
    }

    function test_AShareOfZeroIsRefused() public {
        shares[1] = 0;
        refused(abi.encodeWithSelector(IPayoutSplitFactory.ShareIsZero.selector, 1, recipients[1]));
    }

    function test_TheFactoryAndTheSharedCodeAreNoRecipients() public {
        address[2] memory impossible = [address(factory), factory.implementation()];
        for (uint256 i = 0; i < 2; i++) {
            recipients = [impossible[i]];
            shares = [uint32(1)];
            refused(abi.encodeWithSelector(IPayoutSplitFactory.RecipientCannotBePaid.selector, impossible[i]));
        }
    }

    function test_TheSharedCodeIsNoSplit() public {
        PayoutSplit implementation = PayoutSplit(factory.implementation());
        (bool sent,) = address(implementation).call{ value: 1 }("");
        assertFalse(sent);
        vm.expectRevert(IPayoutSplit.NotASplit.selector);
        implementation.distribute(ETHER);
        vm.expectRevert(IPayoutSplit.NotASplit.selector);
        implementation.recipients();
        vm.expectRevert(IPayoutSplit.NotASplit.selector);
        implementation.distributable(ETHER);
        vm.expectRevert(IPayoutSplit.NotASplit.selector);
        implementation.owed(ETHER, stranger);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplit.NothingHeld.selector, ETHER, address(this)));
        implementation.withdraw(ETHER, stranger);
    }

    /// @dev The gas of the whole call is given to the creation, less a 64th: this is not enough for its code.
    function test_TooLittleGasIsAnErrorOfItsOwn() public {
        (recipients, shares) = fill(50, 1);
        (address foretold,) = factory.splitOf(recipients, shares);
        vm.expectRevert(abi.encodeWithSelector(IPayoutSplitFactory.SplitNotCreated.selector, foretold));
        factory.createSplit{ gas: 290_000 }(recipients, shares);
    }

    function refused(bytes memory with) private {
        vm.expectRevert(with);
        factory.createSplit(recipients, shares);
        vm.expectRevert(with);
        factory.splitOf(recipients, shares);
    }

    function fill(uint256 count, uint256 seed) private pure returns (address[] memory set, uint32[] memory parts) {
        set = new address[](count);
        parts = new uint32[](count);
        uint160 last = 0;
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            last += uint160(random >> 104) + 1;
            set[i] = address(last);
            parts[i] = uint32(random) == 0 ? 1 : uint32(random);
        }
    }
}
