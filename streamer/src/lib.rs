//! The Paystream streamer: takes live streams in by WHIP and sends them out by WHEP, takes videos and sends them out block by block
//! in the shape of an IPFS gateway, and is paid for both by the second over Bitcoin payment channels.
//!
//! Money walks one way: viewer -> payment -> verify -> journal -> meter -> gate. The pure parts ([`meter`],
//! [`stored::timeline`], [`store::dag`], [`channels::observe`], [`channels::quote`]) decide; the shells around them act. `docs/protocol.md` is what they speak.

pub mod announce;
pub mod announcements;
pub mod app;
pub mod bitcoin;
pub mod channels;
pub mod config;
pub mod error;
pub mod ethereum;
pub mod http;
pub mod journal;
pub mod keys;
pub mod library;
pub mod media;
pub mod meter;
pub mod operator_token;
pub mod passes;
mod peer;
pub mod play;
pub mod prepare;
pub mod publish;
pub mod relay;
pub mod session;
pub mod sign_in;
pub mod store;
pub mod stored;
pub mod upload;
pub mod watcher;
pub mod web3;
