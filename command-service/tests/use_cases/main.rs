//! Every command through the whole bus, over the store in memory.

#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

#[macro_use]
mod stores;

mod codec;
mod conflicts;
mod customers;
mod failures;
mod orders;
mod products;
mod records;
mod service;
