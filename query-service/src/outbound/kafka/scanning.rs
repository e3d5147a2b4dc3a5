//! A topic looked into from given offsets to its present end, without a consumer group: nothing is committed, nobody's
//! assignment moves. Everything here blocks.

use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::settings::KafkaSettings;
use crate::application::projecting::{RawHeaders, RawRecord};

const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at whether somebody still wants it.
const POLL: Duration = Duration::from_millis(100);
/// Without a record for so long the brokers count as away.
const STALLED_AFTER: Duration = Duration::from_secs(10);

pub struct TopicScan {
    consumer: BaseConsumer,
    topic: Arc<str>,
    cancelled: CancellationToken,
}

impl TopicScan {
    /// Of the topic by its name in the cluster. When `cancelled`, whatever it does ends soon with an error.
    pub fn open(settings: &KafkaSettings, topic: &str, cancelled: CancellationToken) -> KafkaResult<Self> {
        let consumer = settings
            .client_config()
            // Asked for by the client library; nothing is ever committed under it.
            .set("group.id", "query-service.scan")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.message.max.bytes", "1048576")
            .create()?;
        Ok(Self {
            consumer,
            topic: topic.into(),
            cancelled,
        })
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> KafkaResult<i32> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), BROKERS_ANSWER_WITHIN)?;
        let found = metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == &*self.topic);
        match found.map(|topic| (topic.error(), topic.partitions().len())) {
            Some((None, partitions)) if partitions > 0 => Ok(i32::try_from(partitions).unwrap_or(i32::MAX)),
            _ => Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::UnknownTopicOrPartition,
            )),
        }
    }

    /// The offsets of the oldest record that is kept and behind the newest one.
    pub fn range(&self, partition: i32) -> KafkaResult<Range<i64>> {
        let (low, high) = self
            .consumer
            .fetch_watermarks(&self.topic, partition, BROKERS_ANSWER_WITHIN)?;
        Ok(low..high)
    }

    /// For each partition the offset of its first record of that time or later; none where there is no such record.
    pub fn offsets_at(&self, times: &BTreeMap<i32, DateTime<Utc>>) -> KafkaResult<HashMap<i32, i64>> {
        // The client takes a list without partitions for a mistake.
        if times.is_empty() {
            return Ok(HashMap::new());
        }
        let mut asked = TopicPartitionList::with_capacity(times.len());
        for (partition, time) in times {
            asked.add_partition_offset(&self.topic, *partition, Offset::Offset(time.timestamp_millis()))?;
        }
        let found = self.consumer.offsets_for_times(asked, BROKERS_ANSWER_WITHIN)?;
        Ok(found
            .elements()
            .iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            })
            .collect())
    }

    /// Shows every record of these offsets, those of a partition in order, until there are no more or `look` has enough.
    pub fn each(
        &self,
        ranges: &BTreeMap<i32, Range<i64>>,
        mut look: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> KafkaResult<()> {
        let mut open: HashMap<i32, i64> = HashMap::new();
        let mut assignment = TopicPartitionList::with_capacity(ranges.len());
        for (partition, range) in ranges.iter().filter(|(_, range)| !range.is_empty()) {
            assignment.add_partition_offset(&self.topic, *partition, Offset::Offset(range.start))?;
            open.insert(*partition, range.end);
        }
        if open.is_empty() {
            return Ok(());
        }
        self.consumer.assign(&assignment)?;
        let looked = self.poll(&mut open, &mut look);
        self.consumer.unassign()?;
        looked
    }

    fn poll(
        &self,
        open: &mut HashMap<i32, i64>,
        look: &mut impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> KafkaResult<()> {
        let mut last = Instant::now();
        while !open.is_empty() {
            if self.cancelled.is_cancelled() {
                return Err(KafkaError::Canceled);
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    let Some(end) = open.get(&message.partition()) else {
                        continue;
                    };
                    if message.offset() < *end && look(&message).is_break() {
                        return Ok(());
                    }
                    if message.offset() + 1 >= *end {
                        open.remove(&message.partition());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => _ = open.remove(&partition),
                // Such as a broker that is away: the client tries on.
                Some(Err(error)) if last.elapsed() > STALLED_AFTER => return Err(error),
                Some(Err(_)) => {}
                None if last.elapsed() > STALLED_AFTER => {
                    return Err(KafkaError::MessageConsumption(
                        RDKafkaErrorCode::OperationTimedOut,
                    ));
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Copies a record out of librdkafka's memory.
pub fn copy(message: &BorrowedMessage<'_>, topic: &Arc<str>) -> RawRecord {
    // rdkafka panics at a header whose name is not UTF-8. Without headers the record is no event, and is buried.
    let headers = catch_unwind(AssertUnwindSafe(|| {
        let Some(found) = message.headers() else {
            return RawHeaders::default();
        };
        let bytes = found
            .iter()
            .map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len));
        let mut headers = RawHeaders::with_capacity(found.count(), bytes.sum());
        for header in found.iter() {
            headers.push(header.key, header.value);
        }
        headers
    }));
    RawRecord {
        topic: Arc::clone(topic),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
