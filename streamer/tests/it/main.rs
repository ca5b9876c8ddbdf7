//! The streamer's binary against a real Bitcoin Core, a real Ethereum node and a viewer of its own.

#![allow(clippy::unwrap_used)] // The lint knows test functions, and not the stack that they stand on.

mod announce;
mod announcements;
mod bought;
mod crash;
mod crowd;
mod esplora;
mod foreign;
mod gate;
mod gateway;
mod host_api;
mod loss;
mod media;
mod money;
mod passes;
mod pinned;
mod play;
mod preparation;
mod refusals;
mod relay;
mod retention;
mod sign_in;
mod stack;
mod store;
mod stored;
mod uploads;
mod web3;
