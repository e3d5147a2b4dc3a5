//! What changed, as JSON in `query-service.changes`, keyed by the aggregate's id.

use std::time::Duration;

use anyhow::Context;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::future_producer::{DeliveryFuture, FutureProducer, FutureRecord};
use shared_events::topic::CHANGES;

use super::settings::KafkaSettings;
use crate::application::ports::{Change, ChangePublisher, StoreError};

/// For librdkafka to send something off.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(10);

pub struct ChangeTopic {
    producer: FutureProducer,
    topic: String,
}

impl ChangeTopic {
    pub fn new(producer: FutureProducer, settings: &KafkaSettings) -> Self {
        Self {
            producer,
            topic: settings.topic(CHANGES),
        }
    }
}

impl ChangeTopic {
    async fn hand_over(&self, change: &Change) -> Result<DeliveryFuture, StoreError> {
        let key = change.id.to_string();
        let body = serde_json::to_vec(change)
            .context("a change cannot be written as JSON")
            .map_err(StoreError::Failed)?;
        let mut record = FutureRecord::to(&self.topic).key(&key).payload(&body);
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => return Ok(delivery),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    tokio::time::sleep(QUEUE_FULL_PAUSE).await;
                }
                Err((error, _)) => return Err(StoreError::Unavailable(error.into())),
            }
        }
    }
}

impl ChangePublisher for ChangeTopic {
    async fn publish(&self, changes: &[Change]) -> Result<(), StoreError> {
        // All are handed over before the first is awaited.
        let mut deliveries = Vec::with_capacity(changes.len());
        for change in changes {
            deliveries.push(self.hand_over(change).await?);
        }
        for delivery in deliveries {
            match delivery.await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => return Err(StoreError::Unavailable(error.into())),
                Err(dropped) => return Err(StoreError::Unavailable(dropped.into())),
            }
        }
        Ok(())
    }
}
