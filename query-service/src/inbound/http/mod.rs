//! The REST API: each endpoint has a file of its own, in a module for each read model and in [`operations`].

pub mod admission;
pub mod api_document;
mod api_parts;
mod connections;
pub mod consistency;
pub mod customers;
pub mod deliveries;
mod etag;
pub mod invoices;
mod observed;
pub mod operations;
pub mod orders;
pub mod parameters;
pub mod problem;
pub mod products;
pub mod query_api;
mod routes;
pub mod sales;
pub mod server;
mod views;
