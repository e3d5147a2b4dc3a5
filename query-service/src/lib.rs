//! Folds events into Elasticsearch documents and answers listings, searches and details from them.

pub mod application;
pub mod inbound;
pub mod outbound;
