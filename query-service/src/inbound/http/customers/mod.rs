//! The queries about customers, one file for each.

pub mod get_customer;
pub mod list_customers;
pub mod views;
