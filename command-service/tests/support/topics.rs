//! Topics and subjects of a test's own.

use std::time::Duration;

use command_service::application::ports::EventTopics;
use command_service::outbound::kafka::{
    KafkaPublisher, KafkaSettings, KafkaTopics, SchemaIds, SchemaRegistrySettings, create_topics,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use shared_events::AggregateType;

use super::{eventually, servers, unique};

const TIMEOUT: Duration = Duration::from_secs(30);

pub struct TestTopics {
    pub kafka: KafkaSettings,
    pub registry: SchemaRegistrySettings,
}

/// A record as a consumer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: String,
    pub value: Vec<u8>,
    pub headers: Vec<(String, String)>,
}

impl Record {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn version(&self) -> u64 {
        self.header("ce_streamversion").unwrap().parse().unwrap()
    }
}

impl TestTopics {
    /// Creates the topics and registers the schemas.
    pub async fn create() -> Self {
        let topics = Self::without_schemas().await;
        topics.register_schemas().await;
        topics
    }

    pub async fn without_schemas() -> Self {
        let servers = servers().await;
        let topics = Self {
            kafka: KafkaSettings {
                bootstrap_servers: Some(servers.kafka),
                topic_prefix: format!("{}.", unique("relay")),
                partitions: 3,
                ..KafkaSettings::default()
            },
            registry: SchemaRegistrySettings {
                url: Some(servers.schema_registry),
                ..SchemaRegistrySettings::default()
            },
        };
        create_topics(&topics.kafka).await.unwrap();
        topics
    }

    pub async fn register_schemas(&self) {
        let (url, prefix) = (
            self.registry.url.clone().unwrap(),
            self.kafka.topic_prefix.clone(),
        );
        tokio::task::spawn_blocking(move || stack::schemas::register(&url, &prefix))
            .await
            .unwrap()
            .unwrap();
    }

    /// Deletes the topics of the events, and returns when the brokers know them no more.
    pub async fn lose(&self) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", self.kafka.bootstrap_servers.clone().unwrap())
            .create()
            .unwrap();
        let names: Vec<String> = AggregateType::ALL
            .iter()
            .map(|aggregate| format!("{}{}", self.kafka.topic_prefix, aggregate.topic()))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT));
        for deleted in admin.delete_topics(&names, &options).await.unwrap() {
            deleted.unwrap();
        }
        tokio::task::spawn_blocking(move || drop(admin)).await.unwrap();
        let topics = KafkaTopics::new(&self.kafka);
        eventually("the topics are gone", async || {
            topics.missing(&AggregateType::ALL).await.unwrap().len() == names.len()
        })
        .await;
    }

    pub fn publisher(&self) -> KafkaPublisher {
        let schemas = SchemaIds::new(&self.registry, &self.kafka.topic_prefix).unwrap();
        KafkaPublisher::new(&self.kafka, schemas).unwrap()
    }

    /// Reads the topic, named without its prefix, from the beginning until `enough` says so.
    pub async fn read_until(
        &self,
        topic: &str,
        enough: impl Fn(&[Record]) -> bool + Send + 'static,
    ) -> Vec<Record> {
        let topic = format!("{}{topic}", self.kafka.topic_prefix);
        let servers = self.kafka.bootstrap_servers.clone().unwrap();
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", servers)
                .set("group.id", &topic)
                .set("auto.offset.reset", "earliest")
                .set("enable.auto.commit", "false")
                .create()
                .unwrap();
            consumer.subscribe(&[&topic]).unwrap();
            let deadline = std::time::Instant::now() + TIMEOUT;
            let mut records = Vec::new();
            while !enough(&records) {
                assert!(
                    std::time::Instant::now() < deadline,
                    "only {} records came; of each partition the last one and the end: {:?}",
                    records.len(),
                    ends(&consumer, &topic, &records)
                );
                if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                    records.push(record(&message.unwrap()));
                }
            }
            records
        })
        .await
        .unwrap()
    }
}

/// How far each partition was read, and how far it goes: tells what was never published from what was never read.
fn ends(consumer: &BaseConsumer, topic: &str, records: &[Record]) -> Vec<(Option<i64>, i64)> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).unwrap();
    let partitions = metadata.topics()[0].partitions();
    let of = |partition: i32| {
        let read = records.iter().filter(|record| record.partition == partition);
        let (_, end) = consumer.fetch_watermarks(topic, partition, TIMEOUT).unwrap();
        (read.map(|record| record.offset).max(), end)
    };
    partitions.iter().map(|partition| of(partition.id())).collect()
}

fn record(message: &impl Message) -> Record {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key().unwrap()),
        value: message.payload().unwrap().to_vec(),
        headers: message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), text(header.value.unwrap())))
                .collect()
        }),
    }
}
