pub mod client;
pub mod indices;

pub use client::{ElasticsearchSettings, connect};
