//! Sessions: one socket each, which pays for media that travels beside it.

mod live;
mod message;
mod reading;
mod registry;
mod socket;
mod token_bucket;

pub use message::{ClientMessage, EndReason, ServerMessage, WarningCode};
pub use reading::{Ended, Reading, Response};
pub use registry::{MediaGrant, Place, SessionControl, Sessions};
pub use socket::{MAX_MESSAGE, serve};
