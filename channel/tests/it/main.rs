//! The channel from outside: its rules as properties, its vectors, Bitcoin Core's consensus code, and a real node.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod acceptance;
mod consensus;
mod fixture;
mod node;
mod properties;
mod terms;
mod vectors;
