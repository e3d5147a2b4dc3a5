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
mod settings;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use backlog::watch_backlog;
pub use settings::RelaySettings;

use crate::application::ports::{Lease, Leases, Outbox, Publisher};
use crate::sharing::{Report, Sharer, Wake, Work};

/// One relay. Any number of them share the buckets.
#[derive(Debug)]
pub struct Relay<L, O, P>(Sharer<L, Publishing<O, P>>);

impl<L: Leases, O: Outbox, P: Publisher> Relay<L, O, P> {
    /// `owner` names this relay among all and is never used again by another.
    pub fn new(
        leases: Arc<L>,
        outbox: Arc<O>,
        publisher: Arc<P>,
        wake: Arc<Wake>,
        owner: Uuid,
        settings: &RelaySettings,
    ) -> Self {
        let work = Publishing {
            outbox,
            publisher,
            rows_per_bucket: settings.rows_per_bucket.get(),
        };
        Self(Sharer::new(
            leases,
            Arc::new(work),
            wake,
            owner,
            settings.sharing(),
        ))
    }

    /// Publishes until told to stop; then finishes what is in work, within the setting's bound, and gives its buckets back.
    pub async fn run(self, stop: CancellationToken) {
        self.0.run(stop).await;
    }
}

#[derive(Debug)]
struct Publishing<O, P> {
    outbox: Arc<O>,
    publisher: Arc<P>,
    rows_per_bucket: usize,
}

impl<O: Outbox, P: Publisher> Work for Publishing<O, P> {
    async fn run(&self, leases: Vec<Lease>) -> Vec<Report> {
        batch::publish_batch(&*self.outbox, &*self.publisher, leases, self.rows_per_bucket).await
    }
}
