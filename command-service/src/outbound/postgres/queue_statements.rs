//! The statements of the queue of commands.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{
    Array, BigInt, Binary, Double, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::append::{BeyondAnyStream, signed};
use super::binds::{cached, statement};
use crate::application::ports::{IdempotencyKey, QueuedCommand};
use crate::outbound::bucket::bucket_of;

/// Commands to be queued, column by column.
#[derive(Default)]
pub struct QueueRows {
    pub buckets: Vec<i16>,
    command_ids: Vec<Uuid>,
    command_types: Vec<String>,
    aggregates: Vec<&'static str>,
    streams: Vec<Uuid>,
    actors: Vec<String>,
    received_ats: Vec<DateTime<Utc>>,
    bodies: Vec<serde_json::Value>,
    causation_ids: Vec<Uuid>,
    correlation_ids: Vec<Uuid>,
    traceparents: Vec<Option<String>>,
    /// As the text of an array, because arrays of arrays must be of one length.
    if_matches: Vec<Option<String>>,
}

impl QueueRows {
    pub fn of(commands: Vec<QueuedCommand>) -> Result<Self, BeyondAnyStream> {
        let mut rows = Self::default();
        for command in commands {
            rows.buckets.push(bucket_of(command.stream.id) as i16);
            rows.command_ids.push(command.command_id);
            rows.command_types.push(command.command_type);
            rows.aggregates.push(command.stream.aggregate.as_str());
            rows.streams.push(command.stream.id);
            rows.actors.push(command.actor);
            rows.received_ats.push(command.received_at);
            rows.bodies.push(command.body);
            rows.causation_ids.push(command.causation_id);
            rows.correlation_ids.push(command.correlation_id);
            rows.traceparents.push(command.traceparent);
            rows.if_matches.push(
                command
                    .if_match
                    .map(|versions| array_text(&versions))
                    .transpose()?,
            );
        }
        Ok(rows)
    }

    /// `INSERT … SELECT` of the rows, once for each row of the table expression `given`; in their order, so that ids
    /// grow with it.
    pub fn insert<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>, given: &'static str) -> QueryResult<()> {
        statement!(out;
            "INSERT INTO command_queue (bucket, command_id, command_type, aggregate, stream_id, actor, received_at, body, \
              causation_id, correlation_id, traceparent, if_match) SELECT c.bucket, c.command_id, c.command_type, c.aggregate, \
              c.stream_id, c.actor, c.received_at, c.body, c.causation_id, c.correlation_id, c.traceparent, \
              c.if_match::bigint[] FROM unnest("
            {&self.buckets => Array<SmallInt>} ", "
            {&self.command_ids => Array<SqlUuid>} ", "
            {&self.command_types => Array<Text>} ", "
            {&self.aggregates => Array<Text>} ", "
            {&self.streams => Array<SqlUuid>} ", "
            {&self.actors => Array<Text>} ", "
            {&self.received_ats => Array<Timestamptz>} ", "
            {&self.bodies => Array<Jsonb>} ", "
            {&self.causation_ids => Array<SqlUuid>} ", "
            {&self.correlation_ids => Array<SqlUuid>} ", "
            {&self.traceparents => Array<Nullable<Text>>} ", "
            {&self.if_matches => Array<Nullable<Text>>}
            ") WITH ORDINALITY AS c(bucket, command_id, command_type, aggregate, stream_id, actor, received_at, body, \
              causation_id, correlation_id, traceparent, if_match, place) CROSS JOIN "
        )?;
        out.push_sql(given);
        out.push_sql(" ORDER BY c.place");
        Ok(())
    }
}

fn array_text(versions: &[u64]) -> Result<String, BeyondAnyStream> {
    let versions = versions
        .iter()
        .map(|version| signed(*version).map(|version| version.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{{{}}}", versions.join(",")))
}

/// Queues a client's command with its key.
pub struct Enqueue {
    rows: QueueRows,
    actor: String,
    command_id: Uuid,
    key: Option<String>,
    request_hash: Option<Vec<u8>>,
}

impl Enqueue {
    pub fn of(command: QueuedCommand, key: Option<IdempotencyKey>) -> Result<Self, BeyondAnyStream> {
        let (key, request_hash) = key.map_or((None, None), |key| {
            (Some(key.key), Some(key.request_hash.to_vec()))
        });
        Ok(Self {
            actor: command.actor.clone(),
            command_id: command.command_id,
            rows: QueueRows::of(vec![command])?,
            key,
            request_hash,
        })
    }
}

cached!(Enqueue => Integer);

impl QueryFragment<Pg> for Enqueue {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let out = &mut out;
        statement!(out;
            "WITH keyed AS (INSERT INTO idempotency_keys (actor, key, request_hash, command_id, deferred) SELECT "
            {&self.actor => Text} ", "
            {&self.key => Nullable<Text>} ", "
            {&self.request_hash => Nullable<Binary>} ", "
            {&self.command_id => SqlUuid} ", true WHERE "
            {&self.key => Nullable<Text>} " IS NOT NULL), queued AS ("
        )?;
        self.rows.insert(out, "(SELECT) AS once")?;
        out.push_sql(" RETURNING 1) SELECT 1 FROM queued");
        Ok(())
    }
}

/// The beginning of each bucket without what is postponed and what is behind it, marked as running.
pub struct Take {
    pub buckets: Vec<i16>,
    pub per_bucket: i64,
}

pub type TakenRow = (
    (i16, i64, Uuid, String, String, Uuid, String, DateTime<Utc>),
    (
        serde_json::Value,
        Uuid,
        Uuid,
        Option<String>,
        Option<Vec<i64>>,
        i32,
        i32,
    ),
);

cached!(Take => (
    (SmallInt, BigInt, SqlUuid, Text, Text, SqlUuid, Text, Timestamptz),
    (Jsonb, SqlUuid, SqlUuid, Nullable<Text>, Nullable<Array<BigInt>>, Integer, Integer),
));

impl QueryFragment<Pg> for Take {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "UPDATE command_queue q SET started_at = clock_timestamp() FROM (SELECT o.bucket, o.id FROM unnest("
            {&self.buckets => Array<SmallInt>} ") AS wanted(bucket) CROSS JOIN LATERAL (SELECT c.bucket, c.id FROM command_queue c \
             WHERE c.bucket = wanted.bucket AND NOT EXISTS (SELECT FROM command_queue p WHERE p.bucket = c.bucket \
              AND p.aggregate = c.aggregate AND p.stream_id = c.stream_id AND p.retry_at IS NOT NULL \
              AND p.retry_at > clock_timestamp()) ORDER BY c.id LIMIT "
            {&self.per_bucket => BigInt} ") o) due WHERE q.bucket = due.bucket AND q.id = due.id \
             RETURNING q.bucket, q.id, q.command_id, q.command_type, q.aggregate, q.stream_id, q.actor, q.received_at, \
             q.body, q.causation_id, q.correlation_id, q.traceparent, q.if_match, q.attempts, q.faults"
        )
    }
}

pub struct Postpone {
    pub bucket: i16,
    pub id: i64,
    pub seconds: f64,
    pub error: String,
    /// That it adds.
    pub faults: i32,
}

cached!(Postpone => ());

impl QueryFragment<Pg> for Postpone {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "WITH failed AS (UPDATE command_queue SET attempts = attempts + 1, started_at = NULL, faults = faults + "
            {&self.faults => Integer} ", last_error = "
            {&self.error => Text} ", retry_at = clock_timestamp() + "
            {&self.seconds => Double} " * interval '1 second' WHERE bucket = "
            {&self.bucket => SmallInt} " AND id = "
            {&self.id => BigInt} " RETURNING bucket, id, aggregate, stream_id\
             ) UPDATE command_queue q SET started_at = NULL FROM failed f WHERE q.bucket = f.bucket AND q.id > f.id \
             AND q.aggregate = f.aggregate AND q.stream_id = f.stream_id AND q.started_at IS NOT NULL"
        )
    }
}

pub struct Remove {
    pub bucket: i16,
    pub id: i64,
}

cached!(Remove => ());

impl QueryFragment<Pg> for Remove {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "DELETE FROM command_queue WHERE bucket = "
            {&self.bucket => SmallInt} " AND id = "
            {&self.id => BigInt}
        )
    }
}

pub struct ReadWaiting;

cached!(ReadWaiting => (Text, BigInt, Double));

impl QueryFragment<Pg> for ReadWaiting {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "SELECT command_type, count(*), greatest(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8 \
             FROM command_queue GROUP BY command_type"
        )
    }
}
