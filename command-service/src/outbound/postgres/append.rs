//! The statement behind a commit: command record, events and outbox rows in one round trip and one transaction.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use super::binds::{cached, statement};
use crate::application::ports::{CommandOutcome, CommandRecord, Commit};
use crate::outbound::bucket::bucket_of;

/// Answers one row when it was committed, and none when the expected version lies beyond the stream's head. An expected
/// version below the head violates the events' primary key; a command recorded before violates the commands'.
pub struct Append {
    command: CommandRecord,
    occurred_at: DateTime<Utc>,
    traceparent: Option<String>,
    aggregate: &'static str,
    topic: &'static str,
    bucket: i16,
    expected_version: i64,
    outcome: &'static str,
    version: Option<i64>,
    refusal_kind: Option<&'static str>,
    refusal_detail: Option<String>,
    event_ids: Vec<Uuid>,
    event_types: Vec<&'static str>,
    payloads: Vec<Vec<u8>>,
}

/// A version that no stream can have, because the store's type ends before it.
#[derive(Debug)]
pub struct BeyondAnyStream;

impl Append {
    pub fn of(commit: Commit) -> Result<Self, BeyondAnyStream> {
        let Commit {
            command,
            expected_version,
            events,
            occurred_at,
            traceparent,
        } = commit;
        let (outcome, version, refusal_kind, refusal_detail) = match &command.outcome {
            CommandOutcome::Succeeded { version } => ("succeeded", Some(signed(*version)?), None, None),
            CommandOutcome::Refused { kind, detail } => ("refused", None, Some(*kind), Some(detail.clone())),
        };
        Ok(Self {
            aggregate: command.stream.aggregate.as_str(),
            topic: command.stream.aggregate.topic(),
            bucket: bucket_of(command.stream.id) as i16,
            expected_version: signed(expected_version)?,
            outcome,
            version,
            refusal_kind,
            refusal_detail,
            event_ids: events.iter().map(|event| event.event_id).collect(),
            event_types: events.iter().map(|event| event.event_type).collect(),
            payloads: events.into_iter().map(|event| event.payload).collect(),
            command,
            occurred_at,
            traceparent,
        })
    }
}

fn signed(version: u64) -> Result<i64, BeyondAnyStream> {
    i64::try_from(version).map_err(|_| BeyondAnyStream)
}

cached!(Append => Integer);

impl QueryFragment<Pg> for Append {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
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
            {&self.event_ids => Array<SqlUuid>} " = '{}' OR EXISTS (SELECT FROM events e WHERE e.aggregate = given.aggregate \
              AND e.stream_id = given.stream_id AND e.version = given.expected_version)\
             ), recorded AS (INSERT INTO commands (command_id, command_type, aggregate, stream_id, actor, received_at, body, \
              causation_id, correlation_id, outcome, version, refusal_kind, refusal_detail) SELECT command_id, "
            {&command.command_type => Text} ", aggregate, stream_id, actor, "
            {&command.received_at => Timestamptz} ", "
            {&command.body => Jsonb} ", causation_id, correlation_id, "
            {&self.outcome => Text} ", "
            {&self.version => Nullable<BigInt>} ", "
            {&self.refusal_kind => Nullable<Text>} ", "
            {&self.refusal_detail => Nullable<Text>} " FROM head RETURNING command_id"
            // After the command's record, so that a repeated command is told as such and not as a conflict.
            "), incoming AS (SELECT head.*, e.* FROM recorded CROSS JOIN head CROSS JOIN unnest("
            {&self.event_ids => Array<SqlUuid>} ", "
            {&self.event_types => Array<Text>} ", "
            {&self.payloads => Array<Binary>} ") WITH ORDINALITY AS e(event_id, event_type, payload, place)\
             ), appended AS (INSERT INTO events (aggregate, stream_id, version, event_id, event_type, payload, actor, \
              command_id, causation_id, correlation_id, occurred_at) SELECT aggregate, stream_id, expected_version + place, \
              event_id, event_type, payload, actor, command_id, causation_id, correlation_id, occurred_at \
              FROM incoming ORDER BY place\
             ), queued AS (INSERT INTO outbox (bucket, topic, aggregate, stream_id, version, event_id, event_type, payload, \
              actor, command_id, causation_id, correlation_id, occurred_at, traceparent) SELECT "
            {&self.bucket => SmallInt} ", "
            {&self.topic => Text} ", aggregate, stream_id, expected_version + place, event_id, event_type, payload, actor, \
              command_id, causation_id, correlation_id, occurred_at, "
            {&self.traceparent => Nullable<Text>} " FROM incoming ORDER BY place\
             ) SELECT 1 FROM recorded"
        )
    }
}
