//! What the application needs from outside. Each port has one contract suite (`tests/contracts/`) that its in-memory and
//! its real adapter both pass.

mod archive;
mod commands;
mod events;

use std::future::Future;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use archive::{ArchivedEvent, BucketProgress, EventArchive, RepublishRun, RepublishRuns};
pub use commands::{
    AcceptedCommand, CommandOutcome, CommandQueue, CommandRecord, CommandStatus, CommandStore,
    IdempotencyKey, KeyedCommand, Postponement, QueuePlace, QueuedCommand, RecordedRefusal, TakenCommand,
    Waiting,
};
pub use events::{
    Commit, EventStore, NewEvent, NumberClaim, NumberSeries, Snapshot, StoreError, StoredEvent, StoredStream,
    StreamId, ToldEvent,
};

/// A share of the work: a bucket that this owner may work on while the lease runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// 0 to [`BUCKETS`] - 1; the hash of the aggregate's id.
    pub bucket: u16,
    /// Grows by one with each owner: marks made under an older epoch are refused.
    pub epoch: i64,
}

/// How many buckets there are: the most relays, or workers, that can share the work.
pub const BUCKETS: u16 = 16;

/// A row that is committed and not yet known to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub bucket: u16,
    /// Grows within an aggregate with its version; says nothing across aggregates.
    pub id: i64,
    /// Without the installation's prefix.
    pub topic: String,
    pub metadata: shared_events::EventMetadata,
    pub payload: Vec<u8>,
}

/// Who may work on which bucket, among the replicas of one role. Time is the store's own clock.
pub trait Leases: Send + Sync + 'static {
    /// Says that this owner lives, renews its leases, takes free or expired ones up to its fair share among the living
    /// owners, gives back what it has above it or what is reserved (never one in `busy`), and answers what it now holds.
    fn balance(
        &self,
        owner: Uuid,
        busy: &[u16],
    ) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;

    /// Gives back all leases and reservations and signs off, so that others take over at once.
    fn release(&self, owner: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reserves the buckets for somebody who takes no share, until the lease's time is over or it is called again, and
    /// answers which of all that it has reserved it holds by now. An owner gives a reserved bucket back with its next
    /// balance unless it is busy. A bucket that somebody else has reserved is left alone.
    fn reserve(
        &self,
        owner: Uuid,
        buckets: &[u16],
    ) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;

    /// Gives some of its reserved buckets back to those who share.
    fn give_back(&self, owner: Uuid, buckets: &[u16]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The outbox as a relay sees it.
pub trait Outbox: Send + Sync + 'static {
    /// The oldest unpublished rows of each bucket, in id order, at most `per_bucket` of each.
    fn pending(
        &self,
        buckets: &[u16],
        per_bucket: usize,
    ) -> impl Future<Output = Result<Vec<OutboxRow>, StoreError>> + Send;

    /// Removes published rows by primary key, each only while its bucket's lease has the given epoch. Answers how many
    /// went: fewer than given means that a lease was lost.
    fn mark_published(&self, rows: &[(Lease, i64)])
    -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Depth and age of the oldest row, for the gauges.
    fn backlog(&self) -> impl Future<Output = Result<Backlog, StoreError>> + Send;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    pub rows: u64,
    /// Of the oldest unpublished row; zero without one.
    pub oldest_seconds: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker or the registry did not take the record; it may be sent again.
    #[error("the record was not acknowledged")]
    NotAcknowledged(#[source] anyhow::Error),
    /// The producer can no longer keep the order; it was replaced.
    #[error("the producer gave up")]
    Fatal(#[source] anyhow::Error),
}

/// Where the relay publishes to.
pub trait Publisher: Send + Sync + 'static {
    /// Sends the rows in order and waits for the acknowledgement of each; answers in the same order.
    fn publish(&self, rows: &[OutboxRow]) -> impl Future<Output = Vec<Result<(), PublishError>>> + Send;
}

/// The topics of the events, which keep everything.
pub trait EventTopics: Send + Sync + 'static {
    /// Those of `wanted` that the brokers do not have, by the name that the brokers would know them by.
    fn missing(
        &self,
        wanted: &[shared_events::AggregateType],
    ) -> impl Future<Output = anyhow::Result<Vec<String>>> + Send;

    /// Makes all that are not there.
    fn create(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

pub trait Clock: Send + Sync + 'static {
    /// UTC, cut to microseconds, which is what the store keeps.
    fn now(&self) -> DateTime<Utc>;
}

pub trait Ids: Send + Sync + 'static {
    /// A new UUID of version 7.
    fn next(&self) -> Uuid;
}
