//! The relay: simulated over the ports in memory, and on real servers.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod failing_brokers;
mod measured;
mod privileges;
mod publishing;
mod sharing;
mod simulated;
#[path = "../support/mod.rs"]
mod support;
mod waking;
