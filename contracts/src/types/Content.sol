// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import { Terms } from "./Terms.sol";

/// @notice One registered content.
/// @param creator The account that registered it; the only one that may change it.
/// @param active Whether it is offered now; false once it has been deregistered.
/// @param terms What the creator asks for it.
/// @param cid The CID of the video on IPFS or, for a live stream, of its announcement document.
/// @param name A title for people.
/// @param metadataURI Where more about it is found; may be empty.
struct Content {
    address creator;
    bool active;
    Terms terms;
    string cid;
    string name;
    string metadataURI;
}
