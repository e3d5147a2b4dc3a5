//! The event store: streams are read and appended to in one round trip each.

use std::sync::Arc;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text, Uuid as SqlUuid};
use shared_events::codec::MAX_BODY_BYTES;
use uuid::Uuid;

use super::Database;
use super::append::{Append, is_whole};
use super::binds::{cached, statement};
use crate::application::ports::{
    Commit, EventStore, NumberSeries, Snapshot, StoreError, StoredEvent, StoredStream, StreamId,
};
use crate::failpoints;
use crate::outbound::bucket::bucket_of;
use crate::sharing::Wake;

/// Whom a commit wakes.
#[derive(Debug, Clone, Default)]
pub struct Wakes {
    /// The relays: there are events to publish.
    pub outbox: Arc<Wake>,
    /// The workers: there are commands to run.
    pub queue: Arc<Wake>,
}

#[derive(Debug, Clone)]
pub struct PgEventStore {
    pub(super) database: Database,
    pub(super) wakes: Wakes,
}

impl PgEventStore {
    pub fn new(database: Database, wakes: Wakes) -> Self {
        Self { database, wakes }
    }

    async fn append<const WHOLE: bool>(&self, commit: Commit) -> Result<(), StoreError> {
        let append = Append::<WHOLE>::of(commit).map_err(|_| StoreError::Conflict)?;
        let committed: Vec<i32> = self.database.load(append).await?;
        match committed.is_empty() {
            true => Err(StoreError::Conflict),
            false => Ok(()),
        }
    }
}

impl EventStore for PgEventStore {
    async fn read(
        &self,
        streams: &[StreamId],
        snapshot_format: Option<i32>,
    ) -> Result<Vec<StoredStream>, StoreError> {
        let rows: Vec<(i64, i64, Option<String>, Vec<u8>)> = self
            .database
            .load(ReadStreams::of(streams, snapshot_format))
            .await?;
        let mut answer = vec![StoredStream::default(); streams.len()];
        for (place, version, event_type, payload) in rows {
            let (Some(stream), Ok(version)) = (answer.get_mut(place as usize - 1), u64::try_from(version))
            else {
                return Err(StoreError::Failed(anyhow::anyhow!(
                    "an event of version {version} at place {place}"
                )));
            };
            match event_type {
                Some(event_type) => stream.events.push(StoredEvent {
                    version,
                    event_type,
                    payload,
                }),
                None => {
                    stream.snapshot = Some(Snapshot {
                        version,
                        state: payload,
                    });
                }
            }
        }
        for stream in &mut answer {
            // They come in order as the index is read; nothing promises it.
            stream.events.sort_by_key(|event| event.version);
        }
        Ok(answer)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let commit = failpoints::spoilt(commit);
        let told = commit.told.iter().map(|told| &told.event);
        // A broker would refuse it later, when it can no longer be undone and stops its bucket.
        if let Some(event) = commit
            .events
            .iter()
            .chain(told)
            .find(|event| event.payload.len() > MAX_BODY_BYTES)
        {
            return Err(StoreError::Failed(anyhow::anyhow!(
                "{} bytes of {} are more than an event may have",
                event.payload.len(),
                event.event_type
            )));
        }
        let publishes = (!commit.events.is_empty()).then_some(commit.command.stream.id);
        let tells: Vec<_> = commit.told.iter().map(|told| told.stream.id).collect();
        let follows: Vec<_> = commit
            .follow_ups
            .iter()
            .map(|command| command.stream.id)
            .collect();
        let [before, after] = match commit.place {
            None => ["append::before_commit", "append::after_commit"],
            Some(_) => ["worker::before_commit", "worker::after_commit"],
        };
        failpoints::cut(before);
        match is_whole(&commit) {
            true => self.append::<true>(commit).await?,
            false => self.append::<false>(commit).await?,
        }
        failpoints::cut(after);
        for stream in publishes.into_iter().chain(tells) {
            self.wakes.outbox.committed(bucket_of(stream));
        }
        for stream in follows {
            self.wakes.queue.committed(bucket_of(stream));
        }
        Ok(())
    }

    async fn save_snapshot(
        &self,
        stream: StreamId,
        snapshot: Snapshot,
        format: i32,
    ) -> Result<(), StoreError> {
        let statement = SaveSnapshot {
            aggregate: stream.aggregate.as_str(),
            id: stream.id,
            version: i64::try_from(snapshot.version).map_err(|error| StoreError::Failed(error.into()))?,
            format,
            state: snapshot.state,
        };
        self.database.execute(statement).await.map(drop)
    }

    async fn last_number(&self, series: NumberSeries) -> Result<i64, StoreError> {
        let rows: Vec<i64> = self.database.load(LastNumber(series.as_str())).await?;
        rows.first()
            .copied()
            .ok_or_else(|| StoreError::Failed(anyhow::anyhow!("there is no series {}", series.as_str())))
    }
}

pub(super) struct ReadStreams {
    aggregates: Vec<&'static str>,
    ids: Vec<Uuid>,
    snapshot_format: Option<i32>,
}

impl ReadStreams {
    pub(super) fn of(streams: &[StreamId], snapshot_format: Option<i32>) -> Self {
        Self {
            aggregates: streams.iter().map(|stream| stream.aggregate.as_str()).collect(),
            ids: streams.iter().map(|stream| stream.id).collect(),
            snapshot_format,
        }
    }
}

cached!(ReadStreams => (BigInt, BigInt, Nullable<Text>, Binary));

/// A snapshot comes as a row without an event type.
impl QueryFragment<Pg> for ReadStreams {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT s.place, e.version, e.event_type, e.payload FROM unnest("
            {&self.aggregates => Array<Text>} ", "
            {&self.ids => Array<SqlUuid>} ") WITH ORDINALITY AS s(aggregate, id, place) LEFT JOIN snapshots n \
             ON n.aggregate = s.aggregate AND n.stream_id = s.id AND n.format = "
            {&self.snapshot_format => Nullable<Integer>} " CROSS JOIN LATERAL \
             (SELECT version, event_type, payload FROM events WHERE aggregate = s.aggregate AND stream_id = s.id \
              AND version > coalesce(n.version, 0) \
              UNION ALL SELECT n.version, NULL, n.state WHERE n.version IS NOT NULL) e"
        )
    }
}

/// Never puts an older one in place of a newer one of the same format.
struct SaveSnapshot {
    aggregate: &'static str,
    id: Uuid,
    version: i64,
    format: i32,
    state: Vec<u8>,
}

cached!(SaveSnapshot => ());

impl QueryFragment<Pg> for SaveSnapshot {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "INSERT INTO snapshots AS s (aggregate, stream_id, version, format, state) VALUES ("
            {&self.aggregate => Text} ", "
            {&self.id => SqlUuid} ", "
            {&self.version => BigInt} ", "
            {&self.format => Integer} ", "
            {&self.state => Binary} ") ON CONFLICT ON CONSTRAINT snapshots_stream DO UPDATE \
             SET version = excluded.version, format = excluded.format, state = excluded.state \
             WHERE s.version < excluded.version OR s.format <> excluded.format"
        )
    }
}

struct LastNumber(&'static str);

cached!(LastNumber => BigInt);

impl QueryFragment<Pg> for LastNumber {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out; "SELECT last FROM number_series WHERE series = " {&self.0 => Text})
    }
}
