//! The harness as a client of Kafka: topics deleted, records put into them, groups looked at.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::cluster::Cluster;

/// A header of every record that the harness puts into a topic.
pub const PLANTED: &str = "torture-planted";
const LIMIT: Duration = Duration::from_secs(15);

/// A record as it is put into a topic.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    pub key: Vec<u8>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

fn config(cluster: &Cluster) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("client.id", "torture")
        .set("reconnect.backoff.max.ms", "500");
    config
}

fn consumer(config: &ClientConfig) -> Result<BaseConsumer> {
    Ok(config
        .clone()
        .set("group.id", "torture")
        .set("enable.auto.commit", "false")
        .create()?)
}

/// How many records stand in a topic, and stood there once.
pub async fn count(cluster: &Cluster, topic: &str) -> Result<i64> {
    let (config, topic) = (config(cluster), topic.to_owned());
    spawn_blocking(move || {
        let consumer = consumer(&config)?;
        let partitions = partitions(&consumer, &topic)?;
        partitions
            .map(|partition| Ok(consumer.fetch_watermarks(&topic, partition, LIMIT)?.1))
            .sum()
    })
    .await?
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<std::ops::Range<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let found = metadata.topics().first().context("no such topic")?;
    if let Some(error) = found.error() {
        bail!("{topic}: {error:?}");
    }
    Ok(0..i32::try_from(found.partitions().len())?)
}

/// The last records of each partition, `most` of each.
pub async fn last(cluster: &Cluster, topic: &str, most: i64) -> Result<Vec<Raw>> {
    let (config, topic) = (config(cluster), topic.to_owned());
    spawn_blocking(move || {
        let consumer = consumer(&config)?;
        let mut records = Vec::new();
        for partition in partitions(&consumer, &topic)? {
            let (low, high) = consumer.fetch_watermarks(&topic, partition, LIMIT)?;
            let mut next = low.max(high - most);
            let mut assignment = TopicPartitionList::new();
            assignment.add_partition_offset(&topic, partition, Offset::Offset(next))?;
            consumer.assign(&assignment)?;
            while next < high {
                let message = consumer.poll(LIMIT).context("no record in time")??;
                next = message.offset() + 1;
                let headers = message.headers().map(|headers| {
                    headers
                        .iter()
                        .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                        .collect()
                });
                records.push(Raw {
                    key: message.key().unwrap_or_default().to_vec(),
                    payload: message.payload().map(<[u8]>::to_vec),
                    headers: headers.unwrap_or_default(),
                });
            }
        }
        Ok(records)
    })
    .await?
}

/// Puts records into a topic, each marked as planted, and returns when the brokers have them.
pub async fn plant(cluster: &Cluster, records: &[(String, Raw)]) -> Result<()> {
    let producer: FutureProducer = config(cluster)
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", "20000")
        .set("queue.buffering.max.messages", "100000")
        .create()?;
    let mut sent = Vec::with_capacity(records.len());
    for (topic, raw) in records {
        let marked = raw.headers.iter().fold(
            OwnedHeaders::new().insert(Header {
                key: PLANTED,
                value: Some("1"),
            }),
            |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            },
        );
        let mut record: FutureRecord<'_, Vec<u8>, Vec<u8>> =
            FutureRecord::to(topic).key(&raw.key).headers(marked);
        if let Some(payload) = &raw.payload {
            record = record.payload(payload);
        }
        sent.push(
            producer
                .send_result(record)
                .map_err(|(error, _)| anyhow!("the record was not taken: {error}"))?,
        );
    }
    for delivery in sent {
        delivery
            .await
            .context("the producer is gone")?
            .map_err(|(error, _)| error)?;
    }
    // To drop a client blocks.
    spawn_blocking(move || drop(producer)).await?;
    Ok(())
}

/// Deletes a topic and waits until no broker knows it.
pub async fn delete(cluster: &Cluster, topic: &str) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(cluster).create()?;
    for deleted in admin.delete_topics(&[topic], &AdminOptions::new()).await? {
        deleted.map_err(|(topic, error)| anyhow!("{topic}: {error}"))?;
    }
    let topic = topic.to_owned();
    spawn_blocking(move || {
        let since = Instant::now();
        loop {
            let metadata = admin.inner().fetch_metadata(None, LIMIT)?;
            if !metadata.topics().iter().any(|found| found.name() == topic) {
                return Ok(());
            }
            if since.elapsed() > LIMIT {
                bail!("{topic} is still there");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    })
    .await?
}

/// The members of every consumer group of the projectors, as group and member.
pub async fn members(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    let config = config(cluster);
    spawn_blocking(move || {
        let groups = consumer(&config)?.fetch_group_list(None, LIMIT)?;
        let mut members: Vec<(String, String)> = groups
            .groups()
            .iter()
            .filter(|group| group.name().contains("projector"))
            .flat_map(|group| {
                group
                    .members()
                    .iter()
                    .map(|member| (group.name().to_owned(), member.id().to_owned()))
            })
            .collect();
        members.sort();
        Ok(members)
    })
    .await?
}

/// Waits until the projectors have committed everything that stands in these topics now.
pub async fn applied(cluster: &Cluster, names: &[&'static str], limit: Duration) -> Result<()> {
    let (config, names) = (config(cluster), names.to_vec());
    spawn_blocking(move || {
        let since = Instant::now();
        let consumer = consumer(&config)?;
        let mut ends = Vec::new();
        for topic in names {
            for partition in partitions(&consumer, topic)? {
                let (low, high) = consumer.fetch_watermarks(topic, partition, LIMIT)?;
                if high > low {
                    ends.push((topic, partition, high));
                }
            }
        }
        loop {
            let behind = behind(&config, &consumer, &ends)?;
            if behind.is_empty() {
                return Ok(());
            }
            if since.elapsed() > limit {
                bail!("not applied within {limit:?}: {}", behind.join(", "));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    })
    .await?
}

/// The groups that somebody is in, and what they have not committed of what they read.
fn behind(
    config: &ClientConfig,
    consumer: &BaseConsumer,
    ends: &[(&'static str, i32, i64)],
) -> Result<Vec<String>> {
    let mut behind = Vec::new();
    let groups = consumer.fetch_group_list(None, LIMIT)?;
    for group in groups.groups() {
        if !group.name().contains("projector") || group.members().is_empty() {
            continue;
        }
        let mut asked = TopicPartitionList::new();
        for (topic, partition, _) in ends {
            asked.add_partition(topic, *partition);
        }
        let of_group: BaseConsumer = config
            .clone()
            .set("group.id", group.name())
            .set("enable.auto.commit", "false")
            .create()?;
        let committed = of_group.committed_offsets(asked, LIMIT)?;
        let reads = |topic: &str| {
            committed
                .elements_for_topic(topic)
                .iter()
                .any(|element| matches!(element.offset(), Offset::Offset(_)))
        };
        for (topic, partition, end) in ends {
            let place = committed.find_partition(topic, *partition);
            let done = match place.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => offset >= *end,
                // It reads the topic, but has nothing of this partition yet.
                _ => !reads(topic),
            };
            if !done {
                behind.push(format!("{} {topic}:{partition}", group.name()));
            }
        }
    }
    Ok(behind)
}
