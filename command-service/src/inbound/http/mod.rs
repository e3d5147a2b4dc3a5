//! The REST API: each endpoint has a file of its own in [`commands`] and [`operations`].

pub mod admission;
pub mod api_document;
pub mod authentication;
pub mod body;
pub mod command_api;
mod command_request;
pub mod commands;
mod connections;
mod observed;
pub mod operations;
pub mod problem;
mod refusals;
mod request_context;
mod request_hash;
pub mod request_headers;
mod routes;
pub mod server;
mod values;
