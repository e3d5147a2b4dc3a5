//! The statement behind a commit, in one round trip and one transaction: the command's record, events, outbox rows, and
//! where there are any, follow-up commands, an idempotency key, a number taken, a row of the queue done with.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::binds::statement;
use super::queue_statements::QueueRows;
use crate::application::ports::{
    CommandOutcome, CommandRecord, Commit, IdempotencyKey, NumberClaim, QueuePlace,
};
use crate::outbound::bucket::bucket_of;

/// Answers one row when it was committed, and none when the expected version lies beyond the stream's head or the number
/// is not the next one. An expected version below the head violates the events' primary key; a command recorded before
/// violates the commands', a key used before its own.
///
/// Most commits are events and their command and nothing else: with `WHOLE` unset, the statement has no more to plan and
/// start than that.
pub struct Append<const WHOLE: bool> {
    command: CommandRecord,
    occurred_at: DateTime<Utc>,
    traceparent: Option<String>,
    aggregate: &'static str,
    expected_version: i64,
    outcome: &'static str,
    version: Option<i64>,
    refusal: (Option<String>, Option<String>, Option<String>),
    events: EventRows,
    whole: Whole,
}

#[derive(Default)]
struct EventRows {
    aggregates: Vec<&'static str>,
    topics: Vec<&'static str>,
    streams: Vec<Uuid>,
    buckets: Vec<i16>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    types: Vec<&'static str>,
    payloads: Vec<Vec<u8>>,
}

/// What only some commits have.
struct Whole {
    series: Option<&'static str>,
    last_number: Option<i64>,
    key: Option<String>,
    request_hash: Option<Vec<u8>>,
    queue_bucket: Option<i16>,
    queue_id: Option<i64>,
    follow_ups: QueueRows,
}

/// A version that no stream can have, because the store's type ends before it.
#[derive(Debug)]
pub struct BeyondAnyStream;

/// Whether a commit is more than events and their command.
pub fn is_whole(commit: &Commit) -> bool {
    !commit.told.is_empty()
        || !commit.follow_ups.is_empty()
        || commit.claim.is_some()
        || commit.key.is_some()
        || commit.place.is_some()
}

impl<const WHOLE: bool> Append<WHOLE> {
    pub fn of(commit: Commit) -> Result<Self, BeyondAnyStream> {
        let Commit {
            command,
            expected_version,
            events,
            told,
            follow_ups,
            claim,
            key,
            place,
            occurred_at,
            traceparent,
        } = commit;
        let stream = command.stream;
        let mut rows = EventRows::default();
        for (event, version) in events.into_iter().zip(expected_version + 1..) {
            rows.push(stream, version, event)?;
        }
        for told in told {
            rows.push(told.stream, told.version, told.event)?;
        }
        let (outcome, version, refusal) = match &command.outcome {
            CommandOutcome::Succeeded { version } => {
                ("succeeded", Some(signed(*version)?), (None, None, None))
            }
            CommandOutcome::Refused(refusal) => {
                let refusal = refusal.clone();
                (
                    "refused",
                    None,
                    (Some(refusal.kind), Some(refusal.detail), refusal.pointer),
                )
            }
            CommandOutcome::Failed { detail } => (
                "failed",
                None,
                (Some("failed".to_owned()), Some(detail.clone()), None),
            ),
        };
        Ok(Self {
            aggregate: stream.aggregate.as_str(),
            expected_version: signed(expected_version)?,
            outcome,
            version,
            refusal,
            events: rows,
            whole: Whole::of(claim, key, place, QueueRows::of(follow_ups)?),
            command,
            occurred_at,
            traceparent,
        })
    }
}

impl EventRows {
    fn push(
        &mut self,
        stream: crate::application::ports::StreamId,
        version: u64,
        event: crate::application::ports::NewEvent,
    ) -> Result<(), BeyondAnyStream> {
        self.aggregates.push(stream.aggregate.as_str());
        self.topics.push(stream.aggregate.topic());
        self.streams.push(stream.id);
        self.buckets.push(bucket_of(stream.id) as i16);
        self.versions.push(signed(version)?);
        self.ids.push(event.event_id);
        self.types.push(event.event_type);
        self.payloads.push(event.payload);
        Ok(())
    }
}

impl Whole {
    fn of(
        claim: Option<NumberClaim>,
        key: Option<IdempotencyKey>,
        place: Option<QueuePlace>,
        follow_ups: QueueRows,
    ) -> Self {
        let (key, request_hash) = key.map_or((None, None), |key| {
            (Some(key.key), Some(key.request_hash.to_vec()))
        });
        Self {
            series: claim.map(|claim| claim.series.as_str()),
            last_number: claim.map(|claim| claim.number - 1),
            key,
            request_hash,
            queue_bucket: place.map(|place| place.bucket as i16),
            queue_id: place.map(|place| place.id),
            follow_ups,
        }
    }
}

pub(super) fn signed(version: u64) -> Result<i64, BeyondAnyStream> {
    i64::try_from(version).map_err(|_| BeyondAnyStream)
}

/// One prepared statement for each form.
impl<const WHOLE: bool> QueryId for Append<WHOLE> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const WHOLE: bool> Query for Append<WHOLE> {
    type SqlType = Integer;
}

impl<const WHOLE: bool> QueryFragment<Pg> for Append<WHOLE> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.head(&mut out)?;
        if WHOLE {
            self.claimed(&mut out)?;
        }
        self.recorded(&mut out)?;
        self.appended(&mut out)?;
        if WHOLE {
            self.consequences(&mut out)?;
        }
        out.push_sql(") SELECT 1 FROM recorded");
        Ok(())
    }
}

impl<const WHOLE: bool> Append<WHOLE> {
    fn head<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let command = &self.command;
        statement!(out;
            "WITH given AS (SELECT "
            {&command.command_id => SqlUuid} " AS command_id, "
            {&self.aggregate => Text} " AS aggregate, "
            {&command.stream.id => SqlUuid} " AS stream_id, "
            {&self.expected_version => BigInt} " AS expected_version, "
            {&command.actor => Text} " AS actor, "
            {&command.causation_id => SqlUuid} " AS causation_id, "
            {&command.correlation_id => SqlUuid} " AS correlation_id, "
            {&self.occurred_at => Timestamptz} " AS occurred_at"
            // The version that the events follow must be there: no gap, whatever a caller thinks.
            "), head AS (SELECT given.* FROM given WHERE expected_version = 0 OR "
            {&self.events.ids => Array<SqlUuid>} " = '{}' OR EXISTS (SELECT FROM events e WHERE e.aggregate = given.aggregate \
              AND e.stream_id = given.stream_id AND e.version = given.expected_version)"
        )
    }

    /// A number that another has taken meanwhile leaves no row, so that nothing is recorded.
    fn claimed<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "), claimed AS (UPDATE number_series s SET last = s.last + 1 FROM head WHERE s.series = "
            {&self.whole.series => Nullable<Text>} " AND s.last = "
            {&self.whole.last_number => Nullable<BigInt>} " RETURNING s.last\
             ), ready AS (SELECT head.* FROM head WHERE "
            {&self.whole.series => Nullable<Text>} " IS NULL OR EXISTS (SELECT FROM claimed)"
        )
    }

    fn recorded<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let command = &self.command;
        let (kind, detail, pointer) = &self.refusal;
        statement!(out;
            "), recorded AS (INSERT INTO commands (command_id, command_type, aggregate, stream_id, actor, received_at, body, \
              causation_id, correlation_id, outcome, version, refusal_kind, refusal_detail, refusal_pointer, decided_at) \
              SELECT command_id, "
            {&command.command_type => Text} ", aggregate, stream_id, actor, "
            {&command.received_at => Timestamptz} ", "
            {&command.body => Jsonb} ", causation_id, correlation_id, "
            {&self.outcome => Text} ", "
            {&self.version => Nullable<BigInt>} ", "
            {kind => Nullable<Text>} ", "
            {detail => Nullable<Text>} ", "
            {pointer => Nullable<Text>} ", occurred_at FROM "
        )?;
        out.push_sql(if WHOLE { "ready" } else { "head" });
        out.push_sql(" RETURNING command_id");
        Ok(())
    }

    fn appended<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            // After the command's record, so that a repeated command is told as such and not as a conflict.
            "), incoming AS (SELECT head.command_id, head.actor, head.causation_id, head.correlation_id, head.occurred_at, e.* \
              FROM recorded CROSS JOIN head CROSS JOIN unnest("
            {&self.events.aggregates => Array<Text>} ", "
            {&self.events.streams => Array<SqlUuid>} ", "
            {&self.events.versions => Array<BigInt>} ", "
            {&self.events.ids => Array<SqlUuid>} ", "
            {&self.events.types => Array<Text>} ", "
            {&self.events.payloads => Array<Binary>} ", "
            {&self.events.topics => Array<Text>} ", "
            {&self.events.buckets => Array<SmallInt>}
            ") WITH ORDINALITY AS e(aggregate, stream_id, version, event_id, event_type, payload, topic, bucket, place)\
             ), appended AS (INSERT INTO events (aggregate, stream_id, version, event_id, event_type, payload, actor, \
              command_id, causation_id, correlation_id, occurred_at) SELECT aggregate, stream_id, version, \
              event_id, event_type, payload, actor, command_id, causation_id, correlation_id, occurred_at \
              FROM incoming ORDER BY place\
             ), queued AS (INSERT INTO outbox (bucket, topic, aggregate, stream_id, version, event_id, event_type, payload, \
              actor, command_id, causation_id, correlation_id, occurred_at, traceparent) SELECT bucket, topic, aggregate, \
              stream_id, version, event_id, event_type, payload, actor, command_id, causation_id, correlation_id, occurred_at, "
            {&self.traceparent => Nullable<Text>} " FROM incoming ORDER BY place"
        )
    }

    fn consequences<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        statement!(out;
            "), keyed AS (INSERT INTO idempotency_keys (actor, key, request_hash, command_id, deferred) SELECT head.actor, "
            {&self.whole.key => Nullable<Text>} ", "
            {&self.whole.request_hash => Nullable<Binary>} ", head.command_id, false FROM recorded CROSS JOIN head WHERE "
            {&self.whole.key => Nullable<Text>} " IS NOT NULL\
             ), done AS (DELETE FROM command_queue q USING recorded WHERE q.bucket = "
            {&self.whole.queue_bucket => Nullable<SmallInt>} " AND q.id = "
            {&self.whole.queue_id => Nullable<BigInt>}
            "), following AS ("
        )?;
        self.whole.follow_ups.insert(out, "recorded")
    }
}
