use super::MemoryStore;
use crate::application::ports::{Backlog, Clock, Lease, Outbox, OutboxRow, StoreError};

impl Outbox for MemoryStore {
    async fn pending(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let state = self.state();
        Ok(buckets
            .iter()
            .flat_map(|bucket| {
                state
                    .outbox
                    .range((*bucket, i64::MIN)..=(*bucket, i64::MAX))
                    .take(per_bucket)
            })
            .map(|(_, unpublished)| unpublished.row.clone())
            .collect())
    }

    async fn mark_published(&self, rows: &[(Lease, i64)]) -> Result<usize, StoreError> {
        let mut state = self.state();
        let mut removed = 0;
        for (lease, id) in rows {
            if self.relay_leases.is_current(*lease) && state.outbox.remove(&(lease.bucket, *id)).is_some() {
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let oldest = state.outbox.values().map(|row| row.created_at).min();
        Ok(Backlog {
            rows: state.outbox.len() as u64,
            oldest_seconds: oldest.map_or(0.0, |at| (now - at).as_seconds_f64()),
        })
    }
}
