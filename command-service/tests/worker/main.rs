//! The worker: simulated over the ports in memory, and on a real server; and the snapshots that its process takes.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod on_postgres;
mod script;
mod simulated;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod watching;
