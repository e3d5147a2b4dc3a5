use std::sync::Arc;

use chrono::TimeDelta;
use command_service::outbound::memory::{ManualClock, MemoryStore};

use crate::{Adapters, contract_suite};

struct InMemory {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

async fn in_memory() -> InMemory {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    InMemory { clock, store }
}

impl Adapters for InMemory {
    type Store = MemoryStore;
    type Outbox = MemoryStore;

    fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    fn outbox(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    async fn expire_leases(&self) {
        self.clock
            .advance(MemoryStore::LEASE_TIME + TimeDelta::seconds(1));
    }
}

contract_suite!(in_memory);
