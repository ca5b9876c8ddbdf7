//! The indexer against the real thing: PostgreSQL, Redis and anvil, each started by the tests and ended with them.
//!
//! The binaries come from `PG_BIN`, `REDIS_SERVER` and `ANVIL`, or from where Debian and npm put them. One that is missing
//! fails the tests.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets a surprise should panic"
)]

mod anvil;
mod api;
mod contracts;
mod crash;
mod heartbeats;
mod hostile;
mod indexer;
mod loss;
mod openapi;
mod postgres;
mod process;
mod redis;
mod reorganisation;
mod store;
mod tls;
mod wait;
