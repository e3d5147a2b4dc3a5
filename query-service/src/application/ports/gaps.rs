//! What closes a gap: the missing events, looked for once more or asked for.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_events::{AggregateType, RepairRequest};
use uuid::Uuid;

use super::StoreError;
use crate::application::projecting::Record;

/// Events that a document waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    pub aggregate: AggregateType,
    pub id: Uuid,
    /// The first version that is not there.
    pub from_version: u64,
    /// They happened after this. `None`: nobody knows since when.
    pub after: Option<DateTime<Utc>>,
}

/// The topics of the events, looked into once more.
pub trait PublishedEvents: Send + Sync + 'static {
    /// Events of the wanted aggregates from the missing version on, those of one aggregate in the order of their topic.
    ///
    /// Bounded in what is looked at and in what is found: what is not found may be there nevertheless.
    fn find(&self, wanted: &[Missing]) -> impl Future<Output = Result<Vec<Arc<Record>>, StoreError>> + Send;
}

/// Asks the owner of the events to publish streams again.
pub trait RepairRequests: Send + Sync + 'static {
    /// Returns once the broker has acknowledged all.
    fn send(&self, requests: &[RepairRequest]) -> impl Future<Output = Result<(), StoreError>> + Send;
}
