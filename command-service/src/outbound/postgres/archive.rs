//! The walk through all streams. The pages go from key to key, not over all events, so that a stream's length costs nothing.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Binary, Text, Timestamptz, Uuid as SqlUuid};
use shared_events::{AggregateType, EventMetadata};
use uuid::Uuid;

use super::Database;
use super::binds::{cached, statement};
use crate::application::ports::{ArchivedEvent, EventArchive, StoreError, StreamId};
use crate::outbound::bucket::bucket_of;

#[derive(Debug, Clone)]
pub struct PgEventArchive {
    database: Database,
}

impl PgEventArchive {
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl EventArchive for PgEventArchive {
    async fn streams(
        &self,
        aggregate: AggregateType,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Uuid>, StoreError> {
        let aggregate = aggregate.as_str();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match after {
            None => {
                let first = StreamPage::<true> {
                    aggregate,
                    from: Uuid::nil(),
                    limit,
                };
                self.database.load(first).await
            }
            Some(from) => {
                let next = StreamPage::<false> {
                    aggregate,
                    from,
                    limit,
                };
                self.database.load(next).await
            }
        }
    }

    async fn events(
        &self,
        streams: &[(StreamId, u64)],
        per_stream: usize,
    ) -> Result<Vec<Vec<ArchivedEvent>>, StoreError> {
        let statement = ReadEvents {
            aggregates: streams
                .iter()
                .map(|(stream, _)| stream.aggregate.as_str())
                .collect(),
            ids: streams.iter().map(|(stream, _)| stream.id).collect(),
            from: streams
                .iter()
                .map(|(_, version)| i64::try_from(*version).unwrap_or(i64::MAX))
                .collect(),
            per_stream: i64::try_from(per_stream).unwrap_or(i64::MAX),
        };
        let rows: Vec<EventRow> = self.database.load(statement).await?;
        let mut answer: Vec<Vec<ArchivedEvent>> = streams.iter().map(|_| Vec::new()).collect();
        for row in rows {
            let place = usize::try_from(row.0 - 1).unwrap_or(usize::MAX);
            let (Some((stream, _)), Some(events)) = (streams.get(place), answer.get_mut(place)) else {
                return Err(StoreError::Failed(anyhow::anyhow!("an event at place {place}")));
            };
            events.push(archived(*stream, row)?);
        }
        for events in &mut answer {
            // They come in order as the index is read; nothing promises it.
            events.sort_by_key(|event| event.metadata.version);
        }
        Ok(answer)
    }

    fn bucket(&self, aggregate_id: Uuid) -> u16 {
        bucket_of(aggregate_id)
    }
}

fn archived(stream: StreamId, row: EventRow) -> Result<ArchivedEvent, StoreError> {
    let (
        _,
        version,
        event_id,
        event_type,
        payload,
        actor,
        command_id,
        causation_id,
        correlation_id,
        occurred_at,
    ) = row;
    Ok(ArchivedEvent {
        metadata: EventMetadata {
            event_id,
            event_type,
            aggregate: stream.aggregate,
            aggregate_id: stream.id,
            version: u64::try_from(version).map_err(|error| StoreError::Failed(error.into()))?,
            occurred_at,
            actor,
            command_id,
            causation_id,
            correlation_id,
            traceparent: None,
        },
        payload,
    })
}

/// Each step finds the next id by the primary key. `FIRST`: the id it starts from may be one itself.
struct StreamPage<const FIRST: bool> {
    aggregate: &'static str,
    from: Uuid,
    limit: i64,
}

cached!(StreamPage<true> => SqlUuid);
cached!(StreamPage<false> => SqlUuid);

impl<const FIRST: bool> QueryFragment<Pg> for StreamPage<FIRST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        statement!(out;
            "WITH RECURSIVE found AS ((SELECT e.stream_id FROM events e WHERE e.aggregate = "
            {&self.aggregate => Text} " AND e.stream_id "
        )?;
        out.push_sql(if FIRST { ">= " } else { "> " });
        statement!(out;
            {&self.from => SqlUuid} " ORDER BY e.stream_id LIMIT 1) UNION ALL SELECT next.stream_id FROM found \
             CROSS JOIN LATERAL (SELECT e.stream_id FROM events e WHERE e.aggregate = "
            {&self.aggregate => Text} " AND e.stream_id > found.stream_id ORDER BY e.stream_id LIMIT 1) next\
             ) SELECT stream_id FROM found LIMIT "
            {&self.limit => BigInt}
        )
    }
}

struct ReadEvents {
    aggregates: Vec<&'static str>,
    ids: Vec<Uuid>,
    from: Vec<i64>,
    per_stream: i64,
}

type EventRow = (
    i64,
    i64,
    Uuid,
    String,
    Vec<u8>,
    String,
    Uuid,
    Uuid,
    Uuid,
    DateTime<Utc>,
);

cached!(ReadEvents => (BigInt, BigInt, SqlUuid, Text, Binary, Text, SqlUuid, SqlUuid, SqlUuid, Timestamptz));

impl QueryFragment<Pg> for ReadEvents {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT s.place, e.version, e.event_id, e.event_type, e.payload, e.actor, e.command_id, e.causation_id, \
             e.correlation_id, e.occurred_at FROM unnest("
            {&self.aggregates => Array<Text>} ", "
            {&self.ids => Array<SqlUuid>} ", "
            {&self.from => Array<BigInt>} ") WITH ORDINALITY AS s(aggregate, id, first, place) CROSS JOIN LATERAL \
             (SELECT * FROM events WHERE aggregate = s.aggregate AND stream_id = s.id AND version >= s.first \
              ORDER BY version LIMIT "
            {&self.per_stream => BigInt} ") e"
        )
    }
}
