//! Live media: WebRTC in from publishers, out to viewers, never transcoded.
//!
//! ```text
//! datagram -> routes -> peer (ICE, DTLS, SRTP) -> track (numbers, cache) -> forwarder (gate, meter) -> peer -> datagram
//! ```
//!
//! Each media thread runs one loop over one UDP socket on the sans-IO core of webrtc-rs (docs/adr/0002-own-loop-on-rtc.md). The
//! session tells a [`Viewer`] how much may be watched, and the thread itself stops there. Money never enters here, nor does
//! signalling: an SDP offer comes in as text and its answer goes out as text.

mod board;
mod cache;
mod codec;
mod connection;
mod driver;
mod engine;
mod error;
mod forward;
mod mailbox;
mod meter;
mod numbering;
mod offer;
mod packet;
mod peer;
mod resource;
mod routes;
mod socket;
mod stream;
mod stun;
mod track;
mod viewer;
pub(crate) mod vp8;
mod watching;

pub use board::StreamStatus;
pub use codec::Codec;
pub use engine::{Accepted, Engine, MediaConfig};
pub use error::MediaError;
pub use resource::{InvalidResourceId, ResourceId};
pub use viewer::Viewer;
