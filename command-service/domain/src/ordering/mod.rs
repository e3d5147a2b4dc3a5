//! Ordering: who orders, what is on offer, and the orders.

pub mod customer;
pub mod order;
pub mod product;
pub mod told;
