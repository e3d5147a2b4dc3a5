//! The event store: streams are read and appended to in one round trip each.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Binary, Text, Uuid as SqlUuid};
use shared_events::codec::MAX_BODY_BYTES;
use uuid::Uuid;

use super::Database;
use super::append::Append;
use super::binds::{cached, statement};
use crate::application::ports::{Commit, EventStore, StoreError, StoredEvent, StreamId};
use crate::outbound::bucket::bucket_of;
use crate::relay::Wake;

#[derive(Debug, Clone)]
pub struct PgEventStore {
    database: Database,
    wake: Arc<Wake>,
}

impl PgEventStore {
    pub fn new(database: Database, wake: Arc<Wake>) -> Self {
        Self { database, wake }
    }
}

impl EventStore for PgEventStore {
    async fn read(&self, streams: &[StreamId]) -> Result<Vec<Vec<StoredEvent>>, StoreError> {
        let rows: Vec<(i64, i64, String, Vec<u8>)> = self.database.load(ReadStreams::of(streams)).await?;
        let mut answer = vec![Vec::new(); streams.len()];
        for (place, version, event_type, payload) in rows {
            let (Some(stream), Ok(version)) = (answer.get_mut(place as usize - 1), u64::try_from(version))
            else {
                return Err(StoreError::Failed(anyhow::anyhow!(
                    "an event of version {version} at place {place}"
                )));
            };
            stream.push(StoredEvent {
                version,
                event_type,
                payload,
            });
        }
        for stream in &mut answer {
            // They come in order as the index is read; nothing promises it.
            stream.sort_by_key(|event| event.version);
        }
        Ok(answer)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        // A broker would refuse it later, when it can no longer be undone and stops its bucket.
        if let Some(event) = commit
            .events
            .iter()
            .find(|event| event.payload.len() > MAX_BODY_BYTES)
        {
            return Err(StoreError::Failed(anyhow::anyhow!(
                "{} bytes of {} are more than an event may have",
                event.payload.len(),
                event.event_type
            )));
        }
        let bucket = bucket_of(commit.command.stream.id);
        let publishes = !commit.events.is_empty();
        let append = Append::of(commit).map_err(|_| StoreError::Conflict)?;
        let committed: Vec<i32> = self.database.load(append).await?;
        if committed.is_empty() {
            return Err(StoreError::Conflict);
        }
        if publishes {
            self.wake.committed(bucket);
        }
        Ok(())
    }
}

pub(super) struct ReadStreams {
    aggregates: Vec<&'static str>,
    ids: Vec<Uuid>,
}

impl ReadStreams {
    pub(super) fn of(streams: &[StreamId]) -> Self {
        Self {
            aggregates: streams.iter().map(|stream| stream.aggregate.as_str()).collect(),
            ids: streams.iter().map(|stream| stream.id).collect(),
        }
    }
}

cached!(ReadStreams => (BigInt, BigInt, Text, Binary));

impl QueryFragment<Pg> for ReadStreams {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT s.place, e.version, e.event_type, e.payload FROM unnest("
            {&self.aggregates => Array<Text>} ", "
            {&self.ids => Array<SqlUuid>} ") WITH ORDINALITY AS s(aggregate, id, place) CROSS JOIN LATERAL \
             (SELECT version, event_type, payload FROM events WHERE aggregate = s.aggregate AND stream_id = s.id \
              ORDER BY version) e"
        )
    }
}
