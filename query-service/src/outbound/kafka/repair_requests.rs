//! Streams of which events are missing, asked for in `query-service.repair-requests`.

use std::time::Duration;

use futures_util::future::try_join_all;
use rdkafka::producer::{FutureProducer, FutureRecord};
use shared_events::RepairRequest;
use shared_events::topic::REPAIR_REQUESTS;

use super::settings::KafkaSettings;
use crate::application::ports::{RepairRequests, StoreError};

/// For a place in the producer's queue.
const QUEUED_WITHIN: Duration = Duration::from_secs(30);

pub struct RepairRequestTopic {
    producer: FutureProducer,
    topic: String,
}

impl RepairRequestTopic {
    pub fn new(producer: FutureProducer, settings: &KafkaSettings) -> Self {
        Self {
            producer,
            topic: settings.topic(REPAIR_REQUESTS),
        }
    }
}

impl RepairRequests for RepairRequestTopic {
    async fn send(&self, requests: &[RepairRequest]) -> Result<(), StoreError> {
        let deliveries = requests.iter().map(|request| async {
            let (key, value) = (request.id.to_string(), request.encode());
            let record = FutureRecord::to(&self.topic).key(&key).payload(&value);
            self.producer.send(record, QUEUED_WITHIN).await
        });
        match try_join_all(deliveries).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(StoreError::Unavailable(error.into())),
        }
    }
}
