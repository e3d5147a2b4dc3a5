//! Publishes what is committed: reads the outbox, sends to the brokers, deletes what they acknowledged.
//!
//! # Why the first occurrences of an aggregate's events stand in order
//!
//! Version n + 1 can only be appended after n has committed, and gets the higher id. An aggregate's rows are all in one
//! bucket. A batch takes a bucket's oldest rows, without a hole among those of one aggregate: a row that is missing from
//! the read was deleted, so it was acknowledged. The publisher puts them into the aggregate's partition in that order and
//! never leaves one out and goes on. So whoever puts version n + 1 there has put n there before it, or has read the outbox
//! after n was acknowledged: in both cases an occurrence of n stands before every occurrence of n + 1.
//!
//! That says nothing of who holds the lease. A relay that freezes in mid-batch, loses its lease and wakes sends events
//! that its successor has sent or is about to send, each after its predecessor; it adds repetitions, which readers drop by
//! version, and no new order. Its mark fails by the epoch. Leases only keep that rare.

mod backlog;
mod batch;
mod buckets;
mod settings;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use backlog::watch_backlog;
pub use settings::RelaySettings;
pub use wake::{ALL_BUCKETS, BucketMask, Wake, mask_of};

use crate::application::ports::{Lease, Outbox, Publisher, StoreError};
use batch::{Report, publish_batch};
use buckets::Buckets;

/// How long a saturated relay holds new batches back so that buckets become idle and can be given to others.
const REST: Duration = Duration::from_millis(100);

/// One relay. Any number of them share the buckets.
#[derive(Debug)]
pub struct Relay<O, P> {
    outbox: Arc<O>,
    publisher: Arc<P>,
    wake: Arc<Wake>,
    owner: Uuid,
    settings: RelaySettings,
}

impl<O: Outbox, P: Publisher> Relay<O, P> {
    /// `owner` names this relay among all and is never used again by another.
    pub fn new(
        outbox: Arc<O>,
        publisher: Arc<P>,
        wake: Arc<Wake>,
        owner: Uuid,
        settings: RelaySettings,
    ) -> Self {
        Self {
            outbox,
            publisher,
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
            relay: self,
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

/// What a running relay knows.
struct Shift<O, P> {
    relay: Relay<O, P>,
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

impl<O: Outbox, P: Publisher> Shift<O, P> {
    /// Waits for the next thing that happens and takes it in. Cancel safe.
    async fn step(&mut self) {
        let retry_at = self.buckets.retry_at();
        tokio::select! {
            Some(done) = self.batches.join_next() => self.batch_done(done.unwrap_or_default()),
            Some(done) = self.balances.join_next() => self.balance_done(done.ok()),
            () = tokio::time::sleep_until(self.heartbeat_at), if self.balances.is_empty() => self.heartbeat(),
            buckets = self.relay.wake.near() => self.buckets.want(buckets),
            () = tokio::time::sleep_until(self.poll_at) => self.poll(),
            () = tokio::time::sleep_until(retry_at.unwrap_or(self.poll_at)), if retry_at.is_some() => {}
        }
    }

    fn start_batches(&mut self) {
        let lanes = self.relay.settings.lanes.get();
        while !self.resting && self.batches.len() < lanes {
            let leases = self.buckets.start(Instant::now(), lanes - self.batches.len());
            if leases.is_empty() {
                break;
            }
            let outbox = Arc::clone(&self.relay.outbox);
            let publisher = Arc::clone(&self.relay.publisher);
            let per_bucket = self.relay.settings.rows_per_bucket.get();
            self.batches
                .spawn(async move { publish_batch(&*outbox, &*publisher, leases, per_bucket).await });
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
                self.poll_every = self.relay.settings.poll_min;
                self.poll_at = now + self.poll_every;
            }
            if matches!(report.outcome, batch::Outcome::LeaseLost) {
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
        self.heartbeat_at = now + self.relay.settings.heartbeat;
        self.balance_began = now;
        let outbox = Arc::clone(&self.relay.outbox);
        let owner = self.relay.owner;
        let busy = self.buckets.busy();
        self.balances
            .spawn(async move { outbox.balance(owner, &busy).await });
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
                metrics::counter!("relay_failures_total", "stage" => "balance").increment(1);
            }
            None => tracing::error!("balancing ended without an answer"),
        }
        if self.renewed_at.elapsed() >= self.relay.settings.lease_ttl {
            // Others hold them by now.
            self.buckets.adopt(&[]);
        }
        let held = self.buckets.held();
        self.relay.wake.hold(held);
        metrics::gauge!("relay_buckets_owned").set(held.count_ones());
    }

    fn poll(&mut self) {
        self.buckets.poll();
        self.poll_at = Instant::now() + self.poll_every;
        self.poll_every = (self.poll_every * 2).min(self.relay.settings.poll_max);
    }

    async fn end(mut self) {
        let finish = async { while self.batches.join_next().await.is_some() {} };
        if tokio::time::timeout(self.relay.settings.stop_timeout, finish)
            .await
            .is_err()
        {
            tracing::warn!("a batch was given up; whoever takes its buckets sends it again");
            self.batches.shutdown().await;
        }
        self.balances.shutdown().await;
        self.relay.wake.hold(0);
        metrics::gauge!("relay_buckets_owned").set(0);
        let release = self.relay.outbox.release(self.relay.owner);
        match tokio::time::timeout(self.relay.settings.stop_timeout, release).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the leases were not given back and run out"),
            Err(_) => tracing::warn!("the leases were not given back in time and run out"),
        }
    }
}
