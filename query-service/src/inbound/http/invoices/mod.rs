//! The queries about invoices, one file for each.

pub mod get_invoice;
pub mod list_invoices;
pub mod views;
