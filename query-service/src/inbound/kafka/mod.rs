//! Events from Kafka: read, decoded, shared out to the projector's lanes, committed once they are done.

pub mod changes_feed;

mod decoding;
mod group;
mod lag;
mod offsets;
mod reading;
mod source;
mod unknown_schemas;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::group::{Committing, GroupConsumer, Topics};
use self::reading::Reading;
use self::source::Source;
use self::unknown_schemas::UnknownSchemas;
use crate::application::ports::{ChangePublisher, DeadLetters, DocumentStore};
use crate::application::projecting::patience::Patience;
use crate::application::projecting::{Ports, ProjectorSettings, lane};
use crate::outbound::kafka::{KafkaSettings, SchemaLookups};

const CLOSES_WITHIN: Duration = Duration::from_secs(10);

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
        let topics = Topics::new(&self.kafka);
        let consumer = group::consumer(&self.kafka, &self.settings, topics.clone())
            .context("the Kafka consumer cannot be made")?;
        let consumer = Arc::new(consumer);
        consumer
            .subscribe(&topics.names())
            .context("the topics cannot be subscribed to")?;
        let abandon = CancellationToken::new();
        let ports = Ports {
            store: self.store,
            dead_letters: self.dead_letters,
            changes: self.changes,
            acknowledge: Arc::new(Committing {
                consumer: Arc::clone(&consumer),
            }),
        };
        let mut lane_tasks = JoinSet::new();
        let lanes = lane::start(&self.settings, &ports, &mut lane_tasks, &abandon);
        drop(ports);
        let lag_stopped = CancellationToken::new();
        let lag = tokio::spawn(lag::report(Arc::clone(&consumer), lag_stopped.clone()));
        let schemas = Arc::new(self.schemas);
        let reading = Reading {
            source: Source {
                consumer: Arc::clone(&consumer),
            },
            unknown: UnknownSchemas::new(
                Arc::clone(&schemas),
                Patience::new(&self.settings, abandon.clone()),
            ),
            schemas,
            lanes,
            pause_after: self.settings.pause_after,
        };
        // The lanes end when reading has dropped the way into them.
        let read = tokio::select! {
            read = reading.run(&cancel) => read,
            ended = lane_tasks.join_next() => Err(anyhow::anyhow!("a lane has ended: {ended:?}")),
        };
        let drained = tokio::time::timeout(self.settings.shutdown_grace, ended(&mut lane_tasks)).await;
        if drained.is_err() {
            tracing::warn!("records in flight are left; they are read again");
            abandon.cancel();
            ended(&mut lane_tasks).await;
        }
        lag_stopped.cancel();
        _ = lag.await;
        close(consumer).await;
        read
    }
}

async fn ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a lane failed");
        }
    }
}

/// Commits what is stored and leaves the group. librdkafka blocks in both, at worst until brokers answer.
async fn close(consumer: Arc<GroupConsumer>) {
    let closed = tokio::task::spawn_blocking(move || {
        match consumer.commit_consumer_state(CommitMode::Sync) {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => tracing::warn!(%error, "offsets were not committed"),
        }
        drop(consumer);
    });
    if tokio::time::timeout(CLOSES_WITHIN, closed).await.is_err() {
        tracing::warn!("the Kafka consumer does not close");
    }
}
