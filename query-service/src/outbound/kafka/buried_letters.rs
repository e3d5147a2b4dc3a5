//! `query-service.dead-letters`, read as a whole: letters, and beside them, in the same partition and under the same key,
//! the records that say what became of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::DateTime;
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::topic::DEAD_LETTERS;
use tokio_util::sync::CancellationToken;

use super::dead_letters::{ADDED, CAUSE, KIND, OFFSET, PARTITION, PAYLOAD_OMITTED, PROJECTION, TOPIC};
use super::scanning::{TopicScan, copy};
use super::settings::KafkaSettings;
use crate::application::ports::{BuriedLetters, Letter, LetterHead, LetterId, Resolution, StoreError};
use crate::application::projecting::{RawHeaders, RawRecord};

/// Of a letter in the same partition, such as `3:17`.
pub const RESOLVED: &str = "dead_letter_resolved";
/// `replayed` or `discarded`.
pub const RESOLUTION: &str = "dead_letter_resolution";

/// Of a cause, in a list.
const SHORT_CAUSE_CHARS: usize = 300;
const SENT_WITHIN: Duration = Duration::from_secs(30);

pub struct BuriedLetterTopic {
    kafka: KafkaSettings,
    producer: FutureProducer,
    topic: String,
}

impl BuriedLetterTopic {
    pub fn new(producer: FutureProducer, settings: &KafkaSettings) -> Self {
        Self {
            kafka: settings.clone(),
            producer,
            topic: settings.topic(DEAD_LETTERS),
        }
    }

    /// Where blocking is allowed; whoever no longer waits for it ends it.
    async fn scan<T: Send + 'static>(
        &self,
        topic: String,
        work: impl FnOnce(&TopicScan) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let kafka = self.kafka.clone();
        let cancelled = CancellationToken::new();
        let _guard = cancelled.clone().drop_guard();
        let scanned = tokio::task::spawn_blocking(move || {
            let scan = TopicScan::open(&kafka, &topic, cancelled)?;
            work(&scan)
        });
        scanned
            .await
            .context("reading a topic panicked")
            .map_err(StoreError::Failed)?
            .map_err(|error| StoreError::Unavailable(error.into()))
    }

    /// The record that stands there, if it still does.
    async fn record_at(
        &self,
        topic: String,
        partition: i32,
        offset: i64,
    ) -> Result<Option<Found>, StoreError> {
        self.scan(topic.clone(), move |scan| {
            let mut found = None;
            if !(0..scan.partitions()?).contains(&partition) || !scan.range(partition)?.contains(&offset) {
                return Ok(None);
            }
            let topic = topic.into();
            scan.each(&BTreeMap::from([(partition, offset..offset + 1)]), |message| {
                found = Some(Found::copy(message, &topic));
                ControlFlow::Break(())
            })?;
            Ok(found)
        })
        .await
    }
}

impl BuriedLetters for BuriedLetterTopic {
    async fn partitions(&self) -> Result<i32, StoreError> {
        self.scan(self.topic.clone(), TopicScan::partitions).await
    }

    async fn unresolved(&self, partition: i32) -> Result<Vec<LetterHead>, StoreError> {
        let topic: Arc<str> = self.topic.as_str().into();
        self.scan(self.topic.clone(), move |scan| {
            let mut open = BTreeMap::new();
            let ranges = BTreeMap::from([(partition, scan.range(partition)?)]);
            scan.each(&ranges, |message| {
                let found = Found::copy(message, &topic);
                match (found.resolves(), found.head(SHORT_CAUSE_CHARS)) {
                    (Some(resolved), _) => _ = open.remove(&resolved),
                    (None, Some(head)) => _ = open.insert(head.id, head),
                    (None, None) => {}
                }
                ControlFlow::Continue(())
            })?;
            Ok(open.into_values().collect())
        })
        .await
    }

    async fn read(&self, id: LetterId) -> Result<Option<Letter>, StoreError> {
        let found = self
            .record_at(self.topic.clone(), id.partition, id.offset)
            .await?;
        let Some(found) = found.filter(|found| found.resolves().is_none()) else {
            return Ok(None);
        };
        let Some(head) = found.head(usize::MAX) else {
            return Ok(None);
        };
        let record = match found.is_omitted() {
            false => Some(found.into_record(&head.topic)),
            true => {
                let (topic, partition, offset) = (head.topic.clone(), head.partition, head.offset);
                let original = self.record_at(topic, partition, offset).await?;
                original.map(|original| original.raw)
            }
        };
        Ok(Some(Letter { head, record }))
    }

    async fn resolve(&self, letter: &LetterHead, resolution: Resolution) -> Result<(), StoreError> {
        let id = letter.id.to_string();
        let headers = [(RESOLVED, id.as_str()), (RESOLUTION, resolution.as_str())]
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic)
            .partition(letter.id.partition)
            .headers(headers);
        if let Some(key) = &letter.key {
            record = record.key(key);
        }
        match self.producer.send(record, SENT_WITHIN).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(StoreError::Unavailable(error.into())),
        }
    }
}

/// A record of the topic of letters.
struct Found {
    id: LetterId,
    written_at: Option<i64>,
    raw: RawRecord,
}

impl Found {
    fn copy(message: &BorrowedMessage<'_>, topic: &Arc<str>) -> Self {
        Self {
            id: LetterId {
                partition: message.partition(),
                offset: message.offset(),
            },
            written_at: message.timestamp().to_millis(),
            raw: copy(message, topic),
        }
    }

    /// What was added when the record was buried stands behind what it had.
    fn added(&self, name: &str) -> Option<String> {
        let (_, value) = self
            .raw
            .headers
            .iter()
            .filter(|(found, _)| *found == name.as_bytes())
            .last()?;
        Some(String::from_utf8_lossy(value?).into_owned())
    }

    /// A letter may have that header, too, if its record came with it.
    fn resolves(&self) -> Option<LetterId> {
        match self.added(KIND) {
            Some(_) => None,
            None => self.added(RESOLVED)?.parse().ok(),
        }
    }

    fn is_omitted(&self) -> bool {
        self.added(PAYLOAD_OMITTED).is_some()
    }

    /// `None` where it is no letter.
    fn head(&self, cause_chars: usize) -> Option<LetterHead> {
        Some(LetterHead {
            id: self.id,
            key: self.raw.key.clone(),
            projection: self.added(PROJECTION),
            kind: self.added(KIND)?,
            cause: self
                .added(CAUSE)
                .unwrap_or_default()
                .chars()
                .take(cause_chars)
                .collect(),
            topic: self.added(TOPIC)?,
            partition: self.added(PARTITION)?.parse().ok()?,
            offset: self.added(OFFSET)?.parse().ok()?,
            buried_at: self.written_at.and_then(DateTime::from_timestamp_millis),
            bytes: self.raw.bytes(),
        })
    }

    /// As it was before it was buried.
    fn into_record(self, topic: &str) -> RawRecord {
        let mut headers = RawHeaders::default();
        for (name, value) in self.raw.headers.iter() {
            match std::str::from_utf8(name) {
                Ok(name) if !ADDED.contains(&name) => headers.push(name, value),
                _ => {}
            }
        }
        RawRecord {
            topic: topic.into(),
            headers,
            ..self.raw
        }
    }
}
