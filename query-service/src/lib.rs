//! Folds events into Elasticsearch documents and answers listings, searches and details from them.

pub mod application;
pub mod bootstrap;
pub mod cli;
pub mod failpoints;
pub mod inbound;
pub mod outbound;
pub mod settings;
pub mod telemetry;
