pub mod client;
pub mod documents;
pub mod generations;
pub mod indices;
mod mappings;
pub mod naming;
pub mod reading;
mod rebuilding;
mod refreshing;
mod request;
pub mod setup;

pub use client::{ElasticsearchSettings, connect};
pub use documents::ElasticsearchDocuments;
pub use generations::ElasticsearchGenerations;
pub use naming::Naming;
pub use reading::ElasticsearchReader;
