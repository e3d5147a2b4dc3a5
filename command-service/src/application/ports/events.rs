//! The store of events, and what one commit writes.

use std::future::Future;

use chrono::{DateTime, Utc};
use shared_events::AggregateType;
use uuid::Uuid;

use super::{CommandRecord, IdempotencyKey, QueuePlace, QueuedCommand};

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

/// What an aggregate was at a version, as [`crate::application::codec`] writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub version: u64,
    pub state: Vec<u8>,
}

/// A stream from its beginning, or from a snapshot on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredStream {
    pub snapshot: Option<Snapshot>,
    /// In version order; after the snapshot's version where there is one.
    pub events: Vec<StoredEvent>,
}

impl StoredStream {
    /// 0 without events.
    pub fn version(&self) -> u64 {
        let snapshot = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        self.events.last().map_or(snapshot, |event| event.version)
    }
}

/// An event to be appended. Its version is the append's expected version plus its place, from 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub event_id: Uuid,
    pub event_type: &'static str,
    pub payload: Vec<u8>,
}

/// An event of a stream that tells another context, appended beside those that it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldEvent {
    pub stream: StreamId,
    /// In that stream, from 1 on without a gap.
    pub version: u64,
    pub event: NewEvent,
}

/// A series of numbers without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberSeries {
    Invoice,
    CreditNote,
}

impl NumberSeries {
    pub const ALL: [Self; 2] = [Self::Invoice, Self::CreditNote];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }
}

/// The number that a commit takes; it is the series' next one or the commit is a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberClaim {
    pub series: NumberSeries,
    pub number: i64,
}

/// Events, outbox rows, follow-up commands and the command's outcome: committed together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    pub command: CommandRecord,
    /// The version that the stream was decided at; 0 for a stream that is not there yet. Checked where there are events.
    pub expected_version: u64,
    /// Empty for a refusal, and for a command that changed nothing.
    pub events: Vec<NewEvent>,
    /// What other contexts are told of it.
    pub told: Vec<ToldEvent>,
    /// What follows from the events.
    pub follow_ups: Vec<QueuedCommand>,
    pub claim: Option<NumberClaim>,
    pub key: Option<IdempotencyKey>,
    /// The queue's row of the command, which goes with the commit.
    pub place: Option<QueuePlace>,
    /// When the events occurred and the command was decided, in UTC, microseconds.
    pub occurred_at: DateTime<Utc>,
    /// W3C trace context that the published record carries on.
    pub traceparent: Option<String>,
}

impl Commit {
    /// Of a command and its events, and nothing else.
    pub fn of(command: CommandRecord, occurred_at: DateTime<Utc>) -> Self {
        Self {
            command,
            expected_version: 0,
            events: vec![],
            told: vec![],
            follow_ups: vec![],
            claim: None,
            key: None,
            place: None,
            occurred_at,
            traceparent: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another command appended to the stream or took the number first, told from SQLSTATE and constraint. Load again
    /// and decide again.
    #[error("the stream is no longer at the expected version")]
    Conflict,
    /// A commit's command was recorded before; a command to be queued stands in the queue.
    #[error("a command with this id is recorded already")]
    DuplicateCommand,
    /// A command of this actor was recorded or queued under this idempotency key before.
    #[error("a command under this idempotency key is recorded already")]
    DuplicateKey,
    /// The store cannot be reached or does not answer; whether a commit happened is unknown.
    #[error("the event store is unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// The store answered what it never should: a bug or a broken database.
    #[error("the event store failed")]
    Failed(#[source] anyhow::Error),
}

/// The append-only store of all streams: the single source of truth.
pub trait EventStore: Send + Sync + 'static {
    /// The streams in the order of `streams`, each from its snapshot of `snapshot_format` on if there is one; from its
    /// beginning without a format. One round trip, one look at the store.
    fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> impl Future<Output = Result<Vec<StoredStream>, StoreError>> + Send;

    /// Appends in one transaction and one round trip, then wakes relay and worker.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps a snapshot in place of any older one, or of one in another format.
    fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The last number that was given, 0 at first.
    fn last_number(&self, series: NumberSeries) -> impl Future<Output = Result<i64, StoreError>> + Send;
}
