//! A relay at work, and what it is to bring about.

use std::collections::BTreeMap;
use std::sync::Arc;

use command_service::application::ports::Outbox;
use command_service::outbound::postgres::{PgEventStore, PgLeases, PgOutbox, Relays, Wakes};
use command_service::relay::{Relay, RelaySettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::topics::{Record, TestTopics};
use super::{TestDatabase, eventually, unique_id};

/// A relay at work on real servers, and a store that wakes it.
pub struct Running {
    pub store: PgEventStore,
    pub outbox: Arc<PgOutbox>,
    pub leases: Arc<PgLeases<Relays>>,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Running {
    pub fn start(database: &TestDatabase, topics: &TestTopics, settings: RelaySettings) -> Self {
        let connections = database.open();
        let wakes = Wakes::default();
        let outbox = Arc::new(PgOutbox::new(connections.clone()));
        let leases = Arc::new(PgLeases::new(connections.clone(), settings.lease_ttl));
        let stop = CancellationToken::new();
        let relay = Relay::new(
            Arc::clone(&leases),
            Arc::clone(&outbox),
            Arc::new(topics.publisher()),
            Arc::clone(&wakes.outbox),
            unique_id(),
            &settings,
        );
        Self {
            store: PgEventStore::new(connections, wakes),
            outbox,
            leases,
            task: tokio::spawn(relay.run(stop.clone())),
            stop,
        }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Waits until nothing is left in the outbox.
    pub async fn drained(&self) {
        eventually("the outbox is empty", async || {
            self.outbox.backlog().await.unwrap().rows == 0
        })
        .await;
    }
}

/// The versions of each key in the order of their first occurrences.
pub fn first_occurrences(records: &[Record]) -> BTreeMap<String, Vec<u64>> {
    let mut by_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut records = records.to_vec();
    records.sort_by_key(|record| (record.partition, record.offset));
    for record in &records {
        let versions = by_key.entry(record.key.clone()).or_default();
        if !versions.contains(&record.version()) {
            versions.push(record.version());
        }
    }
    by_key
}
