//! Records as they are on the wire.

use std::collections::HashMap;

use query_service::outbound::kafka::KafkaSettings;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(10);

/// A record to send.
#[derive(Debug, Clone)]
pub struct Sent {
    pub key: String,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, String)>,
}

impl Sent {
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        for (found, old) in &mut self.headers {
            if found == name {
                value.clone_into(old);
            }
        }
        self
    }
}

/// A record that was read.
#[derive(Debug, Clone)]
pub struct Read {
    pub key: String,
    pub payload: Vec<u8>,
    headers: HashMap<String, String>,
}

impl Read {
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).cloned().unwrap_or_default()
    }
}

/// Everything that a topic has now; the records of one key in their order.
pub fn read_all(settings: &KafkaSettings, topic: &str) -> Vec<Read> {
    let consumer: BaseConsumer = settings
        .client_config()
        .set("group.id", "never-joined")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let topic = settings.topic(topic);
    let metadata = consumer
        .fetch_metadata(Some(&topic), SOON)
        .expect("the brokers answer");
    let mut assignment = TopicPartitionList::new();
    let mut missing = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer
            .fetch_watermarks(&topic, partition.id(), SOON)
            .expect("the brokers answer");
        missing += high - low;
        assignment
            .add_partition_offset(&topic, partition.id(), Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut read = Vec::new();
    while (read.len() as i64) < missing {
        let record = consumer.poll(SOON).expect("a record soon").expect("a record");
        let mut headers = HashMap::new();
        if let Some(found) = record.headers() {
            for header in found.iter() {
                let value = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
                headers.insert(header.key.to_owned(), value);
            }
        }
        read.push(Read {
            key: String::from_utf8_lossy(record.key().unwrap_or_default()).into_owned(),
            payload: record.payload().unwrap_or_default().to_vec(),
            headers,
        });
    }
    read
}

/// What a group has committed for this topic, all partitions together.
pub fn committed(settings: &KafkaSettings, group: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = settings
        .client_config()
        .set("group.id", group)
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..settings.partitions {
        partitions.add_partition(&settings.topic(topic), partition);
    }
    let committed = consumer
        .committed_offsets(partitions, SOON)
        .expect("the brokers answer");
    committed
        .elements()
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        })
        .sum()
}
