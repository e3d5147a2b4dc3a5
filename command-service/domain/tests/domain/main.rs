//! What the aggregates and their values promise.

#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod customer;
mod invoice;
mod invoice_properties;
mod order;
mod order_histories;
mod order_properties;
mod order_transitions;
mod product;
mod told;
mod values;
