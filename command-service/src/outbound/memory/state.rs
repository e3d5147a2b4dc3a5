use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use shared_events::AggregateType;
use uuid::Uuid;

use crate::application::ports::{
    ArchivedEvent, CommandRecord, NumberSeries, OutboxRow, QueuePlace, QueuedCommand, RepublishRun, Snapshot,
    StoredEvent, StreamId,
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub streams: HashMap<StreamId, Vec<StoredEvent>>,
    /// The same with all that is known of them, by the stream's name in the store.
    pub archive: BTreeMap<(&'static str, Uuid), Vec<ArchivedEvent>>,
    /// In each scope, the last run.
    pub republish_runs: HashMap<Option<AggregateType>, RepublishRun>,
    /// With their formats.
    pub snapshots: HashMap<StreamId, (i32, Snapshot)>,
    /// With the time that they were decided at.
    pub commands: HashMap<Uuid, (CommandRecord, DateTime<Utc>)>,
    pub queue: BTreeMap<QueuePlace, Queued>,
    /// By actor and key.
    pub keys: HashMap<(String, String), Key>,
    pub numbers: HashMap<NumberSeries, i64>,
    /// Unpublished rows by bucket and id.
    pub outbox: BTreeMap<(u16, i64), Unpublished>,
    /// Of the outbox and the queue.
    pub last_row: i64,
}

#[derive(Debug)]
pub(super) struct Unpublished {
    pub row: OutboxRow,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub command: QueuedCommand,
    pub queued_at: DateTime<Utc>,
    pub running: bool,
    pub attempts: u32,
    pub faults: u32,
    pub last_error: Option<String>,
    pub retry_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub request_hash: [u8; 32],
    pub command_id: Uuid,
    pub deferred: bool,
    pub created_at: DateTime<Utc>,
}
