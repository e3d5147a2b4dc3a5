//! Buckets that are kept from the relays.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::RepublishError;
use crate::application::ports::{Lease, Leases, StoreError};

/// Between two looks whether a relay has given a bucket back.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Reservation<L> {
    leases: Arc<L>,
    owner: Uuid,
    ttl: Duration,
    held: BTreeMap<u16, i64>,
    renewed_at: Instant,
    renew_at: Instant,
}

/// Told to stop before the buckets were free.
#[derive(Debug)]
pub struct Stopped;

impl<L: Leases> Reservation<L> {
    pub fn new(leases: Arc<L>, owner: Uuid, ttl: Duration) -> Self {
        Self {
            leases,
            owner,
            ttl,
            held: BTreeMap::new(),
            renewed_at: Instant::now(),
            renew_at: Instant::now(),
        }
    }

    /// Reserves the buckets and waits until all of them are held.
    pub async fn acquire(
        &mut self,
        buckets: &[u16],
        timeout: Duration,
        stop: &CancellationToken,
    ) -> Result<Result<(), Stopped>, RepublishError> {
        let deadline = Instant::now() + timeout;
        loop {
            let failure = self.reserve(buckets).await.err();
            let missing: Vec<u16> = buckets
                .iter()
                .copied()
                .filter(|bucket| !self.held.contains_key(bucket))
                .collect();
            if missing.is_empty() && failure.is_none() {
                return Ok(Ok(()));
            }
            if Instant::now() >= deadline {
                return Err(RepublishError::BucketsNotFree {
                    buckets: missing,
                    waited: timeout,
                    source: failure,
                });
            }
            if stop
                .run_until_cancelled(tokio::time::sleep(LOOK_AGAIN))
                .await
                .is_none()
            {
                return Ok(Err(Stopped));
            }
        }
    }

    /// The lease on a bucket, while it is certain.
    pub fn lease(&self, bucket: u16) -> Option<Lease> {
        let epoch = *self.held.get(&bucket)?;
        (self.renewed_at.elapsed() < self.ttl).then_some(Lease { bucket, epoch })
    }

    /// Does some work and keeps the leases alive meanwhile.
    pub async fn keeping<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.renew_at) => {
                    if let Err(error) = self.reserve(&[]).await {
                        tracing::warn!(%error, "the reservation was not renewed");
                    }
                }
                done = &mut work => return done,
            }
        }
    }

    pub async fn give_back(&mut self, bucket: u16) {
        self.held.remove(&bucket);
        if let Err(error) = self.leases.give_back(self.owner, &[bucket]).await {
            tracing::warn!(%error, bucket, "the bucket was not given back and runs out");
        }
    }

    /// Gives all back.
    pub async fn release(&mut self) {
        self.held.clear();
        if let Err(error) = self.leases.release(self.owner).await {
            tracing::warn!(%error, "the buckets were not given back and run out");
        }
    }

    async fn reserve(&mut self, buckets: &[u16]) -> Result<(), StoreError> {
        let began = Instant::now();
        self.renew_at = began + self.ttl / 4;
        let leases = self.leases.reserve(self.owner, buckets).await?;
        self.held = leases
            .into_iter()
            .map(|lease| (lease.bucket, lease.epoch))
            .collect();
        self.renewed_at = began;
        Ok(())
    }
}
