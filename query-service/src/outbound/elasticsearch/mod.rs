pub mod client;
pub mod documents;
pub mod indices;
mod mappings;
pub mod orders;

pub use client::{ElasticsearchSettings, connect};
pub use documents::ElasticsearchDocuments;
