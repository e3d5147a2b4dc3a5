//! The queries about deliveries, one file for each.

pub mod get_delivery;
pub mod list_deliveries;
pub mod views;
