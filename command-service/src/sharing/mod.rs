//! How replicas of a role share work that is put into buckets: each bucket has one owner at a time, by a lease. The relay
//! shares the outbox so, the worker the queue of commands.
//!
//! A sharer keeps its leases alive, is woken when work arrives and polls for what no wake told of, gives each bucket's work
//! to a free lane, lets a bucket that failed rest a while, and gives everything back when it is told to stop.

mod buckets;
mod wake;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use wake::{ALL_BUCKETS, BucketMask, Wake, mask_of};

use crate::application::ports::{Lease, Leases, StoreError};
use buckets::Buckets;

/// How long a saturated sharer holds new batches back so that buckets become idle and can be given to others.
const REST: Duration = Duration::from_millis(100);

/// What is done with the buckets that are held.
pub trait Work: Send + Sync + 'static {
    /// Takes the buckets' work on, up to a bound of its own, and tells what became of each bucket.
    fn run(&self, leases: Vec<Lease>) -> impl Future<Output = Vec<Report>> + Send;
}

/// What became of one bucket in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub lease: Lease,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was there.
    Empty,
    /// All that was read is done; there may be `more`.
    Done { more: bool },
    /// Something was not read or not done; the bucket rests before the next try.
    Failed,
    /// This bucket's lease may be among those that went to another owner.
    LeaseLost,
}

/// How a sharer works.
#[derive(Debug, Clone)]
pub struct SharingSettings {
    /// The role's name, for metrics.
    pub role: &'static str,
    /// Batches in work at once, each of other buckets.
    pub lanes: NonZeroUsize,
    /// Whether each batch has as few buckets as the free lanes allow, rather than all that are due.
    pub spread: bool,
    /// How often it says that it lives and takes or gives back buckets.
    pub heartbeat: Duration,
    /// After how long without a heartbeat others take its buckets.
    pub lease_ttl: Duration,
    /// How often it looks for work that nothing has woken it for: at first, ...
    pub poll_min: Duration,
    /// ... and at most, while it finds none.
    pub poll_max: Duration,
    /// How long a bucket rests after a failure: at first, ...
    pub back_off_min: Duration,
    /// ... and at most, doubling each time.
    pub back_off_max: Duration,
    /// How long a batch in work may take to finish when the process is told to stop.
    pub stop_timeout: Duration,
}

/// One owner of buckets. Any number of them share.
#[derive(Debug)]
pub struct Sharer<L, W> {
    leases: Arc<L>,
    work: Arc<W>,
    wake: Arc<Wake>,
    owner: Uuid,
    settings: SharingSettings,
}

impl<L: Leases, W: Work> Sharer<L, W> {
    /// `owner` names this one among all and is never used again by another.
    pub fn new(
        leases: Arc<L>,
        work: Arc<W>,
        wake: Arc<Wake>,
        owner: Uuid,
        settings: SharingSettings,
    ) -> Self {
        Self {
            leases,
            work,
            wake,
            owner,
            settings,
        }
    }

    /// Works until told to stop; then finishes what is in work, within the setting's bound, and gives its buckets back.
    pub async fn run(self, stop: CancellationToken) {
        let mut shift = Shift {
            buckets: Buckets::new(&self.settings),
            batches: JoinSet::new(),
            balances: JoinSet::new(),
            heartbeat_at: Instant::now(),
            resting: false,
            renewed_at: Instant::now(),
            balance_began: Instant::now(),
            poll_every: self.settings.poll_min,
            poll_at: Instant::now() + self.settings.poll_min,
            sharer: self,
        };
        while !stop.is_cancelled() {
            shift.start_batches();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = shift.step() => {}
            }
        }
        shift.end().await;
    }
}

/// What a running sharer knows.
struct Shift<L, W> {
    sharer: Sharer<L, W>,
    buckets: Buckets,
    batches: JoinSet<Vec<Report>>,
    balances: JoinSet<Result<Vec<Lease>, StoreError>>,
    heartbeat_at: Instant,
    /// The heartbeat is due and waits for batches to end.
    resting: bool,
    renewed_at: Instant,
    balance_began: Instant,
    poll_every: Duration,
    poll_at: Instant,
}

impl<L: Leases, W: Work> Shift<L, W> {
    /// Waits for the next thing that happens and takes it in. Cancel safe.
    ///
    /// In a fixed order, so that a simulation can repeat it: what comes seldom is looked at first, and cannot be starved.
    async fn step(&mut self) {
        // While no batch could be started, a bucket that is due is nothing to wake for.
        let retry_at = self.buckets.retry_at().filter(|_| self.may_start());
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(self.heartbeat_at), if self.balances.is_empty() => self.heartbeat(),
            Some(done) = self.balances.join_next() => self.balance_done(done.ok()),
            () = tokio::time::sleep_until(self.poll_at) => self.poll(),
            buckets = self.sharer.wake.near() => self.buckets.want(buckets),
            Some(done) = self.batches.join_next() => self.batch_done(done.unwrap_or_default()),
            () = tokio::time::sleep_until(retry_at.unwrap_or(self.poll_at)), if retry_at.is_some() => {}
        }
    }

    fn may_start(&self) -> bool {
        !self.resting && self.batches.len() < self.sharer.settings.lanes.get()
    }

    fn start_batches(&mut self) {
        let lanes = self.sharer.settings.lanes.get();
        while self.may_start() {
            let leases = self.buckets.start(Instant::now(), lanes - self.batches.len());
            if leases.is_empty() {
                break;
            }
            let work = Arc::clone(&self.sharer.work);
            self.batches.spawn(async move { work.run(leases).await });
        }
    }

    fn batch_done(&mut self, reports: Vec<Report>) {
        if reports.is_empty() {
            // It panicked; which buckets it had is not known, so all are taken anew.
            tracing::error!("a batch ended without a report");
            self.buckets.forget_work();
        }
        let now = Instant::now();
        for report in reports {
            if self.buckets.finish(&report, now) {
                // Polling found what no wake told of: do it more often.
                self.poll_every = self.sharer.settings.poll_min;
                self.poll_at = now + self.poll_every;
            }
            if matches!(report.outcome, Outcome::LeaseLost) {
                self.heartbeat_at = now;
            }
        }
        if self.resting && self.batches.is_empty() {
            self.heartbeat_at = now;
        }
    }

    fn heartbeat(&mut self) {
        let now = Instant::now();
        if !self.resting && self.buckets.saturated() {
            self.resting = true;
            self.heartbeat_at = now + REST;
            return;
        }
        self.resting = false;
        self.heartbeat_at = now + self.sharer.settings.heartbeat;
        self.balance_began = now;
        let leases = Arc::clone(&self.sharer.leases);
        let owner = self.sharer.owner;
        let busy = self.buckets.busy();
        self.balances
            .spawn(async move { leases.balance(owner, &busy).await });
    }

    fn balance_done(&mut self, done: Option<Result<Vec<Lease>, StoreError>>) {
        match done {
            Some(Ok(leases)) => {
                self.renewed_at = self.balance_began;
                self.buckets.adopt(&leases);
            }
            Some(Err(error)) => {
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "the leases were not renewed"
                );
                metrics::counter!("bucket_balance_failures_total", "role" => self.sharer.settings.role)
                    .increment(1);
            }
            None => tracing::error!("balancing ended without an answer"),
        }
        if self.renewed_at.elapsed() >= self.sharer.settings.lease_ttl {
            // Others hold them by now.
            self.buckets.adopt(&[]);
        }
        let held = self.buckets.held();
        self.sharer.wake.hold(held);
        metrics::gauge!("buckets_owned", "role" => self.sharer.settings.role).set(held.count_ones());
    }

    fn poll(&mut self) {
        self.buckets.poll();
        self.poll_at = Instant::now() + self.poll_every;
        self.poll_every = (self.poll_every * 2).min(self.sharer.settings.poll_max);
    }

    async fn end(mut self) {
        let finish = async { while self.batches.join_next().await.is_some() {} };
        if tokio::time::timeout(self.sharer.settings.stop_timeout, finish)
            .await
            .is_err()
        {
            tracing::warn!("a batch was given up; whoever takes its buckets does it again");
            self.batches.shutdown().await;
        }
        self.balances.shutdown().await;
        self.sharer.wake.hold(0);
        metrics::gauge!("buckets_owned", "role" => self.sharer.settings.role).set(0);
        let release = self.sharer.leases.release(self.sharer.owner);
        match tokio::time::timeout(self.sharer.settings.stop_timeout, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the leases were not given back and run out"),
            Err(_) => tracing::warn!("the leases were not given back in time and run out"),
        }
    }
}
