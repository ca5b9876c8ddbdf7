//! One block and its CID: which CIDs can be checked, and the check itself.

use bytes::Bytes;
use cid::Cid;
use multihash_codetable::{Code as Hash, MultihashDigest};

use super::error::{Result, StoreError};

/// The multicodec of raw bytes.
pub const RAW: u64 = 0x55;
/// The multicodec of dag-pb.
pub const DAG_PB: u64 = 0x70;
/// The multihash code of SHA2-256.
const SHA2_256: u64 = 0x12;
/// The multihash code of bytes that stand in the CID itself.
const IDENTITY: u64 = 0x00;
/// The largest block, as in Bitswap and in Kubo.
pub const MAX_BLOCK: usize = 2 * 1024 * 1024;
/// The most bytes that a CID may hold itself. More would not fit in a `Cid` either.
const MAX_INLINE: usize = 64;

/// The CID of bytes as one raw block: version 1, SHA2-256.
#[must_use]
pub fn cid_of(bytes: &[u8]) -> Cid {
    Cid::new_v1(RAW, Hash::Sha2_256.digest(bytes))
}

/// How the block behind a CID is come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the CID itself.
    Inline(Bytes),
    /// Under the name of its digest.
    Stored,
}

/// Where the block of a CID stands.
///
/// # Errors
/// `Unsupported` for another hash than SHA2-256, or an identity CID over its bound: they cannot be checked.
pub(super) fn place(cid: &Cid) -> Result<Place> {
    let unsupported = |why| StoreError::Unsupported { cid: *cid, why };
    let digest = cid.hash().digest();
    match cid.hash().code() {
        SHA2_256 if digest.len() == 32 => Ok(Place::Stored),
        SHA2_256 => Err(unsupported("its SHA2-256 digest is cut short")),
        IDENTITY if digest.len() <= MAX_INLINE => Ok(Place::Inline(Bytes::copy_from_slice(digest))),
        IDENTITY => Err(unsupported("it holds more bytes itself than a CID may")),
        _ => Err(unsupported("only SHA2-256 is checked here")),
    }
}

/// Whether bytes are those of a CID.
///
/// # Errors
/// `Unsupported` for CIDs that cannot be checked.
pub fn matches(cid: &Cid, bytes: &[u8]) -> Result<bool> {
    Ok(match place(cid)? {
        Place::Inline(inline) => inline == bytes,
        Place::Stored => Hash::Sha2_256.digest(bytes).digest() == cid.hash().digest(),
    })
}

/// Checks bytes that came from elsewhere as the block of a CID.
///
/// # Errors
/// `Unsupported`, `TooLarge`, `Mismatched`.
pub fn check(cid: &Cid, bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_BLOCK {
        return Err(StoreError::TooLarge {
            cid: *cid,
            limit: MAX_BLOCK,
        });
    }
    if matches(cid, bytes)? {
        Ok(())
    } else {
        Err(StoreError::Mismatched { cid: *cid })
    }
}

#[cfg(test)]
mod tests {
    use cid::multihash::Multihash;

    use super::*;

    #[test]
    fn bytes_match_their_cid_in_each_version_and_codec() {
        let hash = Hash::Sha2_256.digest(b"hello");
        for cid in [
            cid_of(b"hello"),
            Cid::new_v1(DAG_PB, hash),
            Cid::new_v0(hash).unwrap(),
        ] {
            assert!(check(&cid, b"hello").is_ok());
            assert!(matches!(
                check(&cid, b"hullo"),
                Err(StoreError::Mismatched { .. })
            ));
        }
    }

    #[test]
    fn a_short_identity_cid_holds_its_block_itself() {
        let cid = Cid::new_v1(RAW, Multihash::wrap(IDENTITY, b"hi").unwrap());
        assert_eq!(
            place(&cid).unwrap(),
            Place::Inline(Bytes::from_static(b"hi"))
        );
        assert!(check(&cid, b"hi").is_ok());
        assert!(check(&cid, b"ho").is_err());
    }

    #[test]
    fn hashes_that_cannot_be_checked_are_refused() {
        for hash in [
            Multihash::wrap(0x1b, &[0; 32]).unwrap(),
            Multihash::wrap(0x11, &[0; 20]).unwrap(),
            Multihash::wrap(SHA2_256, &[0; 20]).unwrap(),
        ] {
            let cid = Cid::new_v1(RAW, hash);
            assert!(matches!(
                check(&cid, b""),
                Err(StoreError::Unsupported { .. })
            ));
        }
    }

    #[test]
    fn a_block_over_the_bound_is_refused_before_it_is_hashed() {
        let bytes = vec![0; MAX_BLOCK + 1];
        assert!(matches!(
            check(&cid_of(&bytes), &bytes),
            Err(StoreError::TooLarge { .. })
        ));
    }
}
