//! How a command's headers say that it is to be run, and who may send it; on the in-memory event store.
#![allow(clippy::expect_used, reason = "tests")]

#[path = "../api_support/mod.rs"]
mod api_support;
mod authentication;
mod idempotency;
mod later;
mod steps;
mod tokens;
mod versions;
