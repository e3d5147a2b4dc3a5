//! What closes gaps, in memory.

use std::sync::{Arc, Mutex, PoisonError};

use shared_events::RepairRequest;

use crate::application::ports::{Missing, PublishedEvents, RepairRequests, StoreError};
use crate::application::projecting::Record;

/// Published events. A clone has the same.
#[derive(Clone, Default)]
pub struct MemoryEvents {
    published: Arc<Mutex<Published>>,
}

#[derive(Default)]
struct Published {
    records: Vec<Arc<Record>>,
    unavailable: bool,
}

impl MemoryEvents {
    pub fn publish(&self, record: Record) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.records.push(Arc::new(record));
    }

    /// From now on every call fails as in an outage, until it is called with `false`.
    pub fn set_unavailable(&self, unavailable: bool) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.unavailable = unavailable;
    }
}

impl PublishedEvents for MemoryEvents {
    async fn find(&self, wanted: &[Missing]) -> Result<Vec<Arc<Record>>, StoreError> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if published.unavailable {
            return Err(StoreError::Unavailable(anyhow::anyhow!("an outage was ordered")));
        }
        let is_wanted = |record: &&Arc<Record>| {
            let metadata = &record.metadata;
            wanted.iter().any(|missing| {
                (missing.aggregate, missing.id) == (metadata.aggregate, metadata.aggregate_id)
                    && metadata.version >= missing.from_version
            })
        };
        Ok(published.records.iter().filter(is_wanted).cloned().collect())
    }
}

#[derive(Default)]
pub struct MemoryRepairRequests {
    requests: Mutex<Vec<RepairRequest>>,
}

impl MemoryRepairRequests {
    /// What was asked for since this was called last.
    pub fn take(&self) -> Vec<RepairRequest> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RepairRequests for MemoryRepairRequests {
    async fn send(&self, requests: &[RepairRequest]) -> Result<(), StoreError> {
        let mut sent = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        sent.extend_from_slice(requests);
        Ok(())
    }
}
