//! Kafka as a client sees it that belongs to nobody: what stands in a topic, and how far a group is. All of it blocks.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// How far a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub topic: String,
    pub partition: i32,
    /// The next that it has to do.
    pub committed: i64,
    /// That it has left to do.
    pub records: i64,
}

pub struct Brokers {
    bootstrap_servers: String,
    limit: Duration,
    reader: BaseConsumer,
    /// Looks at offsets and never joins.
    groups: HashMap<String, BaseConsumer>,
}

impl Brokers {
    pub fn connect(bootstrap_servers: &str, limit: Duration) -> Result<Self> {
        Ok(Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            limit,
            reader: consumer(bootstrap_servers, "torture-reader")?,
            groups: HashMap::new(),
        })
    }

    /// The offsets of a topic's partitions: the first and the one behind the last.
    pub fn bounds(&self, topic: &str) -> Result<Vec<(i32, i64, i64)>> {
        let metadata = self.reader.fetch_metadata(Some(topic), self.limit)?;
        let found = metadata.topics().first().context("no such topic")?;
        if let Some(error) = found.error() {
            return Err(anyhow!("{topic}: {error:?}"));
        }
        found
            .partitions()
            .iter()
            .map(|partition| {
                let (low, high) = self.reader.fetch_watermarks(topic, partition.id(), self.limit)?;
                Ok((partition.id(), low, high))
            })
            .collect()
    }

    /// Partition by partition, in order.
    pub fn each_record(
        &self,
        topic: &str,
        mut look: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
    ) -> Result<()> {
        for (partition, low, high) in self.bounds(topic)? {
            self.assign(topic, partition, low)?;
            let mut next = low;
            while next < high {
                let message = self.reader.poll(self.limit).context("no record in time")??;
                next = message.offset() + 1;
                look(&message)?;
            }
        }
        Ok(())
    }

    /// Where a group is behind.
    pub fn behind(&mut self, group: &str, topics: &[String]) -> Result<Vec<Standing>> {
        let mut standings = self.standings(group, topics)?;
        standings.retain(|standing| standing.records > 0);
        Ok(standings)
    }

    pub fn standings(&mut self, group: &str, topics: &[String]) -> Result<Vec<Standing>> {
        let mut asked = TopicPartitionList::new();
        let mut bounds = HashMap::new();
        for topic in topics {
            for (partition, low, high) in self.bounds(topic)? {
                asked.add_partition(topic, partition);
                bounds.insert((topic.clone(), partition), (low, high));
            }
        }
        let committed = self.committed(group, asked)?;
        let mut standings = Vec::new();
        for element in committed.elements() {
            let key = (element.topic().to_owned(), element.partition());
            let (low, high) = bounds
                .get(&key)
                .copied()
                .context("a partition that was not asked for")?;
            let committed = match element.offset() {
                Offset::Offset(offset) => offset.max(low),
                _ => low,
            };
            standings.push(Standing {
                topic: key.0,
                partition: key.1,
                committed,
                records: (high - committed).max(0),
            });
        }
        Ok(standings)
    }

    /// The next record that a group has to do, of each of these partitions.
    pub fn committed(&mut self, group: &str, of: TopicPartitionList) -> Result<TopicPartitionList> {
        if !self.groups.contains_key(group) {
            let looking = consumer(&self.bootstrap_servers, group)?;
            self.groups.insert(group.to_owned(), looking);
        }
        let looking = self.groups.get(group).context("the group's consumer")?;
        Ok(looking.committed_offsets(of, self.limit)?)
    }

    fn assign(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        Ok(self.reader.assign(&assignment)?)
    }
}

fn consumer(bootstrap_servers: &str, group: &str) -> Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("group.id", group)
        .set("client.id", "torture")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .set("reconnect.backoff.max.ms", "500")
        .set("queued.max.messages.kbytes", "4096")
        // It says nothing of brokers that are away: they are meant to be.
        .set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg)
        .create()?)
}
