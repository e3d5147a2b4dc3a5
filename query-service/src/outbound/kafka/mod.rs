pub mod changes;
pub mod dead_letters;
pub mod feeds;
pub mod groups;
pub mod producer;
pub mod schemas;
pub mod settings;
pub mod topics;

pub use changes::ChangeTopic;
pub use dead_letters::DeadLetterTopic;
pub use feeds::KafkaFeeds;
pub use producer::producer;
pub use schemas::SchemaLookups;
pub use settings::{GroupProtocol, KafkaSettings, SchemaRegistrySettings};
