// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { EarningsSplitter } from "../../src/EarningsSplitter.sol";
import { SignedActions } from "../../src/SignedActions.sol";
import { StreamRegistry } from "../../src/StreamRegistry.sol";
import { Authorization, Permit } from "../../src/types/Payment.sol";
import { ETHER, Terms } from "../../src/types/Terms.sol";
import { UsdLikeToken } from "../tokens/UsdLikeToken.sol";
import { Test } from "forge-std/Test.sol";

/// @notice The contracts, and people who have used them before, for transactions that are measured as a whole.
///
/// It shares nothing with the fixtures of other tests: an address that moves has other zero bytes, and every figure with
/// it. What is measured is the call before `vm.snapshotGasLastCall`, so the arguments are made before that call.
abstract contract GasFixture is Test {
    uint256 internal constant NOW = 1_800_000_000;
    uint256 internal constant DEADLINE = NOW + 1 hours;

    string internal constant CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    string internal constant NAME = "Big Buck Bunny (4K, 60 fps)";
    string internal constant METADATA_URI = "ipfs://bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y";
    string internal constant URL = "https://eu-1.streams.provider.example";

    uint96 internal constant ETHER_PER_VIEW = 0.000_412 ether;
    uint96 internal constant USD_PER_VIEW = 1_250_000;

    StreamRegistry internal registry;
    EarningsSplitter internal splitter;
    UsdLikeToken internal usd;

    address internal creator;
    uint256 internal creatorKey;
    address internal provider;
    uint256 internal providerKey;
    address internal viewer;
    uint256 internal viewerKey;
    address internal payout = makeAddr("payout");
    address internal relayer = makeAddr("relayer");

    function setUp() public virtual {
        vm.warp(NOW);
        registry = new StreamRegistry();
        splitter = new EarningsSplitter(registry);
        usd = new UsdLikeToken();
        (creator, creatorKey) = makeAddrAndKey("creator");
        (provider, providerKey) = makeAddrAndKey("provider");
        (viewer, viewerKey) = makeAddrAndKey("viewer");
        settleIn(creator);
        settleIn(provider);
        settleIn(viewer);
        settleIn(payout);
        settleIn(relayer);
        usd.mint(address(splitter), 1_000_000_000);
        Permit memory earlier = permitted(relayer, 1);
        usd.permit(viewer, relayer, earlier.value, earlier.deadline, earlier.v, earlier.r, earlier.s);
    }

    /// @dev The account exists, holds ether and the token, and has signed for both contracts and the token before.
    function settleIn(address account) internal {
        vm.deal(account, 10 ether);
        usd.mint(account, 1_000_000_000);
        invalidateNonce(splitter, account);
        invalidateNonce(registry, account);
    }

    function invalidateNonce(SignedActions where, address account) internal {
        vm.prank(account);
        where.invalidateNonce();
    }

    function etherTerms() internal view returns (Terms memory) {
        return Terms({
            token: ETHER,
            payout: payout,
            creatorShareBps: 7000,
            pricePerView: ETHER_PER_VIEW,
            pricePerSecond: 114_300_000_000,
            msatPerSecond: 350
        });
    }

    function usdTerms() internal view returns (Terms memory) {
        return Terms({
            token: address(usd),
            payout: payout,
            creatorShareBps: 7000,
            pricePerView: USD_PER_VIEW,
            pricePerSecond: 347,
            msatPerSecond: 350
        });
    }

    /// @dev An active content that `provider` streams.
    function offer(string memory cid, Terms memory terms) internal returns (bytes32 contentId) {
        vm.prank(creator);
        contentId = registry.registerContent(cid, NAME, METADATA_URI, terms);
        vm.prank(provider);
        registry.registerStream(contentId, URL);
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory signature) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The viewer's permission for `spender` to take `value` (EIP-2612).
    function permitted(address spender, uint256 value) internal view returns (Permit memory) {
        bytes32 structHash =
            keccak256(abi.encode(usd.PERMIT_TYPEHASH(), viewer, spender, value, usd.nonces(viewer), DEADLINE));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(viewerKey, typedDigest(usd.DOMAIN_SEPARATOR(), structHash));
        return Permit(value, DEADLINE, v, r, s);
    }

    /// @dev The viewer's transfer to the splitter (EIP-3009).
    function authorized(uint256 value, bytes32 nonce) internal view returns (Authorization memory) {
        bytes32 structHash = keccak256(
            abi.encode(usd.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), viewer, address(splitter), value, 0, DEADLINE, nonce)
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(viewerKey, typedDigest(usd.DOMAIN_SEPARATOR(), structHash));
        return Authorization(0, DEADLINE, v, r, s);
    }

    /// @dev What is signed for one of the two contracts (EIP-712).
    function typedDigest(SignedActions verifier, bytes32 structHash) internal view returns (bytes32) {
        (, string memory name, string memory version, uint256 chainId, address verifying,,) = verifier.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifying
            )
        );
        return typedDigest(domain, structHash);
    }

    function typedDigest(bytes32 domain, bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
