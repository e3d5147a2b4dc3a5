use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use command_service::outbound::memory::{ManualClock, MemoryStore};

use crate::{Adapters, SharedBuckets, contract_suite};

struct InMemory {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

async fn in_memory() -> InMemory {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
    InMemory { clock, store }
}

impl SharedBuckets for InMemory {
    type Leases = MemoryStore;

    fn leases(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    async fn expire_leases(&self) {
        self.clock
            .advance(MemoryStore::LEASE_TIME + TimeDelta::seconds(1));
    }
}

impl Adapters for InMemory {
    type Store = MemoryStore;
    type Outbox = MemoryStore;
    type Archive = MemoryStore;
    type Runs = MemoryStore;

    fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    fn outbox(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    fn archive(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    fn runs(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(TimeDelta::from_std(time).unwrap());
    }
}

contract_suite!(in_memory);
