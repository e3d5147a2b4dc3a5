//! How far the consumer groups that feed generations are, as the brokers have it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::groups;
use super::settings::KafkaSettings;
use crate::application::ports::{FeedStanding, Feeds, Generation, PartitionStanding, StoreError};

const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub struct KafkaFeeds {
    settings: KafkaSettings,
    /// One for each group that was asked for. They never join it.
    consumers: Mutex<HashMap<Generation, Arc<BaseConsumer>>>,
}

impl KafkaFeeds {
    pub fn new(settings: KafkaSettings) -> Self {
        Self {
            settings,
            consumers: Mutex::default(),
        }
    }

    fn consumer(&self, generation: Generation) -> KafkaResult<Arc<BaseConsumer>> {
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(consumer) = consumers.get(&generation) {
            return Ok(Arc::clone(consumer));
        }
        let consumer: BaseConsumer = self
            .settings
            .client_config()
            .set("group.id", self.settings.group(generation))
            .set("enable.auto.commit", "false")
            .create()?;
        let consumer = Arc::new(consumer);
        consumers.insert(generation, Arc::clone(&consumer));
        Ok(consumer)
    }
}

impl Feeds for KafkaFeeds {
    async fn standing(&self, generation: Generation) -> Result<FeedStanding, StoreError> {
        let unavailable = |error: anyhow::Error| StoreError::Unavailable(error);
        let consumer = self
            .consumer(generation)
            .map_err(|error| unavailable(error.into()))?;
        let topics: Vec<_> = generation
            .kind
            .topics()
            .iter()
            .map(|aggregate| (*aggregate, self.settings.topic(aggregate.topic())))
            .collect();
        // The library has no other way to ask than to block.
        let asked = tokio::task::spawn_blocking(move || {
            let mut standing = FeedStanding::default();
            for (aggregate, topic) in topics {
                for (partition, of_partition) in ask(&consumer, &topic)? {
                    standing.0.insert((aggregate, partition), of_partition);
                }
            }
            anyhow::Ok(standing)
        });
        asked
            .await
            .map_err(|error| unavailable(error.into()))?
            .map_err(unavailable)
    }

    async fn is_fed(&self, generation: Generation) -> Result<bool, StoreError> {
        let consumer = self
            .consumer(generation)
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let group = self.settings.group(generation);
        let asked = tokio::task::spawn_blocking(move || {
            let found = consumer.fetch_group_list(Some(&group), BROKERS_ANSWER_WITHIN)?;
            KafkaResult::Ok(found.groups().iter().any(|group| !group.members().is_empty()))
        });
        asked
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?
            .map_err(|error| StoreError::Unavailable(error.into()))
    }

    async fn forget(&self, generation: Generation) -> Result<(), StoreError> {
        groups::forget(&self.settings, generation)
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))
    }
}

fn ask(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<Vec<(i32, PartitionStanding)>> {
    let metadata = consumer.fetch_metadata(Some(topic), BROKERS_ANSWER_WITHIN)?;
    let mut asked = TopicPartitionList::new();
    for found in metadata.topics() {
        if let Some(error) = found.error() {
            anyhow::bail!("{topic}: {:?}", rdkafka::error::RDKafkaErrorCode::from(error));
        }
        for partition in found.partitions() {
            asked.add_partition(topic, partition.id());
        }
    }
    let committed = consumer.committed_offsets(asked, BROKERS_ANSWER_WITHIN)?;
    let mut standing = Vec::with_capacity(committed.count());
    for element in committed.elements() {
        let partition = element.partition();
        let (begin, end) = consumer.fetch_watermarks(topic, partition, BROKERS_ANSWER_WITHIN)?;
        let done = match element.offset() {
            Offset::Offset(offset) => offset.clamp(begin, end.max(begin)),
            _ => begin,
        };
        standing.push((partition, PartitionStanding { begin, end, done }));
    }
    Ok(standing)
}
