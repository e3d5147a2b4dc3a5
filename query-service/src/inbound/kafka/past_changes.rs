//! The changes topic for a client that resumes further back than this replica remembers.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use shared_events::topic::CHANGES;

use super::changes_feed::change;
use super::topic_bounds;
use crate::application::pushing::{ChangeLog, ChangeLogReader, Heard, Positions, PushError};
use crate::outbound::kafka::KafkaSettings;

const BROKERS_ANSWER_WITHIN: Duration = Duration::from_secs(2);

pub struct PastChanges {
    settings: KafkaSettings,
    /// For questions; it reads nothing.
    asking: Arc<StreamConsumer>,
    topic: Arc<str>,
}

pub struct PastReader {
    /// Taken when it is dropped.
    consumer: Option<StreamConsumer>,
}

impl PastChanges {
    pub fn new(settings: &KafkaSettings) -> KafkaResult<Self> {
        Ok(Self {
            asking: Arc::new(consumer(settings)?),
            topic: settings.topic(CHANGES).into(),
            settings: settings.clone(),
        })
    }
}

fn consumer(settings: &KafkaSettings) -> KafkaResult<StreamConsumer> {
    settings
        .client_config()
        // Asked for by the client library; nothing is ever committed under it.
        .set("group.id", "query-service.past-changes")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // What is gone is not skipped.
        .set("auto.offset.reset", "error")
        .set("fetch.wait.max.ms", "100")
        // A client takes what it takes; no more than this waits for it.
        .set("queued.max.messages.kbytes", "1024")
        .create()
}

impl ChangeLog for PastChanges {
    type Reader = PastReader;

    async fn check(&self, from: &Positions) -> Result<(), PushError> {
        let (asking, topic) = (self.asking.clone(), self.topic.clone());
        let bounds =
            tokio::task::spawn_blocking(move || topic_bounds::ask(&*asking, &topic, BROKERS_ANSWER_WITHIN));
        let bounds = bounds
            .await
            .map_err(unavailable)?
            .map_err(PushError::Unavailable)?;
        let named = from.iter().all(|(partition, _)| bounds.contains_key(&partition));
        let kept = bounds
            .iter()
            .all(|(partition, bounds)| (bounds.begin..=bounds.end).contains(&from.of(*partition)));
        match named && kept {
            true => Ok(()),
            false => Err(PushError::Gone),
        }
    }

    async fn read(&self, from: &Positions) -> Result<PastReader, PushError> {
        let reader = PastReader {
            consumer: Some(consumer(&self.settings).map_err(unavailable)?),
        };
        let list = topic_bounds::list(&self.topic, from).map_err(PushError::Unavailable)?;
        if let Some(consumer) = &reader.consumer {
            consumer.assign(&list).map_err(unavailable)?;
        }
        Ok(reader)
    }
}

fn unavailable(error: impl Into<anyhow::Error>) -> PushError {
    PushError::Unavailable(error.into())
}

impl ChangeLogReader for PastReader {
    async fn next(&mut self) -> Result<Heard, PushError> {
        // It is there until this is dropped.
        let consumer = self.consumer.as_ref().ok_or(PushError::Gone)?;
        loop {
            match consumer.recv().await {
                Ok(record) => {
                    return Ok(Heard {
                        partition: record.partition(),
                        offset: record.offset(),
                        change: change(&record),
                    });
                }
                Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                )) => return Err(PushError::Gone),
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(unavailable(error)),
                // Brokers that are away come back, or the client's time is over.
                Err(error) => tracing::debug!(%error, "reading past changes stumbled"),
            }
        }
    }
}

impl Drop for PastReader {
    fn drop(&mut self) {
        // Leaving a client blocks for a moment, and this is dropped on the thread that serves others.
        let consumer = self.consumer.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => _ = runtime.spawn_blocking(move || drop(consumer)),
            Err(_) => drop(consumer),
        }
    }
}
