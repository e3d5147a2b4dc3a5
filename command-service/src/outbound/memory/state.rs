use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::application::ports::{CommandRecord, OutboxRow, StoredEvent, StreamId};

#[derive(Debug, Default)]
pub(super) struct State {
    pub streams: HashMap<StreamId, Vec<StoredEvent>>,
    pub commands: HashMap<Uuid, CommandRecord>,
    /// Unpublished rows by bucket and id.
    pub outbox: BTreeMap<(u16, i64), Unpublished>,
    pub last_row: i64,
    pub leases: BTreeMap<u16, LeaseRow>,
    /// When each relay last said that it lives.
    pub relays: BTreeMap<Uuid, DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) struct Unpublished {
    pub row: OutboxRow,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct LeaseRow {
    /// None once it was given back.
    pub owner: Option<Uuid>,
    pub epoch: i64,
    pub expires_at: DateTime<Utc>,
}
