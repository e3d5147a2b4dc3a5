//! Records that could not be processed, as they were, in `query-service.dead-letters`: the cause and where they stood
//! are added as headers.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::topic::DEAD_LETTERS;

use super::settings::KafkaSettings;
use crate::application::ports::{DeadLetter, DeadLetters, StoreError};

pub const KIND: &str = "dead_letter_kind";
pub const CAUSE: &str = "dead_letter_cause";
pub const TOPIC: &str = "dead_letter_topic";
pub const PARTITION: &str = "dead_letter_partition";
pub const OFFSET: &str = "dead_letter_offset";
/// The name of the projection that could not take it.
pub const PROJECTION: &str = "dead_letter_projection";
/// Set where the record itself did not fit; it still stands at its topic, partition and offset.
pub const PAYLOAD_OMITTED: &str = "dead_letter_payload_omitted";

/// What stands behind the headers that the record came with.
pub const ADDED: [&str; 7] = [KIND, CAUSE, TOPIC, PARTITION, OFFSET, PROJECTION, PAYLOAD_OMITTED];

/// Of a key that is kept although its record does not fit.
const MAX_KEY_BYTES: usize = 1_024;
const MAX_CAUSE_CHARS: usize = 4_000;

pub struct DeadLetterTopic {
    producer: FutureProducer,
    topic: String,
}

impl DeadLetterTopic {
    pub fn new(producer: FutureProducer, settings: &KafkaSettings) -> Self {
        Self {
            producer,
            topic: settings.topic(DEAD_LETTERS),
        }
    }

    async fn send(&self, letter: &DeadLetter, whole: bool) -> Result<(), KafkaError> {
        let cause: String = letter.cause.chars().take(MAX_CAUSE_CHARS).collect();
        let partition = letter.partition.to_string();
        let offset = letter.offset.to_string();
        let added = [
            (KIND, letter.kind),
            (CAUSE, &cause),
            (TOPIC, &letter.topic),
            (PARTITION, &partition),
            (OFFSET, &offset),
        ];
        let mut headers = OwnedHeaders::new_with_capacity(letter.headers.len() + ADDED.len());
        if whole {
            for (key, value) in &letter.headers {
                headers = headers.insert(Header {
                    key,
                    value: value.as_deref(),
                });
            }
        } else {
            headers = headers.insert(Header {
                key: PAYLOAD_OMITTED,
                value: Some("true"),
            });
        }
        let projection = letter.projection.as_deref().map(|name| (PROJECTION, name));
        for (key, value) in added.into_iter().chain(projection) {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
        if let Some(key) = &letter.key
            && (whole || key.len() <= MAX_KEY_BYTES)
        {
            record = record.key(key);
        }
        if let (Some(payload), true) = (&letter.payload, whole) {
            record = record.payload(payload);
        }
        match self.producer.send(record, Duration::from_secs(30)).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error),
        }
    }
}

impl DeadLetters for DeadLetterTopic {
    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        let sent = match self.send(&letter, true).await {
            Err(KafkaError::MessageProduction(
                RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize,
            )) => self.send(&letter, false).await,
            sent => sent,
        };
        sent.map_err(|error| StoreError::Unavailable(error.into()))
    }
}
