//! The REST API: each endpoint has a file of its own in [`orders`] and [`operations`].

pub mod api_document;
mod consistency;
mod observed;
pub mod operations;
pub mod orders;
mod parameters;
pub mod problem;
pub mod query_api;
mod routes;
pub mod server;
