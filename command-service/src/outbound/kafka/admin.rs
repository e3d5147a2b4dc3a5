//! The service's own topics.

use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use shared_events::AggregateType;

use super::KafkaSettings;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Creates the topics of the events, which keep everything, where they are not there yet. Those that are there stay
/// as they are.
pub async fn create_topics(settings: &KafkaSettings) -> anyhow::Result<()> {
    let servers = settings
        .bootstrap_servers
        .as_deref()
        .context("Kafka's bootstrap servers are not set")?;
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .context("Kafka's client")?;
    let names: Vec<String> = AggregateType::ALL
        .iter()
        .map(|aggregate| format!("{}{}", settings.topic_prefix, aggregate.topic()))
        .collect();
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            NewTopic::new(
                name,
                settings.partitions,
                TopicReplication::Fixed(settings.replication_factor),
            )
            .set("cleanup.policy", "delete")
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
        })
        .collect();
    let options = AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT));
    let results = admin.create_topics(&topics, &options).await;
    // To drop a client blocks.
    tokio::task::spawn_blocking(move || drop(admin)).await?;
    for result in results.context("Kafka does not create topics")? {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => bail!("Kafka does not create the topic {topic}: {error}"),
        }
    }
    Ok(())
}
