// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../../src/EarningsSplitter.sol";
import { StreamRegistry } from "../../src/StreamRegistry.sol";
import { IContentErrors } from "../../src/interfaces/IContentErrors.sol";
import { IEarningsLedger } from "../../src/interfaces/IEarningsLedger.sol";
import { IPaidViews } from "../../src/interfaces/IPaidViews.sol";
import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { ReenteringPayee } from "../payees/ReenteringPayee.sol";
import { RefusingPayee } from "../payees/RefusingPayee.sol";
import { Test } from "forge-std/Test.sol";

/// @notice Everything that people may do, in any order, and a ledger of its own of what should come of it.
contract SplitterHandler is Test {
    string private constant URL = "https://stream.example";
    uint256 private constant CONTENTS = 3;

    StreamRegistry private immutable registry;
    EarningsSplitter private immutable splitter;
    RefusingPayee public immutable refusing;
    ReenteringPayee public immutable reentering;

    /// @notice The accounts that earn; each may be a payout, a provider, or both.
    address[] public accounts;
    bytes32[CONTENTS] private contents;

    // The handler's own ledger.
    mapping(address account => uint256) public credited;
    mapping(address account => uint256) public claimed;
    uint256 public paid;
    uint256 public forced;
    uint256 public claims;

    // How often something really happened, so that a run that did nothing is seen.
    uint256 public payments;
    uint256 public refusals;

    constructor(StreamRegistry registry_, EarningsSplitter splitter_) {
        registry = registry_;
        splitter = splitter_;
        refusing = new RefusingPayee();
        reentering = new ReenteringPayee(splitter_);
        accounts = [makeAddr("account"), makeAddr("another account"), address(refusing), address(reentering)];
        uint16[CONTENTS] memory creatorShares = [uint16(0), 3333, 9000];
        for (uint256 i = 0; i < CONTENTS; i++) {
            contents[i] = registry.registerContent(cid(i), "", "", termsFrom(i, 1 ether, creatorShares[i]));
            for (uint256 j = 0; j < accounts.length; j++) {
                vm.prank(accounts[j]);
                registry.registerStream(contents[i], URL);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------- Registry

    function changeTerms(uint256 which, uint256 payoutSeed, uint96 price, uint16 shareSeed) external {
        bytes32 contentId = contentFrom(which);
        if (!isActive(contentId)) return;
        registry.updateTerms(contentId, termsFrom(payoutSeed, price, shareSeed % 10_001));
    }

    function withdrawOrOfferContent(uint256 which, uint256 payoutSeed, uint96 price) external {
        uint256 index = which % CONTENTS;
        if (isActive(contents[index])) {
            registry.deregisterContent(contents[index]);
        } else {
            registry.registerContent(cid(index), "", "", termsFrom(payoutSeed, price, 9000));
        }
    }

    function withdrawOrOfferStream(uint256 which, uint256 providerSeed) external {
        bytes32 contentId = contentFrom(which);
        address provider = accountFrom(providerSeed);
        bool streaming = registry.isStreaming(contentId, provider);
        if (!streaming && !isActive(contentId)) return;
        vm.prank(provider);
        if (streaming) registry.deregisterStream(contentId);
        else registry.registerStream(contentId, URL);
    }

    // ------------------------------------------------------------------------------------------------- Payments

    /// @dev Pays what the terms ask, whatever the state of the content: it must succeed exactly when it may.
    function pay(uint256 which, uint256 providerSeed, address viewer) external {
        bytes32 contentId = contentFrom(which);
        address provider = accountFrom(providerSeed);
        (, bool active, Terms memory terms) = registry.termsOf(contentId);
        uint256 price = terms.pricePerView;
        deal(address(this), price);

        bytes memory expected;
        if (!active) {
            expected = abi.encodeWithSelector(IContentErrors.ContentNotActive.selector, contentId);
        } else if (!registry.isStreaming(contentId, provider)) {
            expected = abi.encodeWithSelector(IContentErrors.StreamNotRegistered.selector, contentId, provider);
        }
        if (expected.length != 0) {
            refusals++;
            vm.expectRevert(expected);
            splitter.recordView{ value: price }(contentId, provider, viewer, price);
            return;
        }

        splitter.recordView{ value: price }(contentId, provider, viewer, price);
        payments++;
        paid += price;
        // Division in the other direction than the contract's: the provider's part is rounded down.
        uint256 providerAmount = price * (10_000 - terms.creatorShareBps) / 10_000;
        credited[provider] += providerAmount;
        credited[terms.payout] += price - providerAmount;
    }

    function payAnotherSum(uint256 which, uint256 providerSeed, uint96 sent) external {
        bytes32 contentId = contentFrom(which);
        address provider = accountFrom(providerSeed);
        (, bool active, Terms memory terms) = registry.termsOf(contentId);
        if (!active || !registry.isStreaming(contentId, provider) || sent == terms.pricePerView) return;
        deal(address(this), sent);
        refusals++;
        if (terms.pricePerView > sent) {
            vm.expectRevert(abi.encodeWithSelector(IPaidViews.PriceAboveMaximum.selector, terms.pricePerView, sent));
        } else {
            vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.IncorrectPayment.selector, sent, terms.pricePerView));
        }
        splitter.recordView{ value: sent }(contentId, provider, address(this), sent);
    }

    function force(uint96 amount) external {
        deal(address(splitter), address(splitter).balance + amount);
        forced += amount;
    }

    // --------------------------------------------------------------------------------------------------- Claims

    function setRefuses(bool refuses) external {
        refusing.setRefuses(refuses);
    }

    function claim(uint256 accountSeed, uint256 recipientSeed) external {
        address account = accountFrom(accountSeed);
        address to = accountFrom(recipientSeed);
        uint256 amount = splitter.earned(ETHER, account);
        uint256 balance = to.balance;
        bool succeeds = expectClaim(account, to, amount);
        vm.prank(account);
        uint256 received = splitter.claim(ETHER, to);
        if (succeeds) settle(account, to, amount, received, balance);
    }

    function claimFor(uint256 accountSeed, address caller) external {
        address account = accountFrom(accountSeed);
        uint256 amount = splitter.earned(ETHER, account);
        uint256 balance = account.balance;
        bool succeeds = expectClaim(account, account, amount);
        vm.prank(caller);
        uint256 received = splitter.claimFor(ETHER, account);
        if (succeeds) settle(account, account, amount, received, balance);
    }

    /// @dev Every account claims, somewhere that takes it.
    function claimAll() external {
        refusing.setRefuses(false);
        for (uint256 i = 0; i < accounts.length; i++) {
            uint256 amount = splitter.earned(ETHER, accounts[i]);
            if (amount == 0) continue;
            uint256 balance = accounts[i].balance;
            settle(accounts[i], accounts[i], amount, splitter.claimFor(ETHER, accounts[i]), balance);
        }
    }

    // ------------------------------------------------------------------------------------------------- Internals

    /// @dev Whether the next call to the splitter should succeed; otherwise its own error is expected of it.
    function expectClaim(address account, address to, uint256 amount) private returns (bool) {
        if (amount == 0) {
            vm.expectRevert(abi.encodeWithSelector(IEarningsLedger.NothingToClaim.selector, ETHER, account));
        } else if (to == address(refusing) && refusing.refuses()) {
            vm.expectRevert(abi.encodeWithSelector(IPaymentErrors.TransferFailed.selector, ETHER, to, amount));
        } else {
            return true;
        }
        refusals++;
        return false;
    }

    function settle(address account, address to, uint256 amount, uint256 received, uint256 balanceBefore) private {
        assertEq(received, amount);
        // The re-entering contract may be paid for another account, and then takes its own earnings too.
        uint256 own = 0;
        if (to == address(reentering) && account != to) {
            own = credited[to] - claimed[to] - splitter.earned(ETHER, to);
            claimed[to] += own;
        }
        assertEq(to.balance, balanceBefore + amount + own);
        claimed[account] += amount;
        claims++;
    }

    function cid(uint256 index) private pure returns (string memory) {
        return string.concat("content ", vm.toString(index));
    }

    function isActive(bytes32 contentId) private view returns (bool active) {
        (, active,) = registry.termsOf(contentId);
    }

    function contentFrom(uint256 seed) private view returns (bytes32) {
        return contents[seed % CONTENTS];
    }

    function accountFrom(uint256 seed) private view returns (address) {
        return accounts[seed % accounts.length];
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    function termsFrom(uint256 payoutSeed, uint96 price, uint16 bps) private view returns (Terms memory) {
        return Terms({
            token: ETHER,
            payout: accountFrom(payoutSeed),
            creatorShareBps: bps,
            pricePerView: price,
            pricePerSecond: 0,
            msatPerSecond: 0
        });
    }
}
