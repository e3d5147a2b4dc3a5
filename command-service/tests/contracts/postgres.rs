use std::sync::Arc;
use std::time::Duration;

use command_service::outbound::postgres::{
    PgEventArchive, PgEventStore, PgLeases, PgOutbox, PgRepublishRuns, Relays, Wakes, Workers,
};

use crate::support::TestDatabase;
use crate::{Adapters, SharedBuckets, contract_suite, lease_suite};

/// Longer than any test.
const LEASE_TTL: Duration = Duration::from_secs(60);

struct InPostgres {
    store: Arc<PgEventStore>,
    outbox: Arc<PgOutbox>,
    leases: Arc<PgLeases<Relays>>,
    database: TestDatabase,
}

async fn in_postgres() -> InPostgres {
    let database = TestDatabase::create().await;
    let connections = database.open();
    InPostgres {
        database,
        store: Arc::new(PgEventStore::new(connections.clone(), Wakes::default())),
        outbox: Arc::new(PgOutbox::new(connections.clone())),
        leases: Arc::new(PgLeases::new(connections, LEASE_TTL)),
    }
}

impl SharedBuckets for InPostgres {
    type Leases = PgLeases<Relays>;

    fn leases(&self) -> Arc<PgLeases<Relays>> {
        Arc::clone(&self.leases)
    }

    async fn expire_leases(&self) {
        expire(&self.database, "relay_leases", "relays").await;
    }
}

impl Adapters for InPostgres {
    type Store = PgEventStore;
    type Outbox = PgOutbox;
    type Archive = PgEventArchive;
    type Runs = PgRepublishRuns;

    fn store(&self) -> Arc<PgEventStore> {
        Arc::clone(&self.store)
    }

    fn outbox(&self) -> Arc<PgOutbox> {
        Arc::clone(&self.outbox)
    }

    fn archive(&self) -> Arc<PgEventArchive> {
        Arc::new(PgEventArchive::new(self.database.open()))
    }

    fn runs(&self) -> Arc<PgRepublishRuns> {
        Arc::new(PgRepublishRuns::new(self.database.open()))
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

contract_suite!(in_postgres);

async fn expire(database: &TestDatabase, leases: &str, owners: &str) {
    let owner = database.as_owner().await;
    owner
        .batch_execute(&format!(
            "UPDATE {leases} SET expires_at = expires_at - interval '10 minutes', \
             reserved_until = reserved_until - interval '10 minutes'; \
             UPDATE {owners} SET seen_at = seen_at - interval '10 minutes'"
        ))
        .await
        .unwrap();
}

/// The workers' leases stand in tables of their own.
mod of_workers {
    use super::*;

    struct WorkersLeases {
        leases: Arc<PgLeases<Workers>>,
        database: TestDatabase,
    }

    async fn in_postgres() -> WorkersLeases {
        let database = TestDatabase::create().await;
        WorkersLeases {
            leases: Arc::new(PgLeases::new(database.open(), LEASE_TTL)),
            database,
        }
    }

    impl SharedBuckets for WorkersLeases {
        type Leases = PgLeases<Workers>;

        fn leases(&self) -> Arc<PgLeases<Workers>> {
            Arc::clone(&self.leases)
        }

        async fn expire_leases(&self) {
            expire(&self.database, "worker_leases", "workers").await;
        }
    }

    lease_suite!(in_postgres);
}
