use std::sync::Arc;
use std::time::Duration;

use command_service::outbound::postgres::{PgEventStore, PgOutbox};
use command_service::relay::Wake;

use crate::support::TestDatabase;
use crate::{Adapters, contract_suite};

/// Longer than any test.
const LEASE_TTL: Duration = Duration::from_secs(60);

struct InPostgres {
    database: TestDatabase,
    store: Arc<PgEventStore>,
    outbox: Arc<PgOutbox>,
}

async fn in_postgres() -> InPostgres {
    let database = TestDatabase::create().await;
    let connections = database.open();
    InPostgres {
        database,
        store: Arc::new(PgEventStore::new(connections.clone(), Arc::new(Wake::default()))),
        outbox: Arc::new(PgOutbox::new(connections, LEASE_TTL)),
    }
}

impl Adapters for InPostgres {
    type Store = PgEventStore;
    type Outbox = PgOutbox;

    fn store(&self) -> Arc<PgEventStore> {
        Arc::clone(&self.store)
    }

    fn outbox(&self) -> Arc<PgOutbox> {
        Arc::clone(&self.outbox)
    }

    async fn expire_leases(&self) {
        let owner = self.database.as_owner().await;
        owner
            .batch_execute(
                "UPDATE relay_leases SET expires_at = expires_at - interval '10 minutes'; \
                 UPDATE relays SET seen_at = seen_at - interval '10 minutes'",
            )
            .await
            .unwrap();
    }
}

contract_suite!(in_postgres);
