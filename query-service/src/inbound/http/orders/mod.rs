//! The queries about orders, one file for each.

pub mod changes;
pub mod get_order;
pub mod list_orders;
pub mod order_history;
pub mod search_orders;
pub mod views;
