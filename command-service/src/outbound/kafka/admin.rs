//! The service's own topics.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaErrorCode;
use shared_events::AggregateType;

use super::KafkaSettings;
use crate::application::ports::EventTopics;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Of what is only asked to see whether another client gets on; a process that stops waits for it.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(5);

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

/// The topics of the events, as the brokers have them.
#[derive(Debug, Clone)]
pub struct KafkaTopics(KafkaSettings);

impl KafkaTopics {
    pub fn new(settings: &KafkaSettings) -> Self {
        Self(settings.clone())
    }
}

impl EventTopics for KafkaTopics {
    async fn missing(&self, wanted: &[AggregateType]) -> anyhow::Result<Vec<String>> {
        let servers = self.0.bootstrap_servers.clone();
        let servers = servers.context("Kafka's bootstrap servers are not set")?;
        let there = tokio::task::spawn_blocking(move || topics_there(&servers)).await??;
        Ok(wanted
            .iter()
            .map(|aggregate| format!("{}{}", self.0.topic_prefix, aggregate.topic()))
            .filter(|name| !there.contains(name))
            .collect())
    }

    async fn create(&self) -> anyhow::Result<()> {
        create_topics(&self.0).await
    }
}

fn topics_there(servers: &str) -> anyhow::Result<BTreeSet<String>> {
    topics(servers, TIMEOUT, |topic| topic.error().is_none())
}

/// The topics that have a leader for each partition, as a client says that knows nothing yet. Blocks.
pub fn topics_with_leaders(servers: &str) -> anyhow::Result<BTreeSet<String>> {
    topics(servers, LEADERS_TIMEOUT, |topic| {
        topic.error().is_none() && topic.partitions().iter().all(|partition| partition.leader() >= 0)
    })
}

/// All of them are asked for: to ask for one by name would make it where brokers make topics by themselves.
fn topics(
    servers: &str,
    timeout: Duration,
    wanted: impl Fn(&MetadataTopic) -> bool,
) -> anyhow::Result<BTreeSet<String>> {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .create()
        .context("Kafka's client")?;
    let metadata = client
        .fetch_metadata(None, timeout)
        .context("Kafka does not tell its topics")?;
    Ok(metadata
        .topics()
        .iter()
        .filter(|topic| wanted(topic))
        .map(|topic| topic.name().to_owned())
        .collect())
}
