//! The outbox: rows are found by being there.
//!
//! No statement here asks for rows above an id. Ids are given before the commit, so a row may appear below ids that are
//! published already; a row is unpublished as long as it stands in the table, and each read starts at the bucket's
//! beginning.

use shared_events::EventMetadata;

use super::Database;
use super::outbox_statements::{MarkPublished, Pending, PendingRow, ReadBacklog};
use crate::application::ports::{Backlog, Lease, Outbox, OutboxRow, StoreError};
use crate::failpoints;

#[derive(Debug, Clone)]
pub struct PgOutbox {
    database: Database,
}

impl PgOutbox {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Outbox for PgOutbox {
    async fn pending(&self, buckets: &[u16], per_bucket: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let statement = Pending {
            buckets: signed(buckets),
            per_bucket: i64::try_from(per_bucket).unwrap_or(i64::MAX),
        };
        let rows: Vec<PendingRow> = self.database.load(statement).await?;
        let mut rows = rows.into_iter().map(outbox_row).collect::<Result<Vec<_>, _>>()?;
        // They come in order as the index is read; nothing promises it.
        rows.sort_by_key(|row| (row.bucket, row.id));
        Ok(rows)
    }

    /// The epoch is checked in the statement that deletes, against the statement's snapshot. A take-over that commits in
    /// the same moment does no harm: what is deleted here has been acknowledged, whoever holds the lease.
    async fn mark_published(&self, rows: &[(Lease, i64)]) -> Result<usize, StoreError> {
        let statement = MarkPublished {
            buckets: rows.iter().map(|(lease, _)| lease.bucket as i16).collect(),
            epochs: rows.iter().map(|(lease, _)| lease.epoch).collect(),
            ids: rows.iter().map(|(_, id)| *id).collect(),
        };
        let gone: Vec<i64> = self.database.load(statement).await?;
        Ok(usize::try_from(gone.iter().sum::<i64>()).unwrap_or_default())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let rows: Vec<(i64, f64)> = self.database.load(ReadBacklog).await?;
        let (rows, mut oldest_seconds) = rows.first().copied().unwrap_or_default();
        if failpoints::planted("planted::outbox_age_zero") {
            oldest_seconds = 0.0;
        }
        Ok(Backlog {
            rows: u64::try_from(rows).unwrap_or_default(),
            oldest_seconds: oldest_seconds.max(0.0),
        })
    }
}

fn signed(buckets: &[u16]) -> Vec<i16> {
    buckets.iter().map(|bucket| *bucket as i16).collect()
}

fn outbox_row(row: PendingRow) -> Result<OutboxRow, StoreError> {
    let (
        (bucket, id, topic, aggregate, aggregate_id, version, event_id, event_type),
        (payload, actor, command_id, causation_id, correlation_id, occurred_at, traceparent),
    ) = row;
    Ok(OutboxRow {
        bucket: bucket as u16,
        id,
        topic,
        metadata: EventMetadata {
            event_id,
            event_type,
            aggregate: aggregate
                .parse()
                .map_err(|error: shared_events::topic::UnknownAggregateType| {
                    StoreError::Failed(error.into())
                })?,
            aggregate_id,
            version: u64::try_from(version).map_err(|error| StoreError::Failed(error.into()))?,
            occurred_at,
            actor,
            command_id,
            causation_id,
            correlation_id,
            traceparent,
        },
        payload,
    })
}
