//! The API on the in-memory event store, which may be told to fail.

use std::sync::Arc;
use std::time::Duration;

use command_service::application::backpressure::Backpressure;
use command_service::application::bus::{CommandBus, KeysInFlight, RetryPolicy};
use command_service::application::ports::{
    AcceptedCommand, Backlog, CommandStore, Commit, EventStore, IdempotencyKey, KeyedCommand, NumberSeries,
    QueuedCommand, Snapshot, StoreError, StoredStream, StreamId,
};
use command_service::inbound::health::{Dependency, Health};
use command_service::inbound::http::admission::Admission;
use command_service::inbound::http::authentication::Authentication;
use command_service::inbound::http::command_api::{CommandApi, Wiring};
use command_service::inbound::http::server::server;
use command_service::outbound::memory::{CountingIds, ManualClock, MemoryStore};
use command_service::settings::{AuthSettings, HttpSettings, Role, ShutdownSettings};
use command_service::telemetry::metrics_handle;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Client;

/// What the store does instead of its work, for as long as a test wants it to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Unavailable,
    Broken,
    Hangs,
    /// Only where it is to commit.
    HangsInCommit,
}

pub struct FaultyStore {
    pub store: MemoryStore,
    fault: Fault,
    /// Told when a commit has begun to hang.
    pub hanging: Notify,
}

impl FaultyStore {
    async fn fail(&self) -> Result<(), StoreError> {
        match self.fault {
            Fault::None | Fault::HangsInCommit => Ok(()),
            Fault::Unavailable => Err(StoreError::Unavailable(anyhow::anyhow!("secret cause"))),
            Fault::Broken => Err(StoreError::Failed(anyhow::anyhow!("secret cause"))),
            Fault::Hangs => std::future::pending().await,
        }
    }
}

impl EventStore for FaultyStore {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        self.fail().await?;
        self.store.read(streams, snapshot_format).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.fail().await?;
        if self.fault == Fault::HangsInCommit {
            self.hanging.notify_one();
            std::future::pending::<()>().await;
        }
        self.store.commit(commit).await
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        self.fail().await?;
        self.store.save_snapshot(stream, snapshot, format).await
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        self.fail().await?;
        self.store.last_number(series).await
    }
}

impl CommandStore for FaultyStore {
    async fn command(&self, command_id: Uuid) -> Result<Option<AcceptedCommand>, StoreError> {
        self.fail().await?;
        CommandStore::command(&self.store, command_id).await
    }

    async fn command_of_key(&self, actor: &str, key: &str) -> Result<Option<KeyedCommand>, StoreError> {
        self.fail().await?;
        self.store.command_of_key(actor, key).await
    }

    async fn enqueue(&self, command: QueuedCommand, key: Option<IdempotencyKey>) -> Result<(), StoreError> {
        self.fail().await?;
        self.store.enqueue(command, key).await
    }

    async fn forget_keys(&self, older_than: Duration, limit: usize) -> Result<usize, StoreError> {
        self.fail().await?;
        self.store.forget_keys(older_than, limit).await
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
    /// Full at 100.
    pub outbox: Arc<Backpressure>,
    /// Full at 100.
    pub queue: Arc<Backpressure>,
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
    an_api_of(settings, AuthSettings::default(), fault).await
}

pub async fn an_api_of(settings: HttpSettings, auth: AuthSettings, fault: Fault) -> Api {
    metrics_handle();
    let authentication = Arc::new(Authentication::new(&auth).expect("keys"));
    let settings = HttpSettings {
        port: 0,
        workers: std::num::NonZeroUsize::new(1),
        ..settings
    };
    let (clock, ids) = (Arc::new(ManualClock::default()), Arc::new(CountingIds::default()));
    let store = Arc::new(FaultyStore {
        store: MemoryStore::new(Arc::clone(&clock)),
        fault,
        hanging: Notify::new(),
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
    let hundred = const { std::num::NonZeroU64::new(100).unwrap() };
    let [outbox, queue] = ["outbox", "command_queue"].map(|name| Arc::new(Backpressure::new(name, hundred)));
    let api = {
        let (store, deadline) = (Arc::clone(&store), settings.request_deadline);
        let admission = Admission::new(&settings, Arc::clone(&outbox), Arc::clone(&queue));
        let admission = Arc::new(admission);
        let keys_in_flight = KeysInFlight::default();
        move || {
            let bus = CommandBus::new(
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&ids),
                RetryPolicy::default(),
                keys_in_flight.clone(),
            );
            CommandApi::<InMemory>::new(
                bus,
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&ids),
                Arc::clone(&admission),
                deadline,
                Arc::clone(&authentication),
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
        outbox,
        queue,
    }
}
