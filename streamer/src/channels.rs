//! The book of channels: opening, funding, payments and ends.
//!
//! Each channel's changes happen one after the other, under its own lock: decide, journal, then publish the new record to whoever
//! watches it. What is published is always on disk.

mod book;
mod chain;
mod channel;
mod observe;
mod quote;
mod record;
mod retention;
mod view;

pub use book::{Book, OpenRequest, Paid, Rules};
pub use chain::{Chain, ChainView};
pub use channel::{Channel, SessionSlot};
pub use observe::{Action, Observation, is_watched, observe};
pub use quote::{BitcoinOffer, ProviderSide, Quote, quote};
pub use record::{Finished, Record, Stage};
pub use retention::{is_finished, may_be_forgotten};
pub use view::{ChannelView, FundingView};
