//! Where Kafka and the schema registry are, and how this service uses them.

use std::time::Duration;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::application::ports::Generation;
use crate::settings::duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaSettings {
    pub bootstrap_servers: String,
    /// Put before every topic's name.
    pub topic_prefix: String,
    /// The beginning of every consumer group's name; the index follows.
    pub group_id: String,
    pub group_protocol: GroupProtocol,
    /// Of the topics that `setup` creates.
    pub replication_factor: i32,
    pub partitions: i32,
    #[serde(with = "duration")]
    pub session_timeout: Duration,
    /// A projector that has not asked for records for so long is taken for dead.
    #[serde(with = "duration")]
    pub max_poll_interval: Duration,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    pub security_protocol: String,
    pub sasl_mechanism: Option<String>,
    pub sasl_username: Option<String>,
    pub sasl_password: Option<SecretString>,
    pub ssl_ca_location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// With cooperative-sticky assignment.
    Classic,
    /// KIP-848.
    Consumer,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            bootstrap_servers: "localhost:9092".to_owned(),
            topic_prefix: String::new(),
            group_id: "query-service.projector".to_owned(),
            group_protocol: GroupProtocol::Classic,
            replication_factor: 1,
            partitions: 12,
            session_timeout: Duration::from_secs(10),
            max_poll_interval: Duration::from_secs(60),
            security_protocol: "plaintext".to_owned(),
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            ssl_ca_location: None,
        }
    }
}

impl KafkaSettings {
    /// A topic's name in the cluster.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The consumer group that feeds a generation; every projector of it belongs to this.
    pub fn group(&self, generation: Generation) -> String {
        format!("{}.{generation}", self.group_id)
    }

    /// What every client of the cluster needs.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", "query-service")
            .set("security.protocol", &self.security_protocol)
            .set("reconnect.backoff.max.ms", "1000")
            // New topics are found within this.
            .set("topic.metadata.refresh.interval.ms", "5000");
        let optional = [
            ("sasl.mechanism", self.sasl_mechanism.as_deref()),
            ("sasl.username", self.sasl_username.as_deref()),
            (
                "sasl.password",
                self.sasl_password.as_ref().map(ExposeSecret::expose_secret),
            ),
            ("ssl.ca.location", self.ssl_ca_location.as_deref()),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                config.set(key, value);
            }
        }
        config
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaRegistrySettings {
    /// Of the Confluent-compatible API.
    pub url: String,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    #[serde(with = "duration")]
    pub request_timeout: Duration,
}

impl Default for SchemaRegistrySettings {
    fn default() -> Self {
        Self {
            url: "http://localhost:8085/apis/ccompat/v7".to_owned(),
            username: None,
            password: None,
            request_timeout: Duration::from_secs(5),
        }
    }
}
