//! The API on the in-memory event store, which may be told to fail.

use std::sync::Arc;

use command_service::application::bus::{CommandBus, RetryPolicy};
use command_service::application::ports::{Backlog, Commit, EventStore, StoreError, StoredEvent, StreamId};
use command_service::inbound::health::{Dependency, Health};
use command_service::inbound::http::command_api::{CommandApi, Wiring};
use command_service::inbound::http::server::server;
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryStore};
use command_service::settings::{HttpSettings, Role, ShutdownSettings};
use command_service::telemetry::metrics_handle;
use tokio::sync::Semaphore;

use super::Client;

/// What the store does instead of its work, for as long as a test wants it to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Unavailable,
    Broken,
    Hangs,
}

pub struct FaultyStore {
    pub store: MemoryStore,
    fault: Fault,
}

impl FaultyStore {
    async fn fail(&self) -> Result<(), StoreError> {
        match self.fault {
            Fault::None => Ok(()),
            Fault::Unavailable => Err(StoreError::Unavailable(anyhow::anyhow!("secret cause"))),
            Fault::Broken => Err(StoreError::Failed(anyhow::anyhow!("secret cause"))),
            Fault::Hangs => std::future::pending().await,
        }
    }
}

impl EventStore for FaultyStore {
    async fn read(&self, streams: &[StreamId]) -> Result<Vec<Vec<StoredEvent>>, StoreError> {
        self.fail().await?;
        self.store.read(streams).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.fail().await?;
        self.store.commit(commit).await
    }
}

pub struct InMemory;

impl Wiring for InMemory {
    type Store = FaultyStore;
    type Clock = ManualClock;
    type Ids = CountingIds;
}

pub struct Api {
    client: Client,
    pub store: Arc<FaultyStore>,
    pub health: Arc<Health>,
}

impl std::ops::Deref for Api {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

pub async fn an_api() -> Api {
    an_api_with(HttpSettings::default(), Fault::None).await
}

pub async fn an_api_with(settings: HttpSettings, fault: Fault) -> Api {
    metrics_handle();
    let settings = HttpSettings {
        port: 0,
        workers: std::num::NonZeroUsize::new(1),
        ..settings
    };
    let (clock, ids) = (Arc::new(ManualClock::default()), Arc::new(CountingIds::default()));
    let store = Arc::new(FaultyStore {
        store: MemoryStore::new(Arc::clone(&clock)),
        fault,
    });
    let dependency = Dependency::new("database", true, move || async move {
        anyhow::ensure!(fault == Fault::None, "down");
        Ok(())
    });
    let health = Health::new(Role::Api, vec![dependency]).with_backlog(|| async {
        Ok(Backlog {
            rows: 3,
            oldest_seconds: 1.5,
        })
    });
    let health = Arc::new(health);
    let api = {
        let (store, deadline) = (Arc::clone(&store), settings.request_deadline);
        let in_flight = Arc::new(Semaphore::new(settings.max_in_flight.get()));
        move || {
            let retry = RetryPolicy::default();
            let bus = CommandBus::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&ids), retry);
            CommandApi::<InMemory>::new(
                bus,
                Arc::clone(&clock),
                Arc::clone(&ids),
                Arc::clone(&in_flight),
                deadline,
            )
        }
    };
    let (server, address) = server(
        &settings,
        &ShutdownSettings::default(),
        Arc::clone(&health),
        Some(api),
    )
    .expect("a free port");
    // Ends with the test's runtime.
    tokio::spawn(server);
    Api {
        client: Client::new(address),
        store,
        health,
    }
}
