//! Which buckets this owner holds and what each is waiting for. No I/O, no tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{BucketMask, Outcome, Report, SharingSettings, mask_of};
use crate::application::ports::Lease;

#[derive(Debug)]
pub struct Buckets {
    held: BTreeMap<u16, Bucket>,
    /// Why each bucket of a batch in work was taken; also of those whose lease went meanwhile, because a bucket has one
    /// batch at a time.
    in_work: BTreeMap<u16, Reason>,
    spread: bool,
    back_off_min: Duration,
    back_off_max: Duration,
}

#[derive(Debug)]
struct Bucket {
    epoch: i64,
    wanted: Option<Reason>,
    /// Its last batch was as large as may be.
    backlogged: bool,
    retry: Option<Retry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Work is there, or it is new.
    Told,
    /// There might be work.
    Polled,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

impl Buckets {
    pub fn new(settings: &SharingSettings) -> Self {
        Self {
            held: BTreeMap::new(),
            in_work: BTreeMap::new(),
            spread: settings.spread,
            back_off_min: settings.back_off_min,
            back_off_max: settings.back_off_max,
        }
    }

    /// Takes in what the store says is held.
    pub fn adopt(&mut self, leases: &[Lease]) {
        self.held.retain(|bucket, held| {
            leases
                .iter()
                .any(|lease| lease.bucket == *bucket && lease.epoch == held.epoch)
        });
        for lease in leases {
            self.held.entry(lease.bucket).or_insert(Bucket {
                epoch: lease.epoch,
                wanted: Some(Reason::Told),
                backlogged: false,
                retry: None,
            });
        }
    }

    /// Work is there.
    pub fn want(&mut self, buckets: BucketMask) {
        for (bucket, held) in &mut self.held {
            if buckets & mask_of(*bucket) != 0 {
                held.wanted = Some(Reason::Told);
            }
        }
    }

    /// There might be work in any.
    pub fn poll(&mut self) {
        for (bucket, held) in &mut self.held {
            if !self.in_work.contains_key(bucket) {
                held.wanted.get_or_insert(Reason::Polled);
            }
        }
    }

    /// The buckets of a new batch: all that are due, or a share of them where there is work for every free lane.
    pub fn start(&mut self, now: Instant, free_lanes: usize) -> Vec<Lease> {
        let due: Vec<u16> = self
            .held
            .iter()
            .filter(|(bucket, held)| {
                held.wanted.is_some()
                    && !self.in_work.contains_key(bucket)
                    && held.retry.is_none_or(|retry| retry.at <= now)
            })
            .map(|(bucket, _)| *bucket)
            .collect();
        let backlogged = due
            .iter()
            .any(|bucket| self.held.get(bucket).is_some_and(|held| held.backlogged));
        let share = if backlogged || self.spread {
            due.len().div_ceil(free_lanes.max(1))
        } else {
            due.len()
        };
        let mut leases = Vec::with_capacity(share);
        for bucket in due.into_iter().take(share) {
            if let Some(held) = self.held.get_mut(&bucket)
                && let Some(reason) = held.wanted.take()
            {
                self.in_work.insert(bucket, reason);
                leases.push(Lease {
                    bucket,
                    epoch: held.epoch,
                });
            }
        }
        leases
    }

    /// Takes in what became of a bucket. Answers whether polling found work that nothing had told of.
    pub fn finish(&mut self, report: &Report, now: Instant) -> bool {
        let bucket = report.lease.bucket;
        let reason = self.in_work.remove(&bucket);
        let Some(held) = self
            .held
            .get_mut(&bucket)
            .filter(|held| held.epoch == report.lease.epoch)
        else {
            return false;
        };
        match report.outcome {
            Outcome::Empty => {
                held.backlogged = false;
                held.retry = None;
            }
            Outcome::Done { more } => {
                held.backlogged = more;
                held.retry = None;
                if more {
                    held.wanted = Some(Reason::Told);
                }
            }
            Outcome::Failed => {
                let pause = held
                    .retry
                    .map_or(self.back_off_min, |retry| retry.pause * 2)
                    .min(self.back_off_max);
                held.retry = Some(Retry {
                    at: now + pause,
                    pause,
                });
                held.wanted = Some(Reason::Told);
            }
            Outcome::LeaseLost => {
                self.held.remove(&bucket);
            }
        }
        reason == Some(Reason::Polled) && matches!(report.outcome, Outcome::Done { .. })
    }

    /// After a batch that told nothing of itself: every bucket is looked at again.
    pub fn forget_work(&mut self) {
        self.in_work.clear();
        self.want(super::ALL_BUCKETS);
    }

    /// When the next bucket that waits after a failure may go on.
    pub fn retry_at(&self) -> Option<Instant> {
        self.held
            .iter()
            .filter(|(bucket, _)| !self.in_work.contains_key(bucket))
            .filter_map(|(_, held)| held.retry.map(|retry| retry.at))
            .min()
    }

    /// Held buckets with a batch in work.
    pub fn busy(&self) -> Vec<u16> {
        self.in_work
            .keys()
            .copied()
            .filter(|bucket| self.held.contains_key(bucket))
            .collect()
    }

    /// Whether so many buckets are in work that hardly one could be given to another owner.
    pub fn saturated(&self) -> bool {
        self.busy().len() * 2 > self.held.len()
    }

    pub fn held(&self) -> BucketMask {
        self.held.keys().fold(0, |mask, bucket| mask | mask_of(*bucket))
    }
}
