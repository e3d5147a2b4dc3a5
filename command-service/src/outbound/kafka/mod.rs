//! Publishing to Kafka, and the schemas' ids from the registry.

mod admin;
mod delivery;
mod publisher;
mod schemas;
mod settings;

pub use admin::{KafkaTopics, create_topics};
pub use publisher::KafkaPublisher;
pub use schemas::SchemaIds;
pub use settings::{Compression, KafkaSettings, SchemaRegistrySettings};
