//! Every command through the whole bus, over the store in memory.

#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

#[macro_use]
mod stores;

mod authorisation;
mod codec;
mod conflicts;
mod customers;
mod deferral;
mod failures;
mod fulfilment;
mod idempotency;
mod invoices;
mod orders;
mod policies;
mod preconditions;
mod products;
mod records;
mod service;
mod snapshots;
mod snapshotting;
mod spans;
mod stored;
mod told;
mod values;
