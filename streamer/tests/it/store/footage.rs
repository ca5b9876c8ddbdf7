//! Bytes that are easy to make and hard to compress: AES-128-CTR, key and counter 0, over zeros. Which is also
//! `openssl enc -aes-128-ctr -K 0..0 -iv 0..0 -nosalt`, and so their CIDs could be taken from other programs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use aes::Aes128;
use ctr::cipher::{KeyIvInit, StreamCipher};
use tokio::io::{AsyncRead, ReadBuf};

/// The CIDs that Kubo gives to 1,000,000 and to 209,715,200 of those bytes: version 1, raw leaves, 256 KiB, 174 links.
pub const VECTORS: [(u64, &str); 2] = [
    (
        1_000_000,
        "bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u",
    ),
    (
        209_715_200,
        "bafybeidwdirqwr7cltco3p7hzy64pg5n4gofyavlxj2zdqsd5w5sonmedy",
    ),
];

/// So many of those bytes, as a stream.
pub struct Footage {
    cipher: ctr::Ctr128BE<Aes128>,
    left: u64,
}

impl Footage {
    pub fn new(length: u64) -> Self {
        Self {
            cipher: ctr::Ctr128BE::<Aes128>::new(&[0; 16].into(), &[0; 16].into()),
            left: length,
        }
    }
}

/// So many of those bytes.
pub fn footage(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Footage::new(0).cipher.apply_keystream(&mut bytes);
    bytes
}

impl AsyncRead for Footage {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = (buffer.remaining() as u64).min(self.left);
        let bytes = buffer.initialize_unfilled_to(length as usize);
        bytes.fill(0);
        self.cipher.apply_keystream(bytes);
        self.left -= length;
        buffer.advance(length as usize);
        Poll::Ready(Ok(()))
    }
}
