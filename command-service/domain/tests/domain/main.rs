//! What the aggregates and their values promise.

#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod customer;
mod order;
mod order_histories;
mod order_properties;
mod product;
mod values;
