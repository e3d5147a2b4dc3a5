//! What the application needs from outside. Each port has one contract suite (`tests/contracts/`) that its in-memory and
//! its real adapter both pass.

use std::future::Future;

use chrono::{DateTime, Utc};
use shared_events::AggregateType;
use uuid::Uuid;

/// A stream: the events of one aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    pub aggregate: AggregateType,
    pub id: Uuid,
}

/// An event as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub version: u64,
    pub event_type: String,
    /// The Avro body, without the wire format's prefix.
    pub payload: Vec<u8>,
}

/// An event to be appended. Its version is the append's expected version plus its place, from 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub event_id: Uuid,
    pub event_type: &'static str,
    pub payload: Vec<u8>,
}

/// The record of an accepted command: who, when, what, why, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRecord {
    pub command_id: Uuid,
    pub command_type: &'static str,
    pub stream: StreamId,
    pub actor: String,
    pub received_at: DateTime<Utc>,
    pub body: serde_json::Value,
    /// What caused the command: an event's id, or the command's own id where a client sent it.
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub outcome: CommandOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    Succeeded {
        version: u64,
    },
    /// The domain said no; `kind` is the last part of the problem's type.
    Refused {
        kind: &'static str,
        detail: String,
    },
}

/// Events, outbox rows and the command's outcome: committed together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub command: CommandRecord,
    /// The version that the stream was decided at; 0 for a stream that is not there yet. Checked where there are events.
    pub expected_version: u64,
    /// Empty for a refusal, and for a command that changed nothing.
    pub events: Vec<NewEvent>,
    /// When the events occurred, in UTC, microseconds.
    pub occurred_at: DateTime<Utc>,
    /// W3C trace context that the published record carries on.
    pub traceparent: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another command appended to the stream first, told from SQLSTATE and constraint. Load again and decide again.
    #[error("the stream is no longer at the expected version")]
    Conflict,
    /// A command with this id was recorded before.
    #[error("a command with this id is recorded already")]
    DuplicateCommand,
    /// The store cannot be reached or does not answer; whether a commit happened is unknown.
    #[error("the event store is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// The store answered what it never should: a bug or a broken database.
    #[error("the event store failed")]
    Failed(#[source] anyhow::Error),
}

/// The append-only store of all streams: the single source of truth.
pub trait EventStore: Send + Sync + 'static {
    /// All events of the streams, each in version order, in the order of `streams`; empty for one that is not there.
    /// One round trip, one snapshot.
    fn read(
        &self,
        streams: &[StreamId],
    ) -> impl Future<Output = Result<Vec<Vec<StoredEvent>>, StoreError>> + Send;

    /// Appends in one transaction and one round trip, then wakes the relay.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The relay's share of the outbox: a bucket that this owner may publish from while the lease runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// 0 to [`BUCKETS`] - 1; the hash of the aggregate's id.
    pub bucket: u16,
    /// Grows by one with each owner: marks made under an older epoch are refused.
    pub epoch: i64,
}

/// How many buckets there are: the most relays that can share the work.
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

/// The outbox as a relay sees it. Time is the store's own clock.
pub trait Outbox: Send + Sync + 'static {
    /// Says that this relay lives, renews its leases, takes free or expired ones up to its fair share among the living
    /// relays, gives back what it has above it (never one in `busy`), and answers what it now holds.
    fn balance(
        &self,
        owner: Uuid,
        busy: &[u16],
    ) -> impl Future<Output = Result<Vec<Lease>, StoreError>> + Send;

    /// Gives back all leases and signs off, so that others take over at once.
    fn release(&self, owner: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;

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

pub trait Clock: Send + Sync + 'static {
    /// UTC, cut to microseconds, which is what the store keeps.
    fn now(&self) -> DateTime<Utc>;
}

pub trait Ids: Send + Sync + 'static {
    /// A new UUID of version 7.
    fn next(&self) -> Uuid;
}
