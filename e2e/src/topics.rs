//! The topics as any Kafka client sees them, and as a broken network might fill them.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use shared_events::{AggregateType, EventMetadata, wire};
use uuid::Uuid;

use crate::eventually;
use crate::system::System;

const LIMIT: Duration = Duration::from_secs(20);

/// The projections of the query service, and whose events each reads.
pub const PROJECTIONS: [(&str, &[AggregateType]); 8] = [
    ("customers", &[AggregateType::Customer]),
    ("products", &[AggregateType::Product]),
    ("orders", &[AggregateType::Order]),
    ("order-history", &[AggregateType::Order]),
    ("sales", &[AggregateType::Order]),
    ("invoices", &[AggregateType::Invoice]),
    ("invoice-accounts", &[AggregateType::Invoice]),
    (
        "deliveries",
        &[AggregateType::OrderForDelivery, AggregateType::Order],
    ),
];

/// An event as it stands in its topic or in the event store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub metadata: EventMetadata,
    /// The Avro body.
    pub body: Vec<u8>,
}

/// Everything that stands in the topic of a kind of stream, partition by partition, in order.
pub fn read_all(system: &System, aggregate: AggregateType) -> Result<Vec<Published>> {
    let mut published = Vec::new();
    each_record(system, aggregate.topic(), |message| {
        let headers = message.headers().context("a record without headers")?;
        let find = |name: &'static str| headers.iter().find(|header| header.key == name)?.value;
        let metadata = EventMetadata::from_headers(aggregate, find)?;
        ensure!(
            message.key() == Some(metadata.aggregate_id.to_string().as_bytes()),
            "the key is not the aggregate's id"
        );
        let (_, body) = wire::unframe(message.payload().unwrap_or_default())?;
        published.push(Published {
            metadata,
            body: body.to_vec(),
        });
        Ok(())
    })?;
    Ok(published)
}

/// Partition by partition, in order.
pub fn each_record(
    system: &System,
    topic: &str,
    mut look: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
) -> Result<()> {
    let topic = system.topic(topic);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &system.servers.kafka)
        .set("group.id", "e2e-reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(&topic), LIMIT)?;
    let partitions = metadata
        .topics()
        .first()
        .context("the topic is not there")?
        .partitions()
        .len();
    for partition in 0..i32::try_from(partitions)? {
        let (low, high) = consumer.fetch_watermarks(&topic, partition, LIMIT)?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&topic, partition, Offset::Offset(low))?;
        consumer.assign(&assignment)?;
        let mut next = low;
        while next < high {
            let message = consumer.poll(LIMIT).context("no record in time")??;
            next = message.offset() + 1;
            look(&message)?;
        }
    }
    Ok(())
}

/// The value of every record that stands in a topic, whatever it is.
pub fn values(system: &System, topic: &str) -> Result<Vec<Vec<u8>>> {
    let mut values = Vec::new();
    each_record(system, topic, |message| {
        values.push(message.payload().unwrap_or_default().to_vec());
        Ok(())
    })?;
    Ok(values)
}

/// Deletes the topics of all streams, and waits until the brokers no longer know them.
pub async fn delete_all(system: &System, limit: Duration) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &system.servers.kafka)
        .create()?;
    let names: Vec<String> = AggregateType::ALL
        .iter()
        .map(|aggregate| system.topic(aggregate.topic()))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for deleted in admin.delete_topics(&names, &AdminOptions::new()).await? {
        deleted.map_err(|(topic, error)| anyhow::anyhow!("{topic}: {error}"))?;
    }
    eventually("the topics are gone", limit, async || {
        let metadata = admin.inner().fetch_metadata(None, LIMIT)?;
        let left = metadata
            .topics()
            .iter()
            .any(|topic| names.contains(&topic.name()));
        Ok((!left).then_some(()))
    })
    .await
}

/// Checks that each stored event was published with the same bytes, nothing else was, and that first occurrences stand in
/// version order for each key. Answers how many records are repeats.
pub async fn check_published(system: &System) -> Result<usize> {
    let mut repeats = 0;
    for aggregate in AggregateType::ALL {
        let stored = stored_events(system, aggregate).await?;
        let mut open: HashMap<(Uuid, u64), &Published> = stored
            .iter()
            .map(|event| ((event.metadata.aggregate_id, event.metadata.version), event))
            .collect();
        let mut last: HashMap<Uuid, u64> = HashMap::new();
        let published = read_all(system, aggregate)?;
        for record in &published {
            let id = record.metadata.aggregate_id;
            let version = record.metadata.version;
            let last = last.entry(id).or_default();
            if version <= *last {
                repeats += 1;
                continue;
            }
            ensure!(
                version == *last + 1,
                "{aggregate} {id}: version {version} comes first after {last}"
            );
            *last = version;
            let event = open
                .remove(&(id, version))
                .with_context(|| format!("{id} {version} was never stored"))?;
            ensure!(event.body == record.body, "{id} {version}: other bytes");
            ensure!(
                event.metadata.event_id == record.metadata.event_id,
                "{id} {version}: another event id"
            );
            ensure!(
                event.metadata.event_type == record.metadata.event_type,
                "{id} {version}: another type"
            );
        }
        ensure!(
            open.is_empty(),
            "{} of {} {aggregate} events were not published",
            open.len(),
            stored.len()
        );
    }
    Ok(repeats)
}

/// How many records lie behind the offsets that the projections' groups have committed, all together.
pub async fn uncommitted_records(system: &System) -> Result<i64> {
    let mut behind = 0;
    for (projection, aggregates) in PROJECTIONS {
        let group = system.group_of(projection).await?;
        for aggregate in aggregates {
            behind += uncommitted_in(system, &group, &system.topic(aggregate.topic()))?;
        }
    }
    Ok(behind)
}

fn uncommitted_in(system: &System, group: &str, topic: &str) -> Result<i64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &system.servers.kafka)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let partitions = metadata.topics().first().context("no topic")?.partitions().len();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, i32::try_from(partitions)? - 1);
    let mut behind = 0;
    for partition in consumer.committed_offsets(list, LIMIT)?.elements() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.partition(), LIMIT)?;
        let committed = match partition.offset() {
            Offset::Offset(offset) => offset,
            _ => low,
        };
        behind += high - committed;
    }
    Ok(behind)
}

/// The stored events of an aggregate type, in stream and version order.
pub async fn stored_events(system: &System, aggregate: AggregateType) -> Result<Vec<Published>> {
    let rows = system
        .database
        .query(
            "SELECT event_id, event_type, stream_id, version, occurred_at, actor, command_id, causation_id,
                    correlation_id, payload
             FROM events WHERE aggregate = $1 ORDER BY stream_id, version",
            &[&aggregate.as_str()],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Published {
            metadata: EventMetadata {
                event_id: row.get(0),
                event_type: row.get(1),
                aggregate,
                aggregate_id: row.get(2),
                version: row.get::<_, i64>(3).unsigned_abs(),
                occurred_at: row.get(4),
                actor: row.get(5),
                command_id: row.get(6),
                causation_id: row.get(7),
                correlation_id: row.get(8),
                traceparent: None,
            },
            body: row.get(9),
        })
        .collect())
}

/// Puts events into their topics in the order given, as a careless relay might.
pub async fn publish(system: &System, events: &[Published]) -> Result<()> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &system.servers.kafka)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .create()?;
    let http = reqwest::Client::new();
    let mut ids: HashMap<String, u32> = HashMap::new();
    for event in events {
        let topic = system.topic(event.metadata.aggregate.topic());
        let subject = shared_events::codec::subject(&topic, &event.metadata.event_type);
        let id = match ids.get(&subject) {
            Some(id) => *id,
            None => {
                let url = format!(
                    "{}/subjects/{subject}/versions/latest",
                    system.servers.schema_registry
                );
                let found: serde_json::Value = http.get(url).send().await?.error_for_status()?.json().await?;
                let id = u32::try_from(found["id"].as_u64().context("no schema id")?)?;
                ids.insert(subject, id);
                id
            }
        };
        let headers =
            event
                .metadata
                .to_headers()
                .into_iter()
                .fold(OwnedHeaders::new(), |all, (key, value)| {
                    all.insert(Header {
                        key,
                        value: Some(&value),
                    })
                });
        let key = event.metadata.aggregate_id.to_string();
        let payload = wire::frame(id, &event.body);
        let record = FutureRecord::to(&topic)
            .key(&key)
            .payload(&payload)
            .headers(headers);
        producer.send(record, LIMIT).await.map_err(|(error, _)| error)?;
    }
    Ok(())
}
