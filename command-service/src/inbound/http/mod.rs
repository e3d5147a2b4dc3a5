//! The REST API: each endpoint has a file of its own in [`commands`] and [`operations`].

pub mod api_document;
mod body;
pub mod command_api;
pub mod commands;
mod observed;
pub mod operations;
pub mod problem;
mod refusals;
mod request_context;
mod routes;
pub mod server;
mod values;
