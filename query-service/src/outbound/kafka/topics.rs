//! The topics that the query service owns.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use shared_events::topic::{CHANGES, DEAD_LETTERS, REPAIR_REQUESTS};

use super::settings::KafkaSettings;

/// What a record may have here; more than in the topics of events, so that one of theirs fits with its cause.
pub const DEAD_LETTER_MAX_BYTES: &str = "4194304";

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the brokers cannot be asked to create topics")]
    Unreachable(#[source] KafkaError),
    #[error("the brokers refuse to create the topic {topic}: {code}")]
    Refused { topic: String, code: RDKafkaErrorCode },
}

/// Creates the topics that are not there yet. Safe to run by several at once, and again.
pub async fn create(settings: &KafkaSettings) -> Result<(), SetupError> {
    let admin: AdminClient<DefaultClientContext> = settings
        .client_config()
        .create()
        .map_err(SetupError::Unreachable)?;
    let names = [
        settings.topic(CHANGES),
        settings.topic(DEAD_LETTERS),
        settings.topic(REPAIR_REQUESTS),
    ];
    let topic = |name| {
        NewTopic::new(
            name,
            settings.partitions,
            TopicReplication::Fixed(settings.replication_factor),
        )
        .set("cleanup.policy", "delete")
    };
    let topics = [
        // Caches and pushes live on it; who was away longer asks the store.
        topic(&names[0]).set("retention.ms", "86400000"),
        topic(&names[1])
            .set("retention.ms", "-1")
            .set("max.message.bytes", DEAD_LETTER_MAX_BYTES),
        topic(&names[2]).set("retention.ms", "86400000"),
    ];
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let results = admin
        .create_topics(&topics, &options)
        .await
        .map_err(SetupError::Unreachable)?;
    for result in results {
        match result {
            Ok(topic) => tracing::info!(topic, "topic created"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(SetupError::Refused { topic, code }),
        }
    }
    Ok(())
}
