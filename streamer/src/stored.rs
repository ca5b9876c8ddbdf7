//! Stored video: what its bytes are worth in media time, which blocks it has, and how they are framed.
//!
//! Deliberately absent: where the blocks come from (`store`), how videos are prepared, and who may read them (`http::ipfs`).

pub mod car;
mod debt;
mod film;
mod kept;
mod members;
pub mod timeline;

pub use debt::Debt;
pub use film::{Film, Films, Index};
pub use members::MEMBERS;
pub use timeline::{Timeline, TimelineError};
