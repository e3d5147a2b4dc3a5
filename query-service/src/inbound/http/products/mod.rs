//! The queries about products, one file for each.

pub mod get_product;
pub mod list_products;
pub mod views;
