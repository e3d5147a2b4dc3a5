//! Events that a document waits for, looked for once more where they should stand.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use read_model::Kind;
use shared_events::AggregateType;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::decoding::{Received, decode, schema_id};
use crate::application::ports::{Missing, PublishedEvents, StoreError};
use crate::application::projecting::{Incoming, Position, Record};
use crate::outbound::kafka::partitioning::partition_of;
use crate::outbound::kafka::scanning::{TopicScan, copy};
use crate::outbound::kafka::schemas::SchemaError;
use crate::outbound::kafka::{KafkaSettings, SchemaLookups};

/// Clocks differ, and a record is published some time after its event has happened.
const MARGIN: TimeDelta = TimeDelta::minutes(10);
/// Records of one partition that are looked at, the newest.
const MAX_LOOKED_AT: i64 = 200_000;
/// What is taken along, at most, for all that is wanted together.
const MAX_FOUND_BYTES: usize = 16 * 1024 * 1024;

/// For one projection.
pub struct Rereading {
    kind: Kind,
    kafka: KafkaSettings,
    schemas: Arc<SchemaLookups>,
}

impl Rereading {
    pub fn new(kind: Kind, kafka: KafkaSettings, schemas: Arc<SchemaLookups>) -> Self {
        Self { kind, kafka, schemas }
    }

    /// What the schema registry does not know cannot be decoded and counts as not found.
    async fn decoded(&self, received: Received) -> Result<Option<Arc<Record>>, StoreError> {
        let Ok(id) = schema_id(&received.raw) else {
            return Ok(None);
        };
        let schema = match self.schemas.get(id).await {
            Ok(schema) => schema,
            Err(error @ SchemaError::Unavailable(_)) => return Err(StoreError::Unavailable(error.into())),
            Err(_) => return Ok(None),
        };
        match decode(self.kind, received, &schema) {
            Incoming::Event(record) => Ok(Some(record)),
            Incoming::Undecodable { .. } | Incoming::Ignored(_) => Ok(None),
        }
    }
}

impl PublishedEvents for Rereading {
    async fn find(&self, wanted: &[Missing]) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut by_topic: BTreeMap<AggregateType, Vec<Missing>> = BTreeMap::new();
        for missing in wanted {
            by_topic.entry(missing.aggregate).or_default().push(*missing);
        }
        let mut found = Vec::new();
        for (aggregate, wanted) in by_topic {
            let from: HashMap<Uuid, u64> = wanted
                .iter()
                .map(|missing| (missing.id, missing.from_version))
                .collect();
            let kafka = self.kafka.clone();
            let cancelled = CancellationToken::new();
            // Where nobody waits any more, the thread is not left behind.
            let _guard = cancelled.clone().drop_guard();
            let looked =
                tokio::task::spawn_blocking(move || look(&kafka, aggregate, &wanted, cancelled)).await;
            let received = looked
                .context("looking for records panicked")
                .map_err(StoreError::Failed)?
                .map_err(|error| StoreError::Unavailable(error.into()))?;
            for received in received {
                let Some(record) = self.decoded(received).await? else {
                    continue;
                };
                let wanted = from.get(&record.metadata.aggregate_id);
                if wanted.is_some_and(|from| record.metadata.version >= *from) {
                    found.push(record);
                }
            }
        }
        Ok(found)
    }
}

/// One pass over the partitions of all that is wanted of one topic. Blocks.
fn look(
    kafka: &KafkaSettings,
    aggregate: AggregateType,
    wanted: &[Missing],
    cancelled: CancellationToken,
) -> KafkaResult<Vec<Received>> {
    let topic: Arc<str> = kafka.topic(aggregate.topic()).into();
    let scan = TopicScan::open(kafka, &topic, cancelled)?;
    let partitions = scan.partitions()?;
    let mut keys = HashSet::with_capacity(wanted.len());
    let mut since: BTreeMap<i32, Option<DateTime<Utc>>> = BTreeMap::new();
    for missing in wanted {
        let key = missing.id.to_string().into_bytes();
        let Some(partition) = partition_of(&key, partitions) else {
            continue;
        };
        keys.insert(key);
        since
            .entry(partition)
            .and_modify(|since| *since = since.zip(missing.after).map(|(one, other)| one.min(other)))
            .or_insert(missing.after);
    }
    let times = since
        .iter()
        .filter_map(|(partition, since)| Some((*partition, (*since)? - MARGIN)))
        .collect();
    let at = scan.offsets_at(&times)?;
    let mut ranges = BTreeMap::new();
    for (partition, since) in since {
        let mut range = scan.range(partition)?;
        let begin = match since {
            Some(_) => at.get(&partition).copied().unwrap_or(range.end),
            None => range.start,
        };
        range.start = range.start.max(begin).max(range.end - MAX_LOOKED_AT);
        ranges.insert(partition, range);
    }
    let mut found = Vec::new();
    let mut bytes = 0;
    scan.each(&ranges, |message| {
        if !message.key().is_some_and(|key| keys.contains(key)) {
            return ControlFlow::Continue(());
        }
        let raw = copy(message, &topic);
        bytes += raw.bytes();
        if bytes > MAX_FOUND_BYTES {
            return ControlFlow::Break(());
        }
        found.push(Received {
            // Of no assignment: nothing is ever acknowledged by it.
            position: Position {
                topic: aggregate,
                partition: message.partition(),
                offset: message.offset(),
                assignment: 0,
            },
            raw,
        });
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
