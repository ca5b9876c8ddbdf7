//! Stored video: what its bytes are worth in media time.
//!
//! Deliberately absent: where the bytes come from (`store`), how they are prepared, and who may read them.

pub mod timeline;

pub use timeline::{Timeline, TimelineError};
