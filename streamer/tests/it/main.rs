//! The streamer's binary against a real Bitcoin Core, a real Ethereum node and a viewer of its own.

mod crash;
mod media;
mod money;
mod refusals;
mod stack;
