//! The record of commands, and the queue of those that are decided later.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, StreamId};

/// The record of a decided command: who, when, what, why, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandRecord {
    pub command_id: Uuid,
    pub command_type: Cow<'static, str>,
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
    /// The service looked and said no.
    Refused(RecordedRefusal),
    /// A queued command that could not be run, however often it was tried.
    Failed {
        detail: String,
    },
}

/// A refusal as it is kept with its command: all that its answer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRefusal {
    /// The last part of the problem's type.
    pub kind: String,
    pub detail: String,
    /// The place in the command's body that it is about, as a JSON pointer.
    pub pointer: Option<String>,
}

/// A key under which a client may send a command again; it belongs to the command's actor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    pub key: String,
    /// Of what the client sent: the same key with another request is refused.
    pub request_hash: [u8; 32],
}

/// An accepted command that is to be decided later.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedCommand {
    pub command_id: Uuid,
    pub command_type: String,
    pub stream: StreamId,
    pub actor: String,
    pub received_at: DateTime<Utc>,
    pub body: serde_json::Value,
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub traceparent: Option<String>,
    /// The versions of the client's `If-Match`, empty for any.
    pub if_match: Option<Vec<u64>>,
}

/// A row of the queue of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueuePlace {
    pub bucket: u16,
    /// Grows within a stream in the order in which its commands were accepted.
    pub id: i64,
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandStatus {
    /// Not looked at yet, or to be tried again.
    Pending {
        attempts: u32,
        last_error: Option<String>,
    },
    Running,
    Decided {
        outcome: CommandOutcome,
        /// None for commands older than this field.
        at: Option<DateTime<Utc>>,
    },
}

/// A command that was accepted, wherever it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedCommand {
    pub command_id: Uuid,
    pub command_type: String,
    pub stream: StreamId,
    pub actor: String,
    pub received_at: DateTime<Utc>,
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub status: CommandStatus,
}

/// What was first sent under an idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedCommand {
    pub request_hash: [u8; 32],
    /// Whether the first answer was that it will be decided later.
    pub deferred: bool,
    pub command: AcceptedCommand,
}

/// Accepted commands, decided or not.
pub trait CommandStore: Send + Sync + 'static {
    fn command(
        &self,
        command_id: Uuid,
    ) -> impl Future<Output = Result<Option<AcceptedCommand>, StoreError>> + Send;

    /// The command that `actor` first sent under `key`.
    fn command_of_key(
        &self,
        actor: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<KeyedCommand>, StoreError>> + Send;

    /// Accepts a command to be decided later, and wakes a worker.
    fn enqueue(
        &self,
        command: QueuedCommand,
        key: Option<IdempotencyKey>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets keys that are older, `limit` at most; answers how many. What is recorded of the commands stays.
    fn forget_keys(
        &self,
        older_than: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// A command taken out of the queue to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenCommand {
    pub place: QueuePlace,
    pub command: QueuedCommand,
    /// That failed before.
    pub attempts: u32,
    /// Those of them that were the command's own fault, as far as can be told.
    pub faults: u32,
}

/// What a worker notes of an attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponement {
    /// Until it is tried again at the earliest.
    pub delay: Duration,
    pub error: String,
    /// Whether it was the command's own fault, as far as can be told.
    pub is_fault: bool,
}

/// The queue as a worker sees it. Time is the store's own clock.
pub trait CommandQueue: Send + Sync + 'static {
    /// The oldest commands of each bucket, in id order, at most `per_bucket` of each, marked as running. Left out is what
    /// is postponed, with all that is behind it in its stream.
    fn take(
        &self,
        buckets: &[u16],
        per_bucket: usize,
    ) -> impl Future<Output = Result<Vec<TakenCommand>, StoreError>> + Send;

    /// After an attempt that failed. What is behind it in its stream is no longer marked as running, and waits with it.
    fn postpone(
        &self,
        place: QueuePlace,
        postponement: Postponement,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes away what is decided already.
    fn remove(&self, place: QueuePlace) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What waits, by type of command.
    fn waiting(&self) -> impl Future<Output = Result<Vec<Waiting>, StoreError>> + Send;
}

/// Commands of one type in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub command_type: String,
    pub commands: u64,
    /// Since the oldest was queued.
    pub oldest_seconds: f64,
}
