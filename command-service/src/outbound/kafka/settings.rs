use std::time::Duration;

use serde::Deserialize;

use crate::settings::duration;

/// The section `kafka`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    /// `host:port`, more of them separated by commas. No default.
    pub bootstrap_servers: Option<String>,
    /// Put before every topic's name, and before the topic in a schema's subject.
    pub topic_prefix: String,
    /// Of the topics that `setup` creates.
    pub replication_factor: i32,
    /// Of the topics that `setup` creates. To change it later would move keys to other partitions and break their order.
    pub partitions: i32,
    pub compression: Compression,
    /// How long the producer collects records before it sends a batch that is not full.
    #[serde(with = "duration")]
    pub linger: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    None,
    Lz4,
    Zstd,
}

impl Compression {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            bootstrap_servers: None,
            topic_prefix: String::new(),
            replication_factor: 1,
            partitions: 12,
            compression: Compression::Lz4,
            linger: Duration::ZERO,
        }
    }
}

/// The section `schema_registry`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaRegistrySettings {
    /// Of its Confluent-compatible API. No default.
    pub url: Option<String>,
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Default for SchemaRegistrySettings {
    fn default() -> Self {
        Self {
            url: None,
            timeout: Duration::from_secs(5),
        }
    }
}
