pub mod client;
pub mod documents;
pub mod indices;
pub mod orders;

pub use client::{ElasticsearchSettings, connect};
pub use documents::ElasticsearchDocuments;
