//! The event store as a whole: to walk through it and send what is in it again.

use std::future::Future;

use chrono::{DateTime, Utc};
use shared_events::{AggregateType, EventMetadata};
use uuid::Uuid;

use super::{OutboxRow, StoreError, StreamId};

/// An event with all that is known of it but its trace, which ended when it was published first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedEvent {
    pub metadata: EventMetadata,
    /// The Avro body, without the wire format's prefix.
    pub payload: Vec<u8>,
}

impl ArchivedEvent {
    /// The row that the event once had in the outbox, but for its id and its trace.
    pub fn into_row(self, bucket: u16) -> OutboxRow {
        OutboxRow {
            bucket,
            id: 0,
            topic: self.metadata.aggregate.topic().to_owned(),
            metadata: self.metadata,
            payload: self.payload,
        }
    }
}

/// All events there are, by stream. What is committed while somebody walks may be met or not; what was there before is.
pub trait EventArchive: Send + Sync + 'static {
    /// The ids of one kind's streams beyond `after`, `limit` at most, in an order that never changes. Less than `limit` is
    /// the end.
    fn streams(
        &self,
        aggregate: AggregateType,
        after: Option<Uuid>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// The events of each stream from a version on, in version order, `per_stream` at most; in the order of `streams`.
    fn events(
        &self,
        streams: &[(StreamId, u64)],
        per_stream: usize,
    ) -> impl Future<Output = Result<Vec<Vec<ArchivedEvent>>, StoreError>> + Send;

    /// The bucket that the outbox rows of an aggregate are in.
    fn bucket(&self, aggregate_id: Uuid) -> u16;
}

/// How far one bucket of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketProgress {
    pub bucket: u16,
    /// The last stream that was sent whole, in the order of [`AggregateType::ALL`] and then of the archive.
    pub after: Option<StreamId>,
    pub streams: u64,
    pub events: u64,
    pub finished: bool,
}

/// One walk through the archive that sends everything in its scope again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepublishRun {
    pub id: Uuid,
    /// All kinds of streams if absent.
    pub scope: Option<AggregateType>,
    /// Whether it fills topics that were made anew for it.
    pub new_topics: bool,
    pub started_at: DateTime<Utc>,
    /// One for each bucket, in order.
    pub buckets: Vec<BucketProgress>,
}

/// What is remembered of runs, so that one which was interrupted goes on where it was.
pub trait RepublishRuns: Send + Sync + 'static {
    /// Puts a new run in place of all that are older in its scope.
    fn begin(
        &self,
        id: Uuid,
        scope: Option<AggregateType>,
        new_topics: bool,
    ) -> impl Future<Output = Result<RepublishRun, StoreError>> + Send;

    /// The run in this scope that has not finished, if there is one.
    fn unfinished(
        &self,
        scope: Option<AggregateType>,
    ) -> impl Future<Output = Result<Option<RepublishRun>, StoreError>> + Send;

    fn advance(
        &self,
        run: Uuid,
        progress: BucketProgress,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
