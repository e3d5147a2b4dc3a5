//! The harness as a client of Kafka: topics deleted, records put into them, groups looked at.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use shared_events::{AggregateType, headers};
use tokio::task::spawn_blocking;

use crate::brokers::Brokers;
use crate::calling::http_client;
use crate::cluster::{Cluster, Role};
use crate::projections::{self, Fed};

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
            .map(|partition| Ok(watermarks(&consumer, &topic, partition)?.1))
            .sum()
    })
    .await?
}

/// The first offset and the one behind the last. A leader that has just changed is asked for again.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64)> {
    let since = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, LIMIT) {
            Err(error)
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::NotLeaderForPartition)
                    && since.elapsed() < LIMIT =>
            {
                std::thread::sleep(Duration::from_millis(100));
            }
            answered => return Ok(answered?),
        }
    }
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<Range<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let found = metadata.topics().first().context("no such topic")?;
    if let Some(error) = found.error() {
        bail!("{topic}: {error:?}");
    }
    Ok(0..i32::try_from(found.partitions().len())?)
}

/// The last events of each partition, `most` of each, with their topics.
pub async fn last_events(cluster: &Cluster, most: i64) -> Result<Vec<(String, Raw)>> {
    let config = config(cluster);
    spawn_blocking(move || {
        let consumer = consumer(&config)?;
        let mut ranges = Vec::new();
        for topic in AggregateType::ALL.map(AggregateType::topic) {
            for partition in partitions(&consumer, topic)? {
                let (low, high) = watermarks(&consumer, topic, partition)?;
                ranges.push((topic.to_owned(), partition, low.max(high - most)..high));
            }
        }
        let mut records = Vec::new();
        each(&consumer, &ranges, |topic, raw| {
            records.push((topic.to_owned(), raw))
        })?;
        Ok(records)
    })
    .await?
}

/// Where each partition of the topics of events ends.
pub type Ends = HashMap<(&'static str, i32), i64>;

pub async fn ends(cluster: &Cluster) -> Result<Ends> {
    let config = config(cluster);
    spawn_blocking(move || ends_by(&consumer(&config)?)).await?
}

fn ends_by(consumer: &BaseConsumer) -> Result<Ends> {
    let mut ends = Ends::new();
    for topic in AggregateType::ALL.map(AggregateType::topic) {
        for partition in partitions(consumer, topic)? {
            let (_, high) = watermarks(consumer, topic, partition)?;
            ends.insert((topic, partition), high);
        }
    }
    Ok(ends)
}

/// How many events stand there more than once, and the one that stands there most often how often.
#[derive(Debug)]
pub struct SentAgain {
    pub events: usize,
    pub most: usize,
}

/// Of what was published behind `from`.
pub async fn sent_again(cluster: &Cluster, from: Ends) -> Result<SentAgain> {
    let config = config(cluster);
    spawn_blocking(move || {
        let consumer = consumer(&config)?;
        let mut copies: HashMap<Vec<u8>, usize> = HashMap::new();
        let ranges: Vec<_> = ends_by(&consumer)?
            .into_iter()
            .map(|((topic, partition), end)| {
                let start = from.get(&(topic, partition)).copied().unwrap_or_default();
                (topic.to_owned(), partition, start..end)
            })
            .collect();
        each(&consumer, &ranges, |_, raw| {
            let id = raw.headers.into_iter().find(|(key, _)| key == headers::ID);
            *copies
                .entry(id.map(|(_, id)| id).unwrap_or_default())
                .or_default() += 1;
        })?;
        Ok(SentAgain {
            events: copies.values().filter(|copies| **copies > 1).count(),
            most: copies.into_values().max().unwrap_or_default(),
        })
    })
    .await?
}

/// Each record of these ranges, of all partitions at once: one after the other would wait for a fetch each.
fn each(
    consumer: &BaseConsumer,
    ranges: &[(String, i32, Range<i64>)],
    mut take: impl FnMut(&str, Raw),
) -> Result<()> {
    let mut assignment = TopicPartitionList::new();
    let mut left: i64 = 0;
    for (topic, partition, range) in ranges.iter().filter(|(_, _, range)| !range.is_empty()) {
        assignment.add_partition_offset(topic, *partition, Offset::Offset(range.start))?;
        left += range.end - range.start;
    }
    consumer.assign(&assignment)?;
    while left > 0 {
        let message = consumer.poll(LIMIT).context("no record in time")??;
        let end = ranges.iter().find_map(|(topic, partition, range)| {
            (topic == message.topic() && *partition == message.partition()).then_some(range.end)
        });
        if end.is_none_or(|end| message.offset() >= end) {
            continue;
        }
        left -= 1;
        let headers = message.headers().map(|headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect()
        });
        let raw = Raw {
            key: message.key().unwrap_or_default().to_vec(),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        };
        take(message.topic(), raw);
    }
    consumer.unassign()?;
    Ok(())
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
    let (cluster, topic) = (cluster.clone(), topic.to_owned());
    spawn_blocking(move || {
        let since = Instant::now();
        loop {
            let metadata = admin.inner().fetch_metadata(None, LIMIT)?;
            if !metadata.topics().iter().any(|found| found.name() == topic) {
                cluster.topic_is_gone();
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

/// Waits until every projector has its part of each group that feeds what queries read.
pub async fn shared_out(cluster: &Cluster, limit: Duration) -> Result<()> {
    let since = Instant::now();
    let projectors = cluster.replicas(Role::Projector).len();
    let http = http_client()?;
    let client = Arc::new(consumer(&config(cluster))?);
    loop {
        let fed = projections::fed(&http, cluster.elasticsearch_url()).await?;
        let asked = Arc::clone(&client);
        let shared = spawn_blocking(move || groups_of(&asked, projectors)).await??;
        match fed.into_iter().find(|of| !shared.contains(&of.group)) {
            None => break,
            Some(of) if since.elapsed() > limit => {
                bail!("{} is not shared out to {projectors} members", of.group)
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    // To drop a client blocks.
    spawn_blocking(move || drop(client)).await?;
    Ok(())
}

/// The groups that are at rest and have so many members.
fn groups_of(client: &BaseConsumer, members: usize) -> Result<HashSet<String>> {
    let groups = client.fetch_group_list(None, LIMIT)?;
    Ok(groups
        .groups()
        .iter()
        .filter(|group| group.state() == "Stable" && group.members().len() >= members)
        .map(|group| group.name().to_owned())
        .collect())
}

/// Waits until the projectors have committed everything that stands in the topics of events now, for every projection as
/// queries read it: one that is being built anew takes its time.
pub async fn applied(cluster: &Cluster, limit: Duration) -> Result<()> {
    let since = Instant::now();
    let http = http_client()?;
    let ends = ends(cluster).await?;
    let mut looking = Looking {
        brokers: Brokers::connect(cluster.bootstrap_servers(), LIMIT)?,
        level: HashSet::new(),
        ends,
    };
    loop {
        let behind = match projections::fed(&http, cluster.elasticsearch_url()).await {
            Ok(fed) => {
                let (looked, behind) = spawn_blocking(move || {
                    let behind = looking.behind(&fed);
                    (looking, behind)
                })
                .await?;
                looking = looked;
                behind
            }
            Err(error) => Err(error),
        };
        match behind {
            Ok(behind) if behind.is_empty() => return Ok(()),
            behind if since.elapsed() > limit => bail!("not applied within {limit:?}: {behind:?}"),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// How far the groups are, by connections that stay: to make them takes longer than to ask.
struct Looking {
    brokers: Brokers,
    /// Groups that have committed these ends.
    level: HashSet<String>,
    ends: Ends,
}

impl Looking {
    /// What of the ends is not committed by the group that reads it.
    fn behind(&mut self, fed: &[Fed]) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for of in fed {
            if self.level.contains(&of.group) {
                continue;
            }
            let mut asked = TopicPartitionList::new();
            for (topic, partition) in self.ends.keys() {
                if of.topics.iter().any(|of| of == topic) {
                    asked.add_partition(topic, *partition);
                }
            }
            let committed = self.brokers.committed(&of.group, asked)?;
            let mut behind = Vec::new();
            for ((topic, partition), end) in self.ends.iter().filter(|(_, end)| **end > 0) {
                let place = committed.find_partition(topic, *partition);
                match place.map(|place| place.offset()) {
                    None => {}
                    Some(Offset::Offset(offset)) if offset >= *end => {}
                    Some(_) => behind.push(format!("{} {topic}:{partition}", of.group)),
                }
            }
            if behind.is_empty() {
                self.level.insert(of.group.clone());
            }
            all.extend(behind);
        }
        Ok(all)
    }
}
