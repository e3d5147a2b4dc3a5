//! What changed, as JSON in `query-service.changes`, keyed by the aggregate's id.

use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::topic::CHANGES;

use super::settings::KafkaSettings;
use crate::application::ports::{Change, ChangePublisher, StoreError};

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

impl ChangePublisher for ChangeTopic {
    async fn publish(&self, changes: &[Change]) -> Result<(), StoreError> {
        // All are handed over before the first is awaited.
        let sends = changes.iter().map(|change| async move {
            let key = change.id.to_string();
            let body = serde_json::to_vec(change)
                .context("a change cannot be written as JSON")
                .map_err(StoreError::Failed)?;
            self.producer
                .send(
                    FutureRecord::to(&self.topic).key(&key).payload(&body),
                    Duration::from_secs(30),
                )
                .await
                .map_err(|(error, _)| StoreError::Unavailable(error.into()))
        });
        try_join_all(sends).await.map(drop)
    }
}
