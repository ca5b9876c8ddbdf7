// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../src/EarningsSplitter.sol";
import { StreamRegistry } from "../src/StreamRegistry.sol";
import { Channel, ChannelState, Deal, Settlement, SettlementBatch } from "../src/types/Channel.sol";
import { Authorization, Permit } from "../src/types/Payment.sol";
import { ETHER, Terms } from "../src/types/Terms.sol";
import { NoReturnToken } from "./tokens/NoReturnToken.sol";
import { UsdLikeToken } from "./tokens/UsdLikeToken.sol";
import { Test } from "forge-std/Test.sol";

/// @notice Both contracts and a token, deployed, and the people who use them. What people sign is computed here from the
/// standards, not asked of the contracts.
abstract contract Fixture is Test {
    string internal constant CID = "bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y";
    string internal constant URL = "https://stream.example";

    /// @dev The id of a content that nobody registered.
    bytes32 internal constant UNKNOWN = keccak256("unknown");

    address internal immutable creator = makeAddr("creator");
    address internal immutable payout = makeAddr("payout");
    address internal immutable provider = makeAddr("provider");
    address internal immutable viewer = makeAddr("viewer");
    address internal immutable stranger = makeAddr("stranger");

    /// @dev Signs the vouchers of the viewer's channels.
    address internal immutable session = makeAddr("session");

    /// @dev As `makeAddr` makes them.
    uint256 internal immutable viewerKey = uint256(keccak256("viewer"));
    uint256 internal immutable strangerKey = uint256(keccak256("stranger"));
    uint256 internal immutable sessionKey = uint256(keccak256("session"));

    StreamRegistry internal registry;
    EarningsSplitter internal splitter;
    UsdLikeToken internal usd;

    function setUp() public virtual {
        registry = new StreamRegistry();
        splitter = new EarningsSplitter(registry);
        usd = new UsdLikeToken();
    }

    // ------------------------------------------------------------------------------------------------- Contents

    /// @dev Terms in ether with every field different from zero.
    function terms(uint96 pricePerView, uint16 creatorShareBps) internal view returns (Terms memory) {
        return termsIn(ETHER, pricePerView, creatorShareBps);
    }

    function termsIn(address token, uint96 pricePerView, uint16 creatorShareBps) internal view returns (Terms memory) {
        return Terms({
            token: token,
            payout: payout,
            creatorShareBps: creatorShareBps,
            pricePerView: pricePerView,
            pricePerSecond: 7,
            msatPerSecond: 20_000
        });
    }

    function registerContent(Terms memory terms_) internal returns (bytes32 contentId) {
        vm.prank(creator);
        return registry.registerContent(CID, "A name", "ipfs://metadata", terms_);
    }

    function registerStream(bytes32 contentId, address provider_) internal {
        vm.prank(provider_);
        registry.registerStream(contentId, URL);
    }

    /// @dev An active content with one stream, by `provider`.
    function offer(Terms memory terms_) internal returns (bytes32 contentId) {
        contentId = registerContent(terms_);
        registerStream(contentId, provider);
    }

    // ---------------------------------------------------------------------------------------------------- Money

    /// @dev Gives an account money, and in a token lets the splitter take it.
    function fund(address token, address account, uint256 amount) internal {
        if (token == ETHER) {
            vm.deal(account, account.balance + amount);
            return;
        }
        // What this token answers is not looked at, so any will do.
        NoReturnToken(token).mint(account, amount);
        if (NoReturnToken(token).allowance(account, address(splitter)) != 0) return;
        vm.prank(account);
        NoReturnToken(token).approve(address(splitter), type(uint256).max);
    }

    function balanceIn(address token, address account) internal view returns (uint256) {
        return token == ETHER ? account.balance : NoReturnToken(token).balanceOf(account);
    }

    /// @dev What stands for "the allowance is there already".
    function noPermit() internal pure returns (Permit memory) { }

    /// @dev A permit over `value` of `usd` for the splitter, good for this second only.
    function permitOf(uint256 key, uint256 value) internal view returns (Permit memory) {
        address owner = vm.addr(key);
        bytes32 structHash = keccak256(
            abi.encode(
                usd.PERMIT_TYPEHASH(), owner, address(splitter), value, usd.nonces(owner), vm.getBlockTimestamp()
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, typedDigest(usd.DOMAIN_SEPARATOR(), structHash));
        return Permit(value, vm.getBlockTimestamp(), v, r, s);
    }

    /// @dev An authorisation of `value` of `usd` for the splitter.
    function authorizationOf(uint256 key, uint256 value, bytes32 nonce) internal view returns (Authorization memory) {
        uint256 validBefore = vm.getBlockTimestamp() + 1 hours;
        bytes32 structHash = keccak256(
            abi.encode(usd.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), vm.addr(key), splitter, value, 0, validBefore, nonce)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, typedDigest(usd.DOMAIN_SEPARATOR(), structHash));
        return Authorization(0, validBefore, v, r, s);
    }

    // -------------------------------------------------------------------------------------------------- Channels

    /// @dev The deal that a channel must carry while the content has these terms.
    function dealOf(bytes32 contentId, Terms memory terms_) internal view returns (Deal memory) {
        return Deal(contentId, provider, terms_.payout, terms_.token, terms_.creatorShareBps, terms_.pricePerSecond);
    }

    /// @dev A day's channel of the viewer, whose session key signs.
    function channelOf(bytes32 contentId, Terms memory terms_) internal view returns (Channel memory) {
        return Channel(dealOf(contentId, terms_), viewer, session, uint64(vm.getBlockTimestamp() + 1 days), 1);
    }

    /// @dev Opens the channel with money that the viewer is given for it.
    function openWith(Channel memory channel, uint256 deposit) internal returns (bytes32 channelId) {
        fund(channel.deal.token, viewer, deposit);
        vm.prank(viewer);
        return splitter.openChannel{ value: channel.deal.token == ETHER ? deposit : 0 }(channel, deposit);
    }

    /// @dev A content in this token with a creator's share of 90 %, and a channel for it, open.
    function openChannelIn(address token, uint256 deposit) internal returns (Channel memory channel) {
        Terms memory terms_ = termsIn(token, 1000, 9000);
        channel = channelOf(offer(terms_), terms_);
        openWith(channel, deposit);
    }

    function idOf(Channel memory channel) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(splitter), channel));
    }

    function stateOf(Channel memory channel) internal view returns (ChannelState memory) {
        return splitter.channelState(idOf(channel));
    }

    function assertState(Channel memory channel, uint256 deposit, uint256 settled, bool closed) internal view {
        ChannelState memory state = stateOf(channel);
        assertEq(state.deposit, deposit, "deposit");
        assertEq(state.settled, settled, "settled");
        assertEq(state.closed, closed, "closed");
    }

    /// @dev The session key's voucher.
    function voucher(Channel memory channel, uint256 cumulative) internal view returns (bytes memory) {
        return voucherBy(sessionKey, channel, cumulative);
    }

    function voucherBy(uint256 key, Channel memory channel, uint256 cumulative) internal view returns (bytes memory) {
        return sign(key, typedDigest(splitterDomain(), voucherHash(idOf(channel), cumulative)));
    }

    function voucherHash(bytes32 channelId, uint256 cumulative) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Voucher(bytes32 channelId,uint128 cumulative)"), channelId, cumulative));
    }

    function settlementOf(Channel memory channel, uint256 cumulative, bytes memory signature)
        internal
        pure
        returns (Settlement memory)
    {
        return Settlement(channel.payer, channel.signer, channel.expiry, channel.salt, uint128(cumulative), signature);
    }

    /// @dev The arguments that settle one channel.
    function onlyBatch(Channel memory channel, uint256 cumulative, bytes memory signature)
        internal
        pure
        returns (SettlementBatch[] memory batches)
    {
        batches = new SettlementBatch[](1);
        batches[0].deal = channel.deal;
        batches[0].settlements = new Settlement[](1);
        batches[0].settlements[0] = settlementOf(channel, cumulative, signature);
    }

    /// @dev Settles one channel by its session key's voucher.
    function settleTo(Channel memory channel, uint256 cumulative) internal {
        splitter.settle(onlyBatch(channel, cumulative, voucher(channel, cumulative)));
    }

    // ------------------------------------------------------------------------------------------------ Signatures

    /// @dev The splitter's EIP-712 domain separator.
    function splitterDomain() internal view returns (bytes32) {
        return domainOf(block.chainid, address(splitter));
    }

    function domainOf(uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Paystream Splitter"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
    }

    function typedDigest(bytes32 domain, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @dev 65 bytes: r, s, v.
    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function filled(uint256 length) internal pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            text[i] = "x";
        }
        return string(text);
    }
}
