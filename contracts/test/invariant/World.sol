// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../../src/EarningsSplitter.sol";
import { StreamRegistry } from "../../src/StreamRegistry.sol";
import { IPaymentErrors } from "../../src/interfaces/IPaymentErrors.sol";
import { Channel } from "../../src/types/Channel.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { MintableToken } from "../tokens/MintableToken.sol";
import { RebasingToken } from "../tokens/RebasingToken.sol";
import { UsdLikeToken } from "../tokens/UsdLikeToken.sol";
import { HostileToken } from "./HostileToken.sol";
import { IWatcher, Puppet } from "./Puppet.sol";
import { Test } from "forge-std/Test.sol";

/// @notice Who takes part, and books of its own about what should be true of both contracts. See ../../INVARIANTS.md.
///
/// A step foresees its outcome from these books: an error, to the last byte, or success. What succeeds is booked before
/// the call, as the contracts do it, so that a step from inside another one finds right books too. When the contracts
/// undo the outer call, the bookings of the inner step are undone with it.
abstract contract World is Test, IWatcher {
    string internal constant URL = "https://stream.example";
    uint256 internal constant CONTENTS = 4;
    uint256 internal constant KEYS = 2;

    /// @dev One channel as it should be.
    struct Kept {
        Channel channel;
        bytes32 id;
        bytes32 dealHash;
        uint256 content;
        uint256 deposit;
        uint256 settled;
        uint256 creatorPart;
        bool closed;
    }

    StreamRegistry internal immutable registry = new StreamRegistry();
    EarningsSplitter public immutable splitter = new EarningsSplitter(registry);
    UsdLikeToken internal immutable usd = new UsdLikeToken();
    HostileToken internal immutable hostile = new HostileToken();
    RebasingToken internal immutable rebasing = new RebasingToken();
    address internal immutable creator;
    uint256 internal immutable creatorKey;

    /// @dev Signs for channels and for the puppets.
    address internal immutable session;
    uint256 internal immutable sessionKey;

    /// @dev Two keys first, then three puppets. Each pays, provides and is a payout.
    address[] internal accounts;
    uint256[] internal keys;
    address[] internal tokens;

    // The registry as it should be.
    bytes32[CONTENTS] internal contents;
    Terms[CONTENTS] internal asked;
    bool[CONTENTS] internal active;
    mapping(uint256 content => mapping(address provider => bool)) internal streams;
    mapping(address account => uint256) internal registrySpent;
    mapping(address account => bytes script) internal bitcoinPayouts;

    // The splitter as it should be.
    Kept[] internal channels;
    mapping(address token => mapping(address account => uint256)) internal earnings;
    mapping(address token => uint256) internal paidIn;
    mapping(address token => uint256) internal paidOut;
    mapping(address token => uint256) internal forced;
    mapping(address token => uint256) internal vanished;
    mapping(address account => uint256) internal spent;
    mapping(bytes32 nonce => bool) internal usedAuthorization;

    /// @dev Kept apart, so that it is the same in every step whatever the test runner does with the block between them.
    uint256 internal time = 1_750_000_000;

    /// @dev Whether a step runs inside another one; whether it has the little gas of a payer who is given a rest back.
    bool internal inside;
    bool internal scarce;

    /// @dev Whether a step inside another one did not end as foreseen; a revert would be swallowed by the contract that
    /// called it.
    bool internal surprised;

    // How often something really happened, so that a run that did nothing is seen.
    uint256 public successes;
    uint256 public refusals;
    uint256 public insideSuccesses;
    uint256 public interruptions;

    error Undone();

    constructor() {
        (creator, creatorKey) = makeAddrAndKey("creator");
        (session, sessionKey) = makeAddrAndKey("session");
        tokens = [ETHER, address(usd), address(hostile), address(rebasing)];
        vm.deal(address(this), type(uint200).max);
        vm.warp(time);
        for (uint256 i = 0; i < KEYS; i++) {
            (address account, uint256 key) = makeAddrAndKey(i == 0 ? "alice" : "bob");
            accounts.push(account);
            keys.push(key);
        }
        for (uint256 i = 0; i < 3; i++) {
            accounts.push(address(new Puppet(this, session)));
        }
        for (uint256 i = 0; i < accounts.length; i++) {
            for (uint256 j = 1; j < tokens.length; j++) {
                // The first account pays by permit, so that a permit that does nothing is seen.
                if (i == 0 && tokens[j] == address(usd)) continue;
                bytes memory data = abi.encodeCall(usd.approve, (address(splitter), type(uint256).max));
                (bool approved,) = act(tokens[j], accounts[i], 0, data);
                assertTrue(approved);
            }
        }
        uint16[CONTENTS] memory shares = [uint16(3333), 9000, 1, 5000];
        for (uint256 i = 0; i < CONTENTS; i++) {
            Terms memory terms = termsFrom(i, i, shares[i], 1e15 + 7, 1e9 + 1);
            vm.prank(creator);
            contents[i] = registry.registerContent(cid(i), "", "", terms);
            (asked[i], active[i]) = (terms, true);
            for (uint256 j = 0; j < accounts.length; j++) {
                act(address(registry), accounts[j], 0, abi.encodeCall(registry.registerStream, (contents[i], URL)));
                streams[i][accounts[j]] = true;
            }
        }
    }

    modifier step() {
        vm.warp(time);
        _;
    }

    // -------------------------------------------------------------------------------------------------- Acting

    function act(address target, address account, uint256 value, bytes memory data)
        internal
        returns (bool success, bytes memory result)
    {
        if (account.code.length != 0) return Puppet(payable(account)).execute{ value: value }(target, data);
        vm.deal(account, account.balance + value);
        vm.prank(account);
        return target.call{ value: value }(data);
    }

    /// @dev Holds what happened against what was foreseen: `expected` is an error, or empty for success.
    function agree(bool success, bytes memory result, bytes memory expected) internal {
        bool agrees = expected.length == 0 ? success : !success && keccak256(result) == keccak256(expected);
        if (agrees) {
            if (!success) refusals++;
            else if (inside) insideSuccesses++;
            else successes++;
            return;
        }
        if (inside) {
            // For want of gas a step may fail where it should not, but never the other way round.
            if (!success && scarce) revert Undone();
            surprised = true;
            return;
        }
        if (expected.length == 0) assertEq(result, "", "it should have succeeded");
        assertFalse(success, "it should have been refused");
        assertEq(result, expected, "it should have been refused for another reason");
    }

    /// @dev A payment during which the token let others move money of the same token does not arrive exactly.
    function wasInterrupted(address token, bool success, bytes memory result) internal returns (bool) {
        if (success || token != address(hostile) || !hostile.callsBack() || inside) return false;
        if (bytes4(result) != IPaymentErrors.TokenAmountMismatch.selector) return false;
        interruptions++;
        return true;
    }

    // -------------------------------------------------------------------------------------------------- Booking

    /// @dev Books a payment in; the creator's part is what rounding the provider's down leaves.
    function credit(address token, address payout, address provider, uint256 creatorAmount, uint256 amount) internal {
        earnings[token][payout] += creatorAmount;
        earnings[token][provider] += amount - creatorAmount;
    }

    function creatorPartOf(uint256 amount, uint256 bps) internal pure returns (uint256) {
        return amount - amount * (10_000 - bps) / 10_000;
    }

    /// @dev Whether an account takes what is sent to it.
    function takes(address token, address to, uint256 amount) internal view returns (bool) {
        if (token == ETHER) {
            if (to.code.length == 0) return true;
            Puppet.Mood mood = Puppet(payable(to)).mood();
            return mood == Puppet.Mood.Takes || mood == Puppet.Mood.CallsBack;
        }
        if (token == address(hostile) && hostile.isBlacklisted(to)) return false;
        // It falls short when balances have shrunk, and of what is credited before it has arrived.
        return balanceOf(token, address(splitter)) >= amount;
    }

    function offerRefusal(uint256 content, address provider) internal view returns (bytes memory) {
        if (!active[content]) return abi.encodeWithSignature("ContentNotActive(bytes32)", contents[content]);
        if (!streams[content][provider]) {
            return abi.encodeWithSignature("StreamNotRegistered(bytes32,address)", contents[content], provider);
        }
        return "";
    }

    // --------------------------------------------------------------------------------------------------- Seeds

    /// @dev A step inside another one cannot change who calls, so it is a puppet's.
    function accountFrom(uint256 seed) internal view returns (address) {
        return inside ? accounts[KEYS + seed % 3] : accounts[seed % accounts.length];
    }

    function keyOf(address account) internal view returns (uint256) {
        if (account == creator) return creatorKey;
        return account == accounts[0] ? keys[0] : account == accounts[1] ? keys[1] : sessionKey;
    }

    /// @dev Whoever burns all gas instead of an answer is refused with what was left, which cannot be foreseen.
    function burnsAllGas(address account) internal view returns (bool) {
        if (account.code.length == 0) return false;
        Puppet puppet = Puppet(payable(account));
        return puppet.disowns() && puppet.mood() == Puppet.Mood.Burns;
    }

    function termsFrom(uint256 tokenSeed, uint256 payoutSeed, uint256 bps, uint96 perView, uint96 perSecond)
        internal
        view
        returns (Terms memory)
    {
        return Terms({
            token: tokens[tokenSeed % tokens.length],
            payout: accounts[payoutSeed % accounts.length],
            creatorShareBps: uint16(bps % 10_001),
            pricePerView: perView,
            pricePerSecond: perSecond,
            msatPerSecond: 0
        });
    }

    function cid(uint256 index) internal pure returns (string memory) {
        return string.concat("content ", vm.toString(index));
    }

    function balanceOf(address token, address account) internal view returns (uint256) {
        return token == ETHER ? account.balance : MintableToken(token).balanceOf(account);
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev As `assertEq`, which is a call of its own.
    function same(uint256 actual, uint256 expected, string memory what) internal pure {
        if (actual != expected) assertEq(actual, expected, what);
    }

    function domainOf(string memory name, address verifier) internal view returns (bytes32) {
        bytes32 typeHash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typeHash, keccak256(bytes(name)), keccak256("1"), block.chainid, verifier));
    }

    function typedDigest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
