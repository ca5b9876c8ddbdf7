//! `paystream-deploy`, `paystream-distribute`, and the contracts, against a real Ethereum node: anvil, started by each test and ended with it.
//!
//! anvil comes from `ANVIL`, or from where npm puts it. One that is missing fails the tests.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets a surprise should panic"
)]

mod anvil;
mod deploy;
mod distribute;
mod ethstorage;
mod interrupted;
mod model;
mod refused;
mod run;
mod token;
