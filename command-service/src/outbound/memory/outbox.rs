use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::MemoryStore;
use super::state::{LeaseRow, State};
use crate::application::ports::{BUCKETS, Backlog, Clock, Lease, Outbox, OutboxRow, StoreError};

impl Outbox for MemoryStore {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        state.relays.insert(owner, now);
        state.relays.retain(|_, seen_at| now - *seen_at < self.lease_time);
        let share = state.fair_share(owner);
        state.renew(owner, now + self.lease_time);
        state.give_back(owner, share, busy);
        state.take(owner, share, now, self.lease_time);
        Ok(state.held_by(owner))
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        let mut state = self.state();
        state.relays.remove(&owner);
        state.give_back(owner, 0, &[]);
        Ok(())
    }

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
            let is_current = state
                .leases
                .get(&lease.bucket)
                .is_some_and(|current| current.epoch == lease.epoch);
            if is_current && state.outbox.remove(&(lease.bucket, *id)).is_some() {
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

impl State {
    /// The shares of all living relays add up to all buckets and differ by one at most.
    fn fair_share(&self, owner: Uuid) -> usize {
        let buckets = usize::from(BUCKETS);
        let relays = self.relays.len().max(1);
        let rank = self.relays.range(..owner).count();
        buckets / relays + usize::from(rank < buckets % relays)
    }

    fn held_by(&self, owner: Uuid) -> Vec<Lease> {
        self.leases
            .iter()
            .filter(|(_, lease)| lease.owner == Some(owner))
            .map(|(bucket, lease)| Lease {
                bucket: *bucket,
                epoch: lease.epoch,
            })
            .collect()
    }

    /// An expired lease that nobody took is still the owner's: nobody published in between.
    fn renew(&mut self, owner: Uuid, expires_at: DateTime<Utc>) {
        for lease in self
            .leases
            .values_mut()
            .filter(|lease| lease.owner == Some(owner))
        {
            lease.expires_at = expires_at;
        }
    }

    fn give_back(&mut self, owner: Uuid, share: usize, busy: &[u16]) {
        let excess = self.held_by(owner).len().saturating_sub(share);
        let idle = self
            .leases
            .iter_mut()
            .filter(|(bucket, lease)| lease.owner == Some(owner) && !busy.contains(bucket));
        for (_, lease) in idle.take(excess) {
            lease.owner = None;
        }
    }

    fn take(&mut self, owner: Uuid, share: usize, now: DateTime<Utc>, lease_time: TimeDelta) {
        let mut wanted = share.saturating_sub(self.held_by(owner).len());
        for bucket in 0..BUCKETS {
            if wanted == 0 {
                return;
            }
            let lease = self.leases.entry(bucket).or_insert(LeaseRow {
                owner: None,
                epoch: 0,
                expires_at: now,
            });
            if lease.owner.is_none() || lease.expires_at <= now {
                lease.owner = Some(owner);
                lease.epoch += 1;
                lease.expires_at = now + lease_time;
                wanted -= 1;
            }
        }
    }
}
