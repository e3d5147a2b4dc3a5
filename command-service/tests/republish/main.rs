//! Sending again what was published, on real servers.
#![allow(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach their shared functions"
)]

mod all;
mod lost_topics;
mod process;
mod repairs;
mod streams;
#[path = "../support/mod.rs"]
mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use command_service::outbound::kafka::{KafkaPublisher, KafkaTopics};
use command_service::outbound::postgres::{PgEventArchive, PgLeases, PgOutbox, PgRepublishRuns, Relays};
use command_service::outbound::system::TimeOrderedIds;
use command_service::relay::RelaySettings;
use command_service::republishing::{
    Ports, RepublishError, Republisher, RepublishingSettings, RunProgress, RunSummary, Start,
};
use shared_events::AggregateType;
use tokio_util::sync::CancellationToken;

use support::topics::TestTopics;
use support::{TestDatabase, unique_id};

pub const CUSTOMERS: &str = "ordering.customers";

type Production = Republisher<PgEventArchive, PgLeases<Relays>, PgOutbox, KafkaPublisher>;

/// A republisher on real servers.
pub struct World {
    pub republisher: Production,
    pub stop: CancellationToken,
    topics: KafkaTopics,
    runs: PgRepublishRuns,
}

impl World {
    pub fn new(database: &TestDatabase, topics: &TestTopics) -> Self {
        Self::with(database, topics, RepublishingSettings::default())
    }

    pub fn with(database: &TestDatabase, topics: &TestTopics, settings: RepublishingSettings) -> Self {
        let connections = database.open();
        let stop = CancellationToken::new();
        let lease_ttl = RelaySettings::default().lease_ttl;
        let ports = Ports {
            archive: Arc::new(PgEventArchive::new(connections.clone())),
            leases: Arc::new(PgLeases::new(connections.clone(), lease_ttl)),
            outbox: Arc::new(PgOutbox::new(connections.clone())),
            publisher: Arc::new(topics.publisher()),
        };
        Self {
            republisher: Republisher::new(ports, unique_id(), settings, lease_ttl, stop.clone()),
            stop,
            topics: KafkaTopics::new(&topics.kafka),
            runs: PgRepublishRuns::new(connections),
        }
    }

    pub async fn all(
        &self,
        start: Start,
        report: impl FnMut(RunProgress) + Send,
    ) -> Result<RunSummary, RepublishError> {
        let scope = Some(AggregateType::Customer);
        self.republisher
            .republish_all(scope, start, &self.topics, &self.runs, &TimeOrderedIds, report)
            .await
    }
}

pub fn rate(events: u32) -> RepublishingSettings {
    RepublishingSettings {
        rate: NonZeroU32::new(events).unwrap(),
        slice: Duration::from_millis(300),
        ..RepublishingSettings::default()
    }
}
