//! Sends what is in the event store again: all of it, one kind of streams, or some streams.
//!
//! # Why the first occurrences of an aggregate's events stay in order
//!
//! A stream is read from the store and sent from its first event on, through a publisher that never leaves one out and
//! goes on. So whoever puts version n + 1 there this way has put n there before it, as every relay has or has seen done:
//! see [`crate::relay`]. What stands in the topic already only gets repetitions, which readers drop by version.
//!
//! Two cases need more than that:
//!
//! - **A topic that is new** is empty, and the relay's next event of an old stream would be its first. So every bucket is
//!   reserved and held before the topics are made: then no batch of a relay is in work, and none begins in a bucket until
//!   all its streams are sent and it is given back. A relay that was frozen in mid-batch and wakes afterwards is not kept
//!   out by this; nor is what a relay published if somebody else made the topics first. Readers see the gap, and
//!   it is closed when the stream is sent again.
//! - **A part of a stream**, from a version on, is sent only if the version before it is known to be published: the events
//!   are read first, and if after that nothing waits in the bucket's outbox, what stood before them has been acknowledged.
//!   Else the stream is sent whole.
//!
//! Where the topics were there, the lease is no matter of order. It keeps a relay from sending the same events at the same
//! time, and so that the relay's work does not wait long, a bucket is held in slices and given back in between.
//!
//! Before each batch the lease must still be held under the same epoch. If it went to another, the bucket is taken again
//! and the streams that were not finished are sent anew, from their beginning.

mod all;
mod reservation;
mod sending;
mod settings;
mod streams;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use shared_events::AggregateType;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use all::{RunProgress, RunSummary, Start};
pub use settings::RepublishingSettings;
pub use streams::{StreamRequest, StreamsSummary};

use crate::application::ports::{
    EventArchive, Leases, Outbox, PublishError, Publisher, StoreError, StreamId,
};

/// What a republisher works with.
#[derive(Debug)]
pub struct Ports<A, L, O, P> {
    pub archive: Arc<A>,
    /// Those of the relays.
    pub leases: Arc<L>,
    pub outbox: Arc<O>,
    pub publisher: Arc<P>,
}

impl<A, L, O, P> Clone for Ports<A, L, O, P> {
    fn clone(&self) -> Self {
        Self {
            archive: Arc::clone(&self.archive),
            leases: Arc::clone(&self.leases),
            outbox: Arc::clone(&self.outbox),
            publisher: Arc::clone(&self.publisher),
        }
    }
}

/// Sends streams again. Any number of them may be at work; each bucket is held by one.
#[derive(Debug)]
pub struct Republisher<A, L, O, P> {
    ports: Ports<A, L, O, P>,
    owner: Uuid,
    settings: RepublishingSettings,
    /// After how long without a sign of life a lease is lost.
    lease_ttl: Duration,
    stop: CancellationToken,
}

impl<A: EventArchive, L: Leases, O: Outbox, P: Publisher> Republisher<A, L, O, P> {
    /// `owner` names this one among all who take buckets, and is never used again by another. When `stop` is cancelled,
    /// what is in work ends after its batch and gives its buckets back.
    pub fn new(
        ports: Ports<A, L, O, P>,
        owner: Uuid,
        settings: RepublishingSettings,
        lease_ttl: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            ports,
            owner,
            settings,
            lease_ttl,
            stop,
        }
    }

    fn sender(&self) -> sending::Sender<A, L, P> {
        sending::Sender {
            archive: Arc::clone(&self.ports.archive),
            publisher: Arc::clone(&self.ports.publisher),
            reservation: reservation::Reservation::new(
                Arc::clone(&self.ports.leases),
                self.owner,
                self.lease_ttl,
            ),
            throttle: throttle::Throttle::new(self.settings.rate),
            stop: self.stop.clone(),
            settings: self.settings.clone(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    #[error(
        "the buckets {buckets:?} did not become free within {waited:?}: a relay is at work on them, or somebody else \
         republishes (see owner and reserved_by in relay_leases); when that has ended, go on with --resume"
    )]
    BucketsNotFree {
        buckets: Vec<u16>,
        waited: Duration,
        /// Why they were not asked for the last time.
        #[source]
        source: Option<StoreError>,
    },
    #[error(
        "the topics {0:?} are not there: `republish --all` makes them again, and sends what belongs into them"
    )]
    TopicsMissing(Vec<String>),
    #[error("the topics {0:?} are gone again since the run began: start a new one, without --resume")]
    TopicsLostAgain(Vec<String>),
    #[error("there is no unfinished run of this scope")]
    NothingToResume,
    #[error("the topics")]
    Topics(#[source] anyhow::Error),
    #[error("the event store")]
    Store(#[from] StoreError),
    #[error("{} {} was not published, after {attempts} attempts; go on with --resume when that is mended", .stream.aggregate, .stream.id)]
    NotPublished {
        stream: StreamId,
        attempts: u32,
        #[source]
        source: PublishError,
    },
}

/// The kinds of streams in a scope.
fn kinds(scope: Option<AggregateType>) -> Vec<AggregateType> {
    scope.map_or_else(|| AggregateType::ALL.to_vec(), |aggregate| vec![aggregate])
}
