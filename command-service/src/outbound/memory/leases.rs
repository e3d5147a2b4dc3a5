use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{ManualClock, MemoryStore};
use crate::application::ports::{BUCKETS, Clock, Lease, Leases, StoreError};

/// The leases of one pool.
#[derive(Debug)]
pub struct MemoryLeases {
    clock: Arc<ManualClock>,
    lease_time: TimeDelta,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    leases: BTreeMap<u16, Row>,
    /// When each owner last said that it lives.
    owners: BTreeMap<Uuid, DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    /// None once it was given back.
    owner: Option<Uuid>,
    epoch: i64,
    expires_at: DateTime<Utc>,
    reserved: Option<(Uuid, DateTime<Utc>)>,
}

impl Row {
    fn is_free(&self, now: DateTime<Utc>) -> bool {
        self.owner.is_none() || self.expires_at <= now
    }

    fn is_reserved(&self, now: DateTime<Utc>) -> bool {
        self.reserved.is_some_and(|(_, until)| until > now)
    }
}

impl MemoryLeases {
    pub fn new(clock: Arc<ManualClock>, lease_time: TimeDelta) -> Self {
        Self {
            clock,
            lease_time,
            table: Mutex::default(),
        }
    }

    pub(super) fn is_current(&self, lease: Lease) -> bool {
        let table = self.table();
        let row = table.leases.get(&lease.bucket);
        row.is_some_and(|row| row.epoch == lease.epoch)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change is made at once or not at all: a panicking test leaves no half.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leases for MemoryLeases {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        let mut table = self.table();
        table.owners.insert(owner, now);
        table.owners.retain(|_, seen_at| now - *seen_at < self.lease_time);
        let share = table.fair_share(owner);
        table.renew(owner, now + self.lease_time);
        table.give_back(owner, share, busy, now);
        table.take(owner, share, now, self.lease_time);
        Ok(table.held_by(owner))
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        let mut table = self.table();
        table.owners.remove(&owner);
        for row in table.leases.values_mut() {
            row.owner = row.owner.filter(|other| *other != owner);
            row.reserved = row.reserved.filter(|(other, _)| *other != owner);
        }
        Ok(())
    }

    async fn reserve(&self, owner: Uuid, buckets: &[u16]) -> Result<Vec<Lease>, StoreError> {
        let now = self.clock.now();
        let until = now + self.lease_time;
        let mut table = self.table();
        let mut held = Vec::new();
        for bucket in 0..BUCKETS {
            let row = table.row(bucket, now);
            let is_mine = row.reserved.is_some_and(|(other, _)| other == owner);
            if !(is_mine || buckets.contains(&bucket) && !row.is_reserved(now)) {
                continue;
            }
            row.reserved = Some((owner, until));
            if row.is_free(now) {
                row.owner = Some(owner);
                row.epoch += 1;
            }
            if row.owner == Some(owner) {
                row.expires_at = until;
                held.push(Lease {
                    bucket,
                    epoch: row.epoch,
                });
            }
        }
        Ok(held)
    }

    async fn give_back(&self, owner: Uuid, buckets: &[u16]) -> Result<(), StoreError> {
        let mut table = self.table();
        for (bucket, row) in &mut table.leases {
            if buckets.contains(bucket) && row.reserved.is_some_and(|(other, _)| other == owner) {
                row.reserved = None;
                row.owner = row.owner.filter(|other| *other != owner);
            }
        }
        Ok(())
    }
}

/// Those of the relays.
impl Leases for MemoryStore {
    async fn balance(&self, owner: Uuid, busy: &[u16]) -> Result<Vec<Lease>, StoreError> {
        self.relay_leases.balance(owner, busy).await
    }

    async fn release(&self, owner: Uuid) -> Result<(), StoreError> {
        self.relay_leases.release(owner).await
    }

    async fn reserve(&self, owner: Uuid, buckets: &[u16]) -> Result<Vec<Lease>, StoreError> {
        self.relay_leases.reserve(owner, buckets).await
    }

    async fn give_back(&self, owner: Uuid, buckets: &[u16]) -> Result<(), StoreError> {
        self.relay_leases.give_back(owner, buckets).await
    }
}

impl Table {
    fn row(&mut self, bucket: u16, now: DateTime<Utc>) -> &mut Row {
        self.leases.entry(bucket).or_insert(Row {
            owner: None,
            epoch: 0,
            expires_at: now,
            reserved: None,
        })
    }

    /// The shares of all living owners add up to all buckets and differ by one at most.
    fn fair_share(&self, owner: Uuid) -> usize {
        let buckets = usize::from(BUCKETS);
        let owners = self.owners.len().max(1);
        let rank = self.owners.range(..owner).count();
        buckets / owners + usize::from(rank < buckets % owners)
    }

    fn held_by(&self, owner: Uuid) -> Vec<Lease> {
        self.leases
            .iter()
            .filter(|(_, row)| row.owner == Some(owner))
            .map(|(bucket, row)| Lease {
                bucket: *bucket,
                epoch: row.epoch,
            })
            .collect()
    }

    /// An expired lease that nobody took is still the owner's: nobody worked in between.
    fn renew(&mut self, owner: Uuid, expires_at: DateTime<Utc>) {
        for row in self.leases.values_mut().filter(|row| row.owner == Some(owner)) {
            row.expires_at = expires_at;
        }
    }

    fn give_back(&mut self, owner: Uuid, share: usize, busy: &[u16], now: DateTime<Utc>) {
        let mut excess = self.held_by(owner).len().saturating_sub(share);
        for (bucket, row) in &mut self.leases {
            if row.owner != Some(owner) || busy.contains(bucket) {
                continue;
            }
            if row.is_reserved(now) {
                row.owner = None;
            } else if excess > 0 {
                row.owner = None;
                excess -= 1;
            }
        }
    }

    fn take(&mut self, owner: Uuid, share: usize, now: DateTime<Utc>, lease_time: TimeDelta) {
        let mut wanted = share.saturating_sub(self.held_by(owner).len());
        for bucket in 0..BUCKETS {
            if wanted == 0 {
                return;
            }
            let row = self.row(bucket, now);
            if row.is_free(now) && !row.is_reserved(now) {
                row.owner = Some(owner);
                row.epoch += 1;
                row.expires_at = now + lease_time;
                wanted -= 1;
            }
        }
    }
}
