//! Data in blobs: how bytes become field elements, and what a transaction carries beside them.
//!
//! The encoding is the OP Stack's, version 0 (its specification's section "Blob encoding"), which is what EthStorage's nodes decode: a version byte,
//! the length in three bytes, the data, zeros; and of each 127 bytes, 31 whole ones in each of four field elements, and three
//! whose bits stand in the four first bytes, six in each, so that an element never exceeds the field.
//! Commitments are EIP-4844's, proofs EIP-7594's (cells), which every node has asked for since the Fusaka upgrade.

use alloy::eips::eip4844::{BYTES_PER_BLOB, Blob, Bytes48, kzg_to_versioned_hash};
use alloy::eips::eip7594::BlobTransactionSidecarEip7594;
use alloy::primitives::B256;

use super::EthStorageError;

/// Bytes of data that a blob holds.
pub const BLOB_CHUNK_SIZE: usize = ROUND * 1024 - HEADER;
/// The most blobs that one transaction carries (EIP-7594).
pub(super) const MAX_BLOBS: usize = 6;
/// Version and length.
const HEADER: usize = 4;
/// Bytes in four field elements.
const ROUND: usize = 4 * 31 + 3;

/// The blob that holds `data`; nothing when it is longer than [`BLOB_CHUNK_SIZE`].
#[must_use]
pub fn encode(data: &[u8]) -> Option<Blob> {
    if data.len() > BLOB_CHUNK_SIZE {
        return None;
    }
    let length = u32::try_from(data.len()).ok()?.to_be_bytes();
    let mut stream = vec![0; BLOB_CHUNK_SIZE + HEADER];
    stream[1..HEADER].copy_from_slice(&length[1..]);
    stream[HEADER..HEADER + data.len()].copy_from_slice(data);
    let mut blob = vec![0; BYTES_PER_BLOB];
    for (bytes, elements) in stream.chunks_exact(ROUND).zip(blob.chunks_exact_mut(128)) {
        let (x, y, z) = (bytes[31], bytes[63], bytes[95]);
        elements[0] = x & 0x3f;
        elements[32] = (y & 0x0f) | ((x & 0xc0) >> 2);
        elements[64] = z & 0x3f;
        elements[96] = ((z & 0xc0) >> 2) | ((y & 0xf0) >> 4);
        for element in 0..4 {
            let whole = &bytes[element * 32..element * 32 + 31];
            elements[element * 32 + 1..element * 32 + 32].copy_from_slice(whole);
        }
    }
    Some(Blob::from_slice(&blob))
}

/// The data of a blob; nothing when it is not one of [`encode`]'s.
#[must_use]
pub fn decode(blob: &Blob) -> Option<Vec<u8>> {
    let mut stream = vec![0; BLOB_CHUNK_SIZE + HEADER];
    for (bytes, elements) in stream.chunks_exact_mut(ROUND).zip(blob.chunks_exact(128)) {
        let [a, b, c, d] = [elements[0], elements[32], elements[64], elements[96]];
        if (a | b | c | d) & 0xc0 != 0 {
            return None;
        }
        for element in 0..4 {
            let whole = &elements[element * 32 + 1..element * 32 + 32];
            bytes[element * 32..element * 32 + 31].copy_from_slice(whole);
        }
        bytes[31] = a | ((b & 0x30) << 2);
        bytes[63] = (b & 0x0f) | ((d & 0x0f) << 4);
        bytes[95] = c | ((d & 0x30) << 2);
    }
    let [version, a, b, c] = *stream.first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    let data = stream.get(HEADER..HEADER + length)?.to_vec();
    (version == 0 && stream[HEADER + length..].iter().all(|byte| *byte == 0)).then_some(data)
}

/// The versioned hash of a blob (EIP-4844).
pub(super) fn versioned_hash(blob: &Blob) -> Result<B256, EthStorageError> {
    Ok(kzg_to_versioned_hash(&commitment(blob)?[..]))
}

/// What a transaction carries with these blobs. Takes a large part of a second for each.
pub(super) fn sidecar(blobs: Vec<Blob>) -> Result<BlobTransactionSidecarEip7594, EthStorageError> {
    let mut commitments = Vec::with_capacity(blobs.len());
    let mut cell_proofs = Vec::new();
    for blob in &blobs {
        commitments.push(commitment(blob)?);
        let settings = c_kzg::ethereum_kzg_settings(0);
        let (_, proofs) = settings.compute_cells_and_kzg_proofs(&kzg(blob))?;
        let proofs = proofs.iter().map(|proof| *proof.to_bytes());
        cell_proofs.extend(proofs.map(Bytes48::from));
    }
    Ok(BlobTransactionSidecarEip7594::new(
        blobs,
        commitments,
        cell_proofs,
    ))
}

fn commitment(blob: &Blob) -> Result<Bytes48, EthStorageError> {
    let commitment = c_kzg::ethereum_kzg_settings(0).blob_to_kzg_commitment(&kzg(blob))?;
    Ok(Bytes48::from(*commitment.to_bytes()))
}

fn kzg(blob: &Blob) -> c_kzg::Blob {
    c_kzg::Blob::new(blob.0)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{b256, keccak256};
    use proptest::prelude::*;

    use super::*;

    /// Of ethstorage-sdk 4.2.4's `encodeOpBlob`: bytes of data, and the Keccak-256 of its blob.
    const VECTORS: [(usize, B256); 8] = [
        (
            1,
            b256!("b483d81823a9af77e736917eb1a4e8696a6ad306b5de0e65426279d5e4a3db25"),
        ),
        (
            27,
            b256!("e7db67f0d84f26d6bfc4703bfab239d8734dbae93d1a36307d2f8de1b82ecf86"),
        ),
        (
            28,
            b256!("9f66c2342d6a406cc90fdd8be7f9d9628a617520e25062b094ef270fc27e7311"),
        ),
        (
            127,
            b256!("05d71c7952ba922796a2720f6bac266b117d747dc1f8fcfd302a104fd5237ded"),
        ),
        (
            128,
            b256!("67aa18f97bd040fd20ba5290d536ca776c074a93f78ae6d4b24fbc17a9ddf44f"),
        ),
        (
            5_000,
            b256!("bea93302475ee24ba30d636cafd768ad1d4a5baaf6a91e121c9c558b9b0b7c56"),
        ),
        (
            130_043,
            b256!("548f7123326d71615a219a048e5b0a3dcec9bd779d41882185ee32518a110800"),
        ),
        (
            130_044,
            b256!("664b81c51d021014cb66feb42bb39d7b0881c2d31a325bf8a62381c6317dceeb"),
        ),
    ];

    fn data(size: usize) -> Vec<u8> {
        (0..size)
            .map(|index| (index * 7 + index / 251) as u8)
            .collect()
    }

    #[test]
    fn blobs_are_those_of_ethstorages_own_tools() {
        for (size, expected) in VECTORS {
            let blob = encode(&data(size)).unwrap();
            assert_eq!(keccak256(blob), expected, "{size} bytes");
        }
        assert!(encode(&data(BLOB_CHUNK_SIZE + 1)).is_none());
    }

    #[test]
    fn the_blob_of_zeros_has_the_hash_that_everybody_knows() {
        let hash = versioned_hash(&Blob::ZERO).unwrap();
        assert_eq!(
            hash,
            b256!("010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014")
        );
    }

    #[test]
    fn a_blob_of_somebody_elses_is_not_decoded() {
        let blob = encode(b"data").unwrap();
        for (index, byte) in [(0, 0x40), (1, 1), (4, 0xff), (131_071, 1)] {
            let mut other = blob;
            other[index] |= byte;
            assert!(decode(&other).is_none_or(|data| data != b"data"), "{index}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_encoded_is_decoded(data in proptest::collection::vec(any::<u8>(), 0..=BLOB_CHUNK_SIZE)) {
            prop_assert_eq!(decode(&encode(&data).unwrap()).unwrap(), data);
        }
    }
}
